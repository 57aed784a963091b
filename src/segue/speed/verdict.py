"""What holds training and predicting back, from measured times alone, and what to do about it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from segue.speed.turns import Timing

Figures = Mapping[str, Timing]  # seconds for one image, by what was measured

LOST = 0.1  # of the network's own speed: what the loop loses above this, it loses to the input pipeline
NOISY = 0.2  # spread of a figure from which on something else was going on
STEADY = ("step", "training_cached", "training_uncached", "network")  # figures that vary little on an idle machine
INPUT, COMPUTE, DECODING, WRITING = "input pipeline", "network compute", "decoding", "writing"


@dataclass(frozen=True)
class Setting:
    """What the figures were measured with; sizes are (height, width) in pixels.

    `size` is that of a training crop, `seen` that at which the network sees the median image when it predicts.
    `from_memory` is the share of the crops that find their image decoded. `faster_device` and `faster_precision` are
    options that this machine has and that are not used; empty where there is none.
    """

    device: str
    precision: str
    cores: int
    threads: int
    workers: int
    size: tuple[int, int]
    seen: tuple[int, int]
    from_memory: float
    faster_device: str = ""
    faster_precision: str = ""


@dataclass(frozen=True)
class Verdict:
    """The bottleneck by name, and one sentence with the numbers it follows from and what to do."""

    bottleneck: str
    sentence: str


def per_image(figures: Figures, name: str, from_memory: float) -> float:
    """Seconds for one image of a run in which so large a share comes from memory.

    Where one of the two kinds was not measured, as hardly any image is of it, the other stands for both.
    """
    cached, uncached = figures.get(f"{name}_cached"), figures.get(f"{name}_uncached")
    if cached is None or uncached is None:
        only = cached or uncached
        assert only is not None, "one of them is measured"
        return only.seconds
    return from_memory * cached.seconds + (1 - from_memory) * uncached.seconds


def lost(figures: Figures, from_memory: float) -> float:
    """The share of the speed on batches in memory that the loop does not reach: what the input pipeline costs."""
    return max(0.0, 1 - figures["step"].seconds / per_image(figures, "training", from_memory))


def of_training(figures: Figures, setting: Setting) -> Verdict:
    """Whether the network or what feeds it decides how long training takes."""
    share, step = lost(figures, setting.from_memory), figures["step"].seconds
    speeds = (
        f"{rate(step)} images/s on batches in memory, {rate(per_image(figures, 'training', setting.from_memory))} as "
        f"it runs, {share:.0%} lost to the input pipeline"
    )
    if share <= LOST:
        why, remedy = f"a step is {_phases(figures)}", _less_compute(setting)
        return Verdict(COMPUTE, f"training: the bottleneck is network compute: {speeds}; {why}; faster: {remedy}")
    crop = per_image(figures, "crop", setting.from_memory)
    why = f"a loader thread makes {rate(crop)} crops/s, {_decoding(figures, setting):.0%} of its time decoding"
    remedy = _less_input(figures, setting)
    return Verdict(INPUT, f"training: the bottleneck is the input pipeline: {speeds}; {why}; faster: {remedy}")


def of_predicting(figures: Figures, setting: Setting) -> Verdict:
    """Which part of predicting an image takes longest."""
    parts = {
        DECODING: figures["decode"].seconds,
        COMPUTE: figures["network"].seconds,
        WRITING: figures["mask"].seconds + figures["overlay"].seconds,
    }
    total = sum(parts.values())
    worst = max(parts, key=lambda name: parts[name])
    shares = ", ".join(f"{name} {1000 * seconds:.0f} ms ({seconds / total:.0%})" for name, seconds in parts.items())
    remedies = {
        DECODING: f"smaller files, of about {_times(setting.seen)} pixels, at which the network sees them",
        COMPUTE: _faster_network(setting),
        WRITING: _less_writing(figures),
    }
    sentence = f"predicting: the bottleneck is {worst}: {1000 * total:.0f} ms an image, {shares}; faster: "
    return Verdict(worst, sentence + remedies[worst])


def busy(figures: Figures, load: float | None, cores: int) -> str:
    """One line when the machine had other things to do; empty when it did not.

    `load` is the load average before anything was measured, None where the system does not tell.
    """
    spreads = {name: figures[name].spread for name in STEADY if name in figures}
    worst = max(spreads, key=lambda name: spreads[name])
    signs = [f"a load of {load:.1f} on {cores} cores before it began"] if load is not None and load > cores else []
    signs += [f"repeats of `{worst}` are {spreads[worst]:.0%} apart"] if spreads[worst] > NOISY else []
    if not signs:
        return ""
    return f"the machine was busy with something else ({', '.join(signs)}): measure again when it is idle"


def rate(seconds: float) -> str:
    """Images a second as people write it.

    >>> rate(0.16), rate(0.002)
    ('6.2', '500')
    """
    return f"{1 / seconds:.0f}" if seconds < 0.01 else f"{1 / seconds:.1f}"


def _phases(figures: Figures) -> str:
    seconds = {name: figures[name].seconds for name in ("forward", "backward", "update")}
    return ", ".join(f"{value / sum(seconds.values()):.0%} {name}" for name, value in seconds.items())


def _less_compute(setting: Setting) -> str:
    if setting.faster_device:
        return f"--train.device {setting.faster_device}"
    if setting.faster_precision:
        return f"--train.precision {setting.faster_precision}"
    if setting.device == "cpu" and (setting.threads > setting.cores or 2 * setting.threads <= setting.cores):
        return f"--train.threads {setting.cores} ({setting.threads} now)"
    return f"a smaller --data.size ({_times(setting.size)} now) or a smaller --model.encoder"


def _faster_network(setting: Setting) -> str:
    if setting.faster_device:
        return f"--device {setting.faster_device}"
    return "a model trained with a smaller --data.size or a smaller --model.encoder"


def _less_input(figures: Figures, setting: Setting) -> str:
    needed = math.ceil(per_image(figures, "crop", setting.from_memory) / figures["step"].seconds)
    taken = setting.workers + (setting.threads if setting.device == "cpu" else 1)
    workers = min(needed, setting.workers + setting.cores - taken)
    if workers > setting.workers:
        return f"--data.workers {workers} ({setting.workers} now)"
    if _decoding(figures, setting) > 0.5:
        return f"images stored nearer to the size they are seen at, {_times(setting.seen)} pixels"
    return f"less augmentation or a smaller --data.size ({_times(setting.size)} now): no core is idle for more workers"


def _decoding(figures: Figures, setting: Setting) -> float:
    """The share of a loader thread's time."""
    crop = per_image(figures, "crop", setting.from_memory)
    return min(1.0, (1 - setting.from_memory) * figures["read"].seconds / crop)


def _less_writing(figures: Figures) -> str:
    if figures["overlay"].seconds > figures["mask"].seconds:
        return f"--no-overlay saves {1000 * figures['overlay'].seconds:.0f} ms an image"
    return "a faster disk for --out"


def _times(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
