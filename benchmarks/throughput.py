"""How fast and in how much memory `segue fit` trains, beside the usual segmentation_models_pytorch loop.

Both train MobileNetV2 + U-Net at 240x320, batch 8, with random weights, on the same pictures. Each side has a process
of its own, as it would have at a user's: settings of one (memory allocation, threads) do not reach the other. They take
turns, never at once, so that whatever else the machine does falls on both; medians are compared. Measured are

    step        one training step, images in memory, augmentation in the same thread; beside the loop as its notebooks
                have it, and beside the same loop with its network channels-last
    end to end  the loop with its loader: `segue fit`'s own threads, beside a DataLoader of two workers that decodes
                the files as notebooks do, or that finds them decoded
    input       the same loop of `segue fit` beside steps on batches that lie ready: what the input pipeline costs
    memory      the most memory that a training of a configuration holds, each in a process of its own

The two train different losses in different precisions, so there are no outputs to compare; `camvid.md` and the tests
say what the steps are worth. What a step is made of stands in `ours` and `theirs`, and in `smp_loop.py`.

    OMP_NUM_THREADS=2 python benchmarks/throughput.py [CAMVID] [--rounds 5]
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from PIL import Image
from table import Row, emit, faster, told, within

BATCH, SIZE = 8, (240, 320)
DRAWN, PICTURES = (360, 480), {"train": 48, "val": 8}
MEMORY = (("mobilenetv2_100", 8), ("mobilenetv2_100", 32), ("resnet18", 8), ("resnet50", 8), ("efficientnet_b0", 8))
LOOP = "the usual smp loop"
LAYOUTS = {"notebook": "contiguous_format", "channels-last": "channels_last"}  # of the peer's tensors in memory
Work = Callable[[], None]


def ours(data: Path) -> Mapping[str, Work]:
    """Steps of `segue fit`: alone, end to end, and on batches that lie ready."""
    from segue.data.loader import batches
    from segue.train.step import training_step

    loop = our_loop(data, "mobilenetv2_100", BATCH)
    for index in range(len(loop.data)):
        loop.data.load(index)
    stream = batches(loop.data, BATCH, 0, loop.workers)
    ready = itertools.cycle([loop.data.batch(step, BATCH) for step in range(4)])

    def step_on(batch: Callable[[], object]) -> Work:
        def work() -> None:
            training_step(loop.engine, batch(), loop.state)
            loop.state.advance()

        return work

    return {
        "step": step_on(lambda: loop.data.batch(loop.state.step, BATCH)),
        "end to end": step_on(lambda: next(stream)),
        "ready": step_on(lambda: next(ready)),
    }


def our_loop(data: Path, encoder: str, batch: int):
    """What `segue fit` would run; scratch is the same computation as its default, and needs no weights."""
    from segue.configs import DataConfig, FitConfig, ModelConfig, OptimConfig, TransferConfig
    from segue.data.prepare import prepare
    from segue.train.resolve import resolve
    from segue.train.start import start

    given = FitConfig(
        paths=(data,),
        steps=100_000,
        data=DataConfig(size=SIZE),
        model=ModelConfig(encoder=encoder),
        optim=OptimConfig(batch=batch),
        transfer=TransferConfig(mode="scratch"),
    )
    prepared = prepare((data,), given.data, 0, lambda share, text: None)
    return start(resolve(given, prepared), prepared, time.perf_counter()).loop


class Pairs:
    """The peer's data set, as a DataLoader takes it: files that are decoded, or `decoded` pictures."""

    def __init__(self, data: Path, decoded: list[tuple[Image.Image, Image.Image]] | None) -> None:
        self.images = sorted((data / "train").iterdir())
        self.masks = [data / "trainannot" / f"{path.stem}.png" for path in self.images]
        self.decoded = decoded
        self.generator: np.random.Generator | None = None

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        import smp_loop
        import torch

        if self.generator is None:  # each worker has its own seed
            self.generator = np.random.default_rng(torch.initial_seed())
        if self.decoded is not None:
            return smp_loop.augmented(self.decoded[index], self.generator)
        with Image.open(self.images[index]) as image, Image.open(self.masks[index]) as labels:
            return smp_loop.augmented((image.convert("RGB"), labels.copy()), self.generator)


