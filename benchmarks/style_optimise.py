"""Seconds of one iteration of optimisation-based style transfer: Segue beside the plain loop of PyTorch's tutorial.

    OMP_NUM_THREADS=2 python benchmarks/style_optimise.py [--size 384x512] [--network vgg19] [--rounds 5]

Both have the same network with the same random weights, the same taps (content relu4_2, style relu1_1 to relu4_1), the
same pictures and the same objective, and begin at the content. The plain loop is written as the tutorial writes it
(https://docs.pytorch.org/tutorials/advanced/neural_style_tutorial.html): layers and loss modules in one nn.Sequential
that ends behind the last loss, in float32 and contiguous memory, torch's own optimiser on the pixels, clamped in
the closure. Its style losses are mean squares of Gram matrices divided by C · M; weights of C² / 4 make them Segue's.

Each side has a process of its own, as it would have at a user's. They take turns: an iteration is timed as the mean of
a few, and the medians of the rounds are compared. Before that, the terms and the gradient of both at a picture between
content and noise are compared: the loss has to agree within 1 %, the gradient's direction within a cosine of 0.98 (with
Segue in bfloat16, where the hardware multiplies it; 1e-3 and 0.9999 in float32). --weights FILE takes other weights
than random ones. How much of an iteration the multiplications of the convolutions alone would take is told beside it.
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

from segue.models.trunks.trunk import IMAGENET_MEAN, IMAGENET_STD
from segue.models.weight_file import read_weights
from segue.style.loss_network import build_loss_network, load_loss_network
from segue.style.objective import Objective, Recipe, Style
from segue.style.optimise import paint
from segue.style.taps import layers_of
from segue.train.heap import keep_freed_memory
from segue.train.machine import pick_precision

TAPS = {
    "vgg19": (("relu4_2",), ("relu1_1", "relu2_1", "relu3_1", "relu4_1")),
    "vgg16": (("relu3_3",), ("relu1_1", "relu2_1", "relu3_1")),
}
STYLE_WEIGHT = 4e3
AGREE = {"fp32": (1e-3, 0.9999), "bf16": (1e-2, 0.98)}  # relative difference of the loss, cosine of the gradients
SIDES = ("segue", "plain")


def pictures(size: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
    """Content, style, and a picture to compare losses at: smooth noise, the same in every process."""
    generator = torch.Generator().manual_seed(0)

    def drawn(cells: int) -> Tensor:
        small = torch.rand(1, 3, cells, cells, generator=generator)
        return functional.interpolate(small, size, mode="bicubic").clamp(0, 1)

    content, style = drawn(12), drawn(48)
    return content, style, (content + torch.rand(1, 3, *size, generator=generator)) / 2


# --- Segue -----------------------------------------------------------------------------------------------------------


def recipe(network: str) -> Recipe:
    """The founding preset's."""
    content, style = TAPS[network]
    return Recipe(content, style, (1 / len(style),) * len(style), 1.0, STYLE_WEIGHT, 0.0)


class Segue:
    """What `segue style optimise` does at one size."""

    def __init__(self, network: str, weights: str, size: tuple[int, int], optimizer: str, precision: str) -> None:
        keep_freed_memory()
        made = recipe(network)
        loss_network, _ = load_loss_network(network, (*made.style_taps, *made.content_taps), weights)
        content, style, self.between = pictures(size)
        self.objective = Objective(loss_network.prepared(torch.device("cpu"), precision), made, content, [Style(style)])
        self.picture, self.size, self.optimizer = content, size, optimizer

    def check(self) -> tuple[dict[str, float], Tensor]:
        """Terms and gradient at the picture between."""
        picture = self.between.clone().requires_grad_()
        terms = self.objective(picture)
        (gradient,) = torch.autograd.grad(torch.stack(list(terms.values())).sum(), picture)
        return {name: term.item() for name, term in terms.items()}, gradient

    def iterate(self, count: int) -> float:
        """Seconds of an iteration, the first of them left out."""
        times = [time.perf_counter()]
        paint(
            self.picture,
            [self.size],
            lambda _: self.objective,
            lambda _, done: done < count + 1,
            optimizer=self.optimizer,
            watch=lambda _: times.append(time.perf_counter()),
        )
        return (times[-1] - times[1]) / count


# --- the plain loop --------------------------------------------------------------------------------------------------


