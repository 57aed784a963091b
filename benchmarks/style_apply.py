"""Seconds to paint a picture with a trained network: Segue beside a plain loop like that of PyTorch's example.

    OMP_NUM_THREADS=2 python benchmarks/style_apply.py [--size 512x768] [--width 1] [--rounds 5]

Both have the same network with the same random weights (Johnson's, 1.7 million of them at width 1, instance
normalisation with the gains and offsets of one style) and the same picture. The plain side is written as the example
writes it (https://github.com/pytorch/examples/tree/main/fast_neural_style): a module for each padded convolution,
nn.InstanceNorm2d, in float32 and contiguous memory, under torch.no_grad(). What comes out changes the photo as it
does in ours. Segue's side is `StyleNetwork.stylise` as `segue style apply` calls it: channels-last memory, bfloat16
where the hardware multiplies it (--precision fp32 leaves that out), freed memory kept.

Each side has a process of its own, as it would have at a user's. They take turns, each timed as the mean of a few
pictures, and the medians of the rounds are compared. Before that the two paintings are: their pixels, 0 to 1, may
differ by 1e-4 at most in float32, and by 0.02 in the mean and 0.25 at most in bfloat16. How much of the time the
multiplications of the convolutions alone would take is told beside it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from roof import share, steps
from table import emit, faster, told
from torch import Tensor, nn
from torch.nn import functional

from segue.style.network import Wanted
from segue.style.transform_network import DARKEST, TransformNetwork
from segue.train.heap import keep_freed_memory
from segue.train.machine import pick_precision

AGREE = {"fp32": (1e-4, 1e-4), "bf16": (0.02, 0.25)}  # mean and largest difference of a pixel
SIDES = ("segue", "plain")


def network(width: float) -> TransformNetwork:
    """One style, weights of seed 0, gains and offsets off the ones they begin with; the same in every process."""
    torch.manual_seed(0)
    made = TransformNetwork(1, width)
    for norm in made.norms:
        nn.init.normal_(norm.gain, 1.0, 0.2)
        nn.init.normal_(norm.offset, 0.0, 0.2)
    return made.eval().requires_grad_(False)


def picture(size: tuple[int, int]) -> Tensor:
    """Smooth noise, the same in every process."""
    small = torch.rand(1, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    return functional.interpolate(small, size, mode="bicubic").clamp(0, 1)


# --- Segue -----------------------------------------------------------------------------------------------------------


class Segue:
    """What `segue style apply` does with a picture that needs no tiles."""

    def __init__(self, given: argparse.Namespace) -> None:
        keep_freed_memory()
        self.network = network(given.width).computing_in(pick_precision(given.precision, "cpu"))
        self.network.to(memory_format=torch.channels_last)
        self.style = self.network.prepared([Wanted(row=0)])
        self.content = picture(_size(given.size))

    def paint(self) -> Tensor:
        with torch.inference_mode():
            return self.network.stylise(self.content, self.style)


# --- the plain loop --------------------------------------------------------------------------------------------------


class PaddedConvolution(nn.Module):
    def __init__(self, channels: int, out: int, kernel: int, stride: int, enlarge: int = 1) -> None:
        super().__init__()
        self.enlarge = enlarge
        self.padding = nn.ReflectionPad2d(kernel // 2)
        self.convolution = nn.Conv2d(channels, out, kernel, stride)

    def forward(self, values: Tensor) -> Tensor:
        if self.enlarge > 1:
            values = functional.interpolate(values, mode="nearest", scale_factor=self.enlarge)
        return self.convolution(self.padding(values))


class Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = PaddedConvolution(channels, channels, 3, 1)
        self.first_norm = nn.InstanceNorm2d(channels, affine=True)
        self.second = PaddedConvolution(channels, channels, 3, 1)
        self.second_norm = nn.InstanceNorm2d(channels, affine=True)
        self.relu = nn.ReLU()

    def forward(self, values: Tensor) -> Tensor:
        found = self.relu(self.first_norm(self.first(values)))
        return self.second_norm(self.second(found)) + values


def plain_network(ours: TransformNetwork) -> nn.Sequential:
    """The example's network with our weights: the gain and the offset of the picture are in the last convolution."""
    channels = [one.in_channels for one in ours.convolutions]
    fine, middle, coarse = channels[1], channels[2], channels[3]
    layers: list[nn.Module] = []
    for one, two, kernel, stride in ((3, fine, 9, 1), (fine, middle, 3, 2), (middle, coarse, 3, 2)):
        layers += [PaddedConvolution(one, two, kernel, stride), nn.InstanceNorm2d(two, affine=True), nn.ReLU()]
    layers += [Residual(coarse) for _ in range(ours.blocks)]
    for one, two in ((coarse, middle), (middle, fine)):
        layers += [PaddedConvolution(one, two, 3, 1, enlarge=2), nn.InstanceNorm2d(two, affine=True), nn.ReLU()]
    made = nn.Sequential(*layers, PaddedConvolution(fine, 3, 9, 1))
    convolutions = [module for module in made.modules() if isinstance(module, nn.Conv2d)]
    norms = [module for module in made.modules() if isinstance(module, nn.InstanceNorm2d)]
    with torch.no_grad():
        for module, source in zip(convolutions, ours.convolutions, strict=True):
            module.weight.copy_(source.weight)
            module.bias.zero_()
        for module, source in zip(norms, ours.norms[:-1], strict=True):
            module.weight.copy_(source.gain[0])
            module.bias.copy_(source.offset[0])
        gain, last = ours.norms[-1].gain[0], convolutions[-1]
        last.weight.mul_(gain.view(-1, 1, 1, 1))
        last.bias.copy_(ours.convolutions[-1].bias * gain + ours.norms[-1].offset[0])
    return made.eval()