def theirs(data: Path, layout_name: str) -> Mapping[str, Work]:
    """Steps of the usual loop: alone, and behind a DataLoader that decodes files or finds them decoded."""
    import segmentation_models_pytorch as smp
    import smp_loop
    import torch

    pairs = smp_loop.read(data, "train")
    classes = 1 + max(int(labels[labels < smp_loop.VOID].max()) for labels in (np.asarray(mask) for _, mask in pairs))
    model = smp.Unet("tu-mobilenetv2_100", encoder_weights=None, classes=classes)
    layout: torch.memory_format = getattr(torch, LAYOUTS[layout_name])
    model = model.to(memory_format=layout).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-4)
    dice = smp.losses.DiceLoss("multiclass", from_logits=True, ignore_index=255)
    generator = np.random.default_rng(0)

    def collate(chosen: list[tuple[np.ndarray, np.ndarray]]) -> tuple[torch.Tensor, torch.Tensor]:
        pixels, masks = zip(*chosen, strict=True)
        return smp_loop.tensor(list(pixels), layout), smp_loop.targets(list(masks))

    def endless(pairs: Pairs) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        loader = torch.utils.data.DataLoader(
            pairs, BATCH, shuffle=True, drop_last=True, num_workers=2, collate_fn=collate, persistent_workers=True
        )
        while True:
            yield from loader

    def step_on(batch: Callable[[], tuple[torch.Tensor, torch.Tensor]]) -> Work:
        def work() -> None:
            images, labels = batch()
            loss = dice(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        return work

    def in_thread() -> tuple[torch.Tensor, torch.Tensor]:
        return collate([smp_loop.augmented(pairs[i], generator) for i in generator.integers(0, len(pairs), BATCH)])

    files, decoded = endless(Pairs(data, None)), endless(Pairs(data, pairs))
    return {
        "step": step_on(in_thread),
        "files": step_on(lambda: next(files)),
        "decoded": step_on(lambda: next(decoded)),
    }


class Side:
    """One side in a process of its own, which works only when told to."""

    def __init__(self, name: str, data: Path) -> None:
        command = [sys.executable, __file__, "--side", name, str(data)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, what: str, dropped: int, steps: int) -> float:
        """Seconds per step of `steps` in a row, after `dropped` others: those a loader had ready are a gift."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps([what, dropped, steps]), file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())

    def close(self) -> None:
        """Let it end."""
        self._process.communicate()


def serve(works: Mapping[str, Work]) -> None:
    """Be a `Side`, until its input ends."""
    for line in sys.stdin:
        what, dropped, steps = json.loads(line)
        for _ in range(dropped):
            works[what]()
        began = time.perf_counter()
        for _ in range(steps):
            works[what]()
        print((time.perf_counter() - began) / steps, flush=True)
    os._exit(0)  # nothing is to be saved, and the workers of a DataLoader are slow to end


def measured(data: Path, rounds: int, steps: int) -> dict[tuple[str, str], float]:
    """Median seconds per step by side and kind, all of them in turns."""
    sides = {name: Side(name, data) for name in ("ours", *LAYOUTS)}
    kinds = {  # and how many batches a loader may have ready: threads or workers, and those they hold in their hands
        ("ours", "step"): 0,
        ("notebook", "step"): 0,
        ("channels-last", "step"): 0,
        ("ours", "ready"): 0,
        ("ours", "end to end"): 4,
        ("notebook", "files"): 4,
        ("notebook", "decoded"): 4,
    }
    times: dict[tuple[str, str], list[float]] = {kind: [] for kind in kinds}
    for turn in range(rounds + 1):
        for (side, what), ready in kinds.items():
            seconds = sides[side](what, 2 if turn == 0 else ready, steps)
            if turn:
                times[side, what].append(seconds)
    for side in sides.values():
        side.close()
    return {kind: statistics.median(seconds) for kind, seconds in times.items()}


def rows(medians: Mapping[tuple[str, str], float]) -> Iterator[Row]:
    """The figures as rows of the table."""
    step, loop = medians["ours", "step"], medians["ours", "end to end"]
    what = "training step, 240x320, batch 8"
    yield faster(what, step, medians["notebook", "step"], "s", LOOP, at_least=2.0)
    yield faster(what, step, medians["channels-last", "step"], "s", f"{LOOP}, channels-last", at_least=1.0)
    for kind, peer in (("files", "decoding in two workers"), ("decoded", "two workers, images in memory")):
        seconds = medians["notebook", kind]
        note = f"{BATCH / loop:.1f} images/s against {BATCH / seconds:.1f}"
        yield faster(f"training end to end, {peer}", loop, seconds, "s", LOOP, at_least=2.0, note=note)
    share = 100 * (1 - medians["ours", "ready"] / loop)
    note = f"{BATCH / loop:.1f} images/s, {BATCH / medians['ours', 'ready']:.1f} on batches that lie ready"
    yield within("input pipeline, share of a training's time", share, "%", at_most=5, note=note)


def most_memory(data: Path, encoder: str, batch: int) -> float:
    """GB that a process holds at most in four steps end to end."""
    command = [sys.executable, __file__, "--peak", encoder, str(batch), str(data)]
    return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def peak(data: Path, encoder: str, batch: int) -> float:
    """The same, of this process."""
    from segue.data.loader import batches
    from segue.speed.memory import peak_memory
    from segue.train.step import training_step

    loop = our_loop(data, encoder, batch)
    for made in itertools.islice(batches(loop.data, batch, 0, loop.workers), 4):
        training_step(loop.engine, made, loop.state)
        loop.state.advance()
    return (peak_memory() or 0) / 1e9


def draw(root: Path) -> Path:
    """Pictures of the demonstration at 360x480, in the layout of CamVid."""
    from segue.demo.scene import scene

    for first, (part, count) in enumerate(PICTURES.items()):
        for folder in (part, f"{part}annot"):
            (root / folder).mkdir(parents=True)
        for index in range(count):
            one = scene(0, "target", 1000 * first + index, DRAWN)
            Image.fromarray(one.image).save(root / part / f"{index:03d}.png")
            Image.fromarray(one.mask).save(root / f"{part}annot" / f"{index:03d}.png")
    return root


def main() -> None:
    """Measure all of it, print rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", help="a folder like CamVid's; pictures are drawn when not given")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each side that count")
    parser.add_argument("--steps", type=int, default=3, help="training steps in a turn")
    parser.add_argument("--no-memory", action="store_true", help="leave out the peak memory")
    parser.add_argument("--side", choices=("ours", *LAYOUTS), help=argparse.SUPPRESS)
    parser.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        serve(ours(given.data) if given.side == "ours" else theirs(given.data, given.side))
    elif given.peak:
        print(peak(given.data, given.peak[0], int(given.peak[1])))
    else:
        with tempfile.TemporaryDirectory() as folder:
            data = given.data or draw(Path(folder))
            for row in rows(measured(data, given.rounds, given.steps)):
                emit(row)
            for encoder, batch in () if given.no_memory else MEMORY:
                what = f"peak memory, {encoder} at 240x320, batch {batch}"
                emit(told(what, most_memory(data, encoder, batch), "GB"))


if __name__ == "__main__":
    main()