class ContentLoss(nn.Module):
    def __init__(self, target: Tensor) -> None:
        super().__init__()
        self.target = target.detach()

    def forward(self, values: Tensor) -> Tensor:
        self.loss = functional.mse_loss(values, self.target)
        return values


class StyleLoss(nn.Module):
    def __init__(self, target: Tensor, weight: float) -> None:
        super().__init__()
        self.target, self.weight = gram_matrix(target).detach(), weight

    def forward(self, values: Tensor) -> Tensor:
        self.loss = self.weight * functional.mse_loss(gram_matrix(values), self.target)
        return values


class Normalization(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mean, self.std = (torch.tensor(values).view(-1, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))

    def forward(self, image: Tensor) -> Tensor:
        return (image - self.mean) / self.std


def gram_matrix(values: Tensor) -> Tensor:
    a, b, c, d = values.size()
    features = values.view(a * b, c * d)
    return torch.mm(features, features.t()).div(a * b * c * d)


class Plain:
    """The tutorial's model and loop, with this comparison's taps."""

    def __init__(self, network: str, weights: str, size: tuple[int, int], optimizer: str, _precision: str) -> None:
        content, style, self.between = pictures(size)
        self.contents: list[ContentLoss] = []
        self.styles: list[StyleLoss] = []
        self.model = self._model(network, read_weights(Path(weights)), content, style)
        self.picture, self.optimizer = content, optimizer

    def _model(self, network: str, tensors: dict[str, Tensor], content: Tensor, style: Tensor) -> nn.Sequential:
        wanted, styles = TAPS[network]
        model = nn.Sequential(Normalization())
        for place, layer in enumerate(layers_of(network)):
            if layer.kind == "conv":
                module: nn.Module = nn.Conv2d(layer.channels, layer.out, 3, padding=1)
                module.load_state_dict({name: tensors[f"features.{place}.{name}"] for name in ("weight", "bias")})
            else:
                module = nn.ReLU(inplace=False) if layer.kind == "relu" else nn.MaxPool2d(2)
            model.append(module)
            if layer.tap in wanted:
                self.contents.append(ContentLoss(model(content)))
                model.append(self.contents[-1])
            if layer.tap in styles:
                weight = STYLE_WEIGHT / len(styles) * layer.out**2 / 4
                self.styles.append(StyleLoss(model(style), weight))
                model.append(self.styles[-1])
            if len(self.contents) == len(wanted) and len(self.styles) == len(styles):
                break
        return model.eval().requires_grad_(False)

    def check(self) -> tuple[dict[str, float], Tensor]:
        """Terms and gradient at the picture between."""
        picture = self.between.clone().requires_grad_()
        content, style = self._losses(picture)
        (content + style).backward()
        assert picture.grad is not None
        return {"content": content.item(), "style": style.item()}, picture.grad

    def _losses(self, picture: Tensor) -> tuple[Any, Any]:
        self.model(picture)
        return sum(one.loss for one in self.contents), sum(one.loss for one in self.styles)

    def iterate(self, count: int) -> float:
        """Seconds of an iteration, the first of them left out."""
        picture = self.picture.clone().requires_grad_()
        times: list[float] = []
        optimizer: torch.optim.Optimizer
        if self.optimizer == "adam":
            optimizer = torch.optim.Adam([picture], lr=0.02)
        else:
            optimizer = torch.optim.LBFGS([picture], max_iter=count + 1)

        def closure() -> Tensor:
            with torch.no_grad():
                picture.clamp_(0, 1)
            optimizer.zero_grad()
            content, style = self._losses(picture)
            loss = content + style
            loss.backward()
            times.append(time.perf_counter())
            return loss

        while len(times) <= count:
            optimizer.step(closure)
        return (times[-1] - times[0]) / (len(times) - 1)


# --- taking turns ----------------------------------------------------------------------------------------------------


class Worker:
    """One side in a process of its own, which works only when told to."""

    def __init__(self, side: str, given: argparse.Namespace, optimizer: str, weights: str) -> None:
        words = ["--side", side, "--size", given.size, "--network", given.network, "--weights", weights]
        command = [sys.executable, __file__, *words, "--optimizer", optimizer]
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
    """The side of a worker: a line with a number of iterations or a file for the gradient, and a line back."""
    precision = "fp32" if given.optimizer == "lbfgs" else pick_precision("auto", "cpu")
    kind = {"segue": Segue, "plain": Plain}[given.side]
    side = kind(given.network, given.weights, _size(given.size), given.optimizer, precision)
    for line in sys.stdin:
        if line.strip().isdecimal():
            print(json.dumps(side.iterate(int(line))), flush=True)
        else:
            terms, gradient = side.check()
            torch.save(gradient, line.strip())
            print(json.dumps({"terms": terms, "precision": precision}), flush=True)


def compare(given: argparse.Namespace, optimizer: str, weights: str, folder: Path) -> None:
    """Check that both compute the same, then time them in turns."""
    workers = {side: Worker(side, given, optimizer, weights) for side in SIDES}
    try:
        answers = {side: worker.ask(str(folder / f"{side}.pth")) for side, worker in workers.items()}
        agreement = _agreement(answers, folder)
        rounds = [
            {side: worker.ask(str(given.iterations)) for side, worker in workers.items()} for _ in range(given.rounds)
        ]
    finally:
        for worker in workers.values():
            worker.stop()
    ours, plain = (statistics.median(one[side] for one in rounds) for side in SIDES)
    precision = answers["segue"]["precision"]
    spread = ", ".join(f"{one['plain'] / one['segue']:.2f}" for one in rounds)
    what = f"style transfer, an iteration of {optimizer} ({given.network}, {given.size})"
    note = f"{precision} beside fp32; {agreement}; ratios of the rounds {spread}"
    at_least = 2.0 if precision == "bf16" else 1.0
    emit(faster(what, ours, plain, "s", "PyTorch's tutorial", at_least=at_least, note=note))
    part, note = share(ours, 2 * _steps(given, weights), precision)  # forwards, and back to the picture alone
    emit(told(f"{what}: share of the bound", part, "", note=note))


def _steps(given: argparse.Namespace, weights: str) -> int:
    """Of one pass forwards."""
    made = recipe(given.network)
    network, _ = load_loss_network(given.network, (*made.style_taps, *made.content_taps), weights)
    content, _, _ = pictures(_size(given.size))
    with torch.inference_mode():
        return steps(network, lambda: network(content))


def _agreement(answers: dict[str, Any], folder: Path) -> str:
    most, least = AGREE[answers["segue"]["precision"]]
    ours, theirs = (answers[side]["terms"] for side in SIDES)
    off = max(abs(ours[name] / theirs[name] - 1) for name in theirs)
    gradients = [torch.load(folder / f"{side}.pth", weights_only=True).flatten() for side in SIDES]
    cosine = functional.cosine_similarity(*gradients, dim=0).item()
    if off > most or cosine < least:
        raise SystemExit(f"losses differ by {off:.2%} (at most {most:.1%}), cosine {cosine:.4f} (at least {least})")
    return f"losses agree within {off:.1e}, cosine of the gradients {cosine:.5f}"


def random_weights(network: str, path: Path) -> str:
    """A file of weights that let a picture through, in torchvision's naming."""
    torch.manual_seed(0)
    content, style = TAPS[network]
    layers = build_loss_network(network, (*content, *style)).trunk.layers
    tensors = {f"features.{name}": tensor for name, tensor in layers.state_dict().items()}
    for tensor in tensors.values():
        if tensor.ndim > 1:
            nn.init.kaiming_normal_(tensor, nonlinearity="relu")
        else:
            tensor.zero_()
    torch.save(tensors, path)
    return str(path)


def _size(text: str) -> tuple[int, int]:
    height, width = (int(part) for part in text.split("x"))
    return height, width


def main() -> None:
    """The comparison for each optimiser, or one side of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="384x512")
    parser.add_argument("--network", default="vgg19", choices=sorted(TAPS))
    parser.add_argument("--weights")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=4)
    parser.add_argument("--only", choices=("adam", "lbfgs"))
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--optimizer", default="adam", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        work(given)
        return
    with tempfile.TemporaryDirectory() as folder:
        weights = given.weights or random_weights(given.network, Path(folder) / "weights.pth")
        for optimizer in (given.only,) if given.only else ("adam", "lbfgs"):
            compare(given, optimizer, weights, Path(folder))
    emit(told("threads", torch.get_num_threads(), "", note="of both sides"))


if __name__ == "__main__":
    main()