class Plain:
    """The example's way to paint."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.network, self.content = plain_network(network(given.width)), picture(_size(given.size))

    def paint(self) -> Tensor:
        with torch.no_grad():
            return torch.sigmoid(torch.logit(self.content, DARKEST) + self.network(self.content))


# --- taking turns ----------------------------------------------------------------------------------------------------


class Worker:
    """One side in a process of its own, which works only when told to."""

    def __init__(self, side: str, given: argparse.Namespace) -> None:
        words = ["--side", side, "--size", given.size, "--width", str(given.width), "--precision", given.precision]
        command = [sys.executable, __file__, *words]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, what: str) -> Any:
        """Its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(what, file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())

    def stop(self) -> None:
        """Let it end."""
        self._process.communicate()


def work(given: argparse.Namespace) -> None:
    """The side of a worker: a line with a number of pictures or a file for the painting, and a line back."""
    side = {"segue": Segue, "plain": Plain}[given.side](given)
    for line in sys.stdin:
        if line.strip().isdecimal():
            began = time.perf_counter()
            for _ in range(int(line)):
                side.paint()
            print(json.dumps((time.perf_counter() - began) / int(line)), flush=True)
        else:
            torch.save(side.paint().clone(), line.strip())
            print(json.dumps("saved"), flush=True)


def compare(given: argparse.Namespace, folder: Path) -> None:
    """Check that both paint the same, then time them in turns."""
    workers = {side: Worker(side, given) for side in SIDES}
    try:
        for side, worker in workers.items():
            worker.ask(str(folder / f"{side}.pth"))
        precision = pick_precision(given.precision, "cpu")
        agreement = _agreement(folder, precision)
        for worker in workers.values():
            worker.ask("1")
        rounds = [
            {side: worker.ask(str(given.pictures)) for side, worker in workers.items()} for _ in range(given.rounds)
        ]
    finally:
        for worker in workers.values():
            worker.stop()
    ours, plain = (statistics.median(one[side] for one in rounds) for side in SIDES)
    spread = ", ".join(f"{one['plain'] / one['segue']:.2f}" for one in rounds)
    note = f"{precision} beside fp32; {agreement}; ratios of the rounds {spread}"
    at_least = 2.0 if precision == "bf16" else 1.0
    what = f"painting a picture of {given.size} (width {given.width:g})"
    emit(faster(what, ours, plain, "s", "a loop like PyTorch's example", at_least=at_least, note=note))
    part, note = share(ours, _steps(given), precision)
    emit(told(f"{what}: share of the bound", part, "", note=note))


def _steps(given: argparse.Namespace) -> int:
    """Of one picture, counted in the plain network, since ours convolves without calling its modules.

    Where a map is enlarged ours needs 16 of the plain network's 36 (`segue.style.quick_convolutions`).
    """
    plain, content = plain_network(network(given.width)), picture(_size(given.size))
    enlarging = [one for one in plain.modules() if isinstance(one, PaddedConvolution) and one.enlarge > 1]
    with torch.inference_mode():
        everything, enlarged = (steps(part, lambda: plain(content)) for part in (plain, nn.ModuleList(enlarging)))
    return everything - enlarged * 20 // 36


def _agreement(folder: Path, precision: str) -> str:
    ours, theirs = (torch.load(folder / f"{side}.pth", weights_only=True) for side in SIDES)
    off = (ours - theirs).abs()
    mean, largest = off.mean().item(), off.max().item()
    if mean > AGREE[precision][0] or largest > AGREE[precision][1]:
        raise SystemExit(
            f"paintings differ by {mean:.1e} in the mean, {largest:.1e} at most (allowed {AGREE[precision]})"
        )
    return f"pixels differ by {mean:.1e} in the mean, {largest:.1e} at most"


def _size(text: str) -> tuple[int, int]:
    height, width = (int(part) for part in text.split("x"))
    return height, width


def main() -> None:
    """The comparison, or one side of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="512x768")
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--precision", default="auto", choices=("auto", "fp32", "bf16"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pictures", type=int, default=3)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        work(given)
        return
    with tempfile.TemporaryDirectory() as folder:
        compare(given, Path(folder))
    emit(told("threads", torch.get_num_threads(), "", note="of both sides"))


if __name__ == "__main__":
    main()
