"""`segue style optimise`: a picture in the style of others, its pixels optimised at one size after another."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from segue.commands.style_optimise_record import licences_of, record_of
from segue.commands.style_paths import check_name, require_writable, whole
from segue.commands.style_text import of_text, settled, text_recipe_of
from segue.commands.styled_classes import scene_by_class
from segue.console import duration, progress_bar
from segue.errors import RunError, TrainingStoppedError, UsageError
from segue.infer.device import pick_device
from segue.models.source import Source
from segue.style.bank.catalogue import in_bank
from segue.style.budget import PROBE, Budget, Cost, affordable
from segue.style.by_class import split, styles_named
from segue.style.canvas_net import CanvasNet
from segue.style.clip_guidance import ClipGuide, load_clip
from segue.style.content_credentials import read_signer
from segue.style.loss_network import LossNetwork, build_loss_network, load_loss_network
from segue.style.objective import Objective, Recipe, Style
from segue.style.optimise import Goal, State, Trace, paint
from segue.style.picture import eight_bits, size_within, write_picture
from segue.style.presets import PRESETS, recipe_from
from segue.style.pyramid import Level, pyramid, sizes
from segue.style.record import write_marked
from segue.style.record_text import seal
from segue.style.scene import Scene, read_scene
from segue.style.style_source import style_sha256, used_style
from segue.style.text_objective import TextObjective, TextRecipe
from segue.style_configs import StyleOptimiseConfig
from segue.train.heap import keep_freed_memory
from segue.train.machine import pick_precision
from segue.train.step import out_of_memory

log = logging.getLogger("segue")
SIDE = 512  # pixels of the long side, at most, where neither a size nor a budget is given
PREVIEW_SECONDS = 2.0
PROBE_STEPS, PROBE_PATCHES = 4, 8


@dataclass(frozen=True)
class StyleOptimiseResult:
    """What was painted: where it is, what happened at each size, and with which network; a dry run has no traces."""

    out: Path
    levels: tuple[Level, ...]
    traces: tuple[Trace, ...]
    network: str
    source: Source | None
    settings: dict[str, Any]
    seconds: float
    exit_code: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "out": str(self.out),
            "levels": [dataclasses.asdict(level) for level in self.levels],
            "losses": [{"first": trace.first, "last": trace.last} for trace in self.traces],
            "network": self.network,
            "weights": dataclasses.asdict(self.source) if self.source else None,
            **self.settings,
            "seconds": round(self.seconds, 3),
            "dry_run": not self.traces,
        }

    def lines(self) -> list[str]:
        """The result for people."""
        plan = ", ".join(f"{level.steps} at {level.height}x{level.width}" for level in self.levels)
        if not self.traces:
            plan = f"{plan} steps (height x width)" if plan else "as many steps as the seconds allow"
            return [f"{self.out}: {plan}", "dry run: nothing written"]
        first, last = (sum(terms.values()) for terms in (self.traces[-1].first, self.traces[-1].last))
        parts = ", ".join(f"{name} {value:.3g}" for name, value in self.traces[-1].last.items())
        return [
            f"{self.out}: {plan} steps in {duration(self.seconds)}, loss {first:.3g} to {last:.3g} at the last size "
            f"({parts})"
        ]


def run(config: StyleOptimiseConfig, began: float | None = None) -> StyleOptimiseResult:
    """Paint `config.content`; see `StyleOptimiseConfig` for the options. Only the picture and the preview are written.

    `began` is when the command started (`time.perf_counter`), for a budget of seconds to count from. Raises
    `UsageError`, `DataError` or `WeightsError` before the first step, and `TrainingStoppedError` when the loss is no
    longer a number.
    """
    began = time.perf_counter() if began is None else began
    text, config = config.text, settled(config)
    pairs = split(config.by_class)
    named = config.styles or styles_named(pairs)
    content = _content(config, named)
    _check_paths(config, content, named)
    licences = licences_of(config, named)
    network_name, recipe = recipe_of(config)
    by_text = text_recipe_of(config, network_name, recipe) if config.clip else None
    taps = by_text.content_taps if by_text else tuple(dict.fromkeys((*recipe.style_taps, *recipe.content_taps)))
    styles, scene = scene_by_class(config, content, pairs) if pairs else (named, _scene(config, content))
    signer = read_signer(config.c2pa, config.c2pa_key) if config.c2pa and config.c2pa_key else None
    # of what was read: a file may change while it is painted
    hashes = {path: style_sha256(path) for path in (content, *styles)}
    device = pick_device(config.device)
    precision = "fp32" if config.optimizer == "lbfgs" else pick_precision(config.precision, device.type)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    if config.dry_run:
        network = build_loss_network(network_name, taps)
        levels = _planned(config, scene, network) if config.seconds is None else ()
        return StyleOptimiseResult(config.out, levels, (), network_name, None, {}, time.perf_counter() - began)
    if device.type == "cpu":
        keep_freed_memory()
    guide, guide_source = load_clip(config.clip) if config.clip else (None, None)
    network, source = load_loss_network(network_name, taps, config.weights)
    network.prepared(device, precision)
    used = [used_style(path, licences[path], hashes[path]) for path in styles]
    record = record_of(config, used, hashes[content], network_name, recipe, source)
    record = dataclasses.replace(record, options={**record.options, **of_text(text, guide_source, by_text)})
    seal(record.to_json(), True)  # one that is too long is refused before the work
    following = _Following(guide.on(device), by_text) if guide and by_text else None
    work = _Work(config, recipe, scene.on(device), network, began, following)
    try:
        picture, traces = work.paint()
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        raise TrainingStoppedError("out of memory while painting: take a smaller --size") from None
    levels = tuple(Level(*trace.size, trace.steps) for trace in traces)
    settings = {"device": device.type, "precision": precision, "threads": torch.get_num_threads(), "seed": config.seed}
    sizes_and_steps = {"sizes": [f"{one.height}x{one.width}" for one in levels], "steps": [one.steps for one in levels]}
    record = dataclasses.replace(record, options={**record.options, **sizes_and_steps, **settings})
    settings["watermark"] = write_marked(eight_bits(picture), config.out, record, config.watermark, signer)
    settings["c2pa"] = signer is not None
    if config.seconds is not None and min(trace.steps for trace in traces) == 1:
        log.warning("%g seconds were too few for these pictures: some size had a single step", config.seconds)
    seconds = time.perf_counter() - began
    return StyleOptimiseResult(config.out, levels, tuple(traces), network_name, source, settings, seconds)


def recipe_of(config: StyleOptimiseConfig) -> tuple[str, Recipe]:
    """The loss network, and what is compared in it."""
    preset = PRESETS[config.preset]
    network = config.network or preset.network
    if not network:
        raise UsageError(f"expected a network beside --preset {config.preset}, got none: --network resnet18")
    return network, recipe_from(preset, config, config.statistic)


def _content(config: StyleOptimiseConfig, styles: Sequence[Path]) -> Path:
    if config.content is None or not (styles or config.clip or config.by_class):
        got = "neither" if config.content is None else "no style"
        raise UsageError(f"expected a picture and one or more styles, got {got}: segue style optimise CONTENT STYLE")
    return config.content


def _check_paths(config: StyleOptimiseConfig, content: Path, styles: Sequence[Path]) -> None:
    drawn = [path for path in config.styles if in_bank(path)]
    if config.style_mask and drawn:
        raise UsageError(
            f"style_mask: expected style pictures in files beside it, got {drawn[0]}: segue style bank FOLDER writes it"
        )
    masks = (config.content_mask,) if config.content_mask else ()
    taken = {whole(path) for path in (content, *styles, *masks, *config.style_mask)}
    for name, path in (("out", config.out), *((("preview", config.preview),) if config.preview else ())):
        check_name(name, path)
        if whole(path) in taken:
            raise UsageError(f"{name}: expected another file than the pictures that are read, got {path}")
        if not path.parent.is_dir():
            raise UsageError(f"{name}: expected a folder that exists, got {path.parent}: make it first")
        if path.is_dir():
            raise UsageError(f"{name}: expected a file to write, got the folder {path}: give a name in it")
        require_writable(name, path.parent)
    if config.preview is not None and whole(config.preview) == whole(config.out):
        raise UsageError(f"preview: expected another file than the result, got {config.preview} for both")


def _scene(config: StyleOptimiseConfig, content: Path) -> Scene:
    masks = (config.content_mask, config.style_mask) if config.content_mask else None
    return read_scene(
        content,
        config.styles,
        shares=config.blend,
        masks=masks,
        keep_colours=config.keep_colours,
        style_scale=config.style_scale,
    )


def _planned(config: StyleOptimiseConfig, scene: Scene, network: LossNetwork) -> tuple[Level, ...]:
    """The levels for a number of steps; what is too small for the network is found at the first of them."""
    longest = max(scene.size)
    size = size_within(*scene.size, config.size or min(SIDE, longest))
    levels = pyramid(size, config.steps, config.levels, network.smallest)
    scene.check(levels[0].size, network.smallest)
    return levels


@dataclass(frozen=True)
class _Following:
    """What judges a text."""

    guide: ClipGuide
    recipe: TextRecipe


@dataclass(frozen=True)
class _Work:
    """A painting: what is asked for, what is painted, and the network that judges it."""

    config: StyleOptimiseConfig
    recipe: Recipe
    scene: Scene
    network: LossNetwork
    began: float
    following: _Following | None = None

    def paint(self) -> tuple[Tensor, list[Trace]]:
        """The finished picture, and what happened at each size."""
        with (
            torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False),
            progress_bar("painting") as update,
        ):
            budget = self._budget() if self.config.seconds is not None else None
            levels = _planned(self.config, self.scene, self.network) if budget is None else self._affordable(budget)
            if budget is not None:
                budget.divide([level.size for level in levels])
            watch = _Watch(levels, budget, update, self._preview)
            more = budget.more if budget is not None else lambda level, done: done < levels[level].steps
            picture, traces = paint(
                self._start(levels[0].size),
                [level.size for level in levels],
                self._objective,
                more,
                optimizer=self.config.optimizer,
                lr=self.config.lr,
                canvas=self._canvas(),
                watch=watch,
            )
        return self.scene.finished(picture), traces

    def _start(self, size: tuple[int, int]) -> Tensor:
        return self.scene.noise(size, self.config.seed) if self.config.init == "noise" else self.scene.content

    def _canvas(self) -> CanvasNet | None:
        return CanvasNet(self.config.seed).to(self.scene.content.device) if self.config.canvas == "unet" else None

    def _seen(self, size: tuple[int, int]) -> tuple[Tensor, list[Style]]:
        """The content and the styles at that size; it takes as long as the files are large, whatever the size."""
        smallest = self.network.smallest
        return self.scene.content_at(size, smallest), self.scene.styles_at(size, smallest)

    def _objective(self, size: tuple[int, int]) -> Goal:
        return self._goal(*self._seen(size))

    def _goal(self, content: Tensor, styles: list[Style], patches: int | None = None) -> Goal:
        if self.following is not None:
            guide, recipe, words = self.following.guide, self.following.recipe, self.config.text
            recipe = dataclasses.replace(recipe, patches=patches or recipe.patches)
            return TextObjective(self.network, guide, recipe, content, words, self.config.seed)
        share = self.scene.share_at((content.shape[2], content.shape[3]))
        return Objective(self.network, self.recipe, content, styles, self.scene.maps, share)

    def _preview(self, picture: Tensor) -> None:
        if self.config.preview is None:
            return
        try:
            write_picture(self.config.preview, self.scene.finished(picture))
        except RunError as error:  # the painting is worth more than a look at it
            log.warning("%s", error)

    def _budget(self) -> Budget:
        assert self.config.seconds is not None, "a budget was asked for"
        return Budget(self.config.seconds, self.began)

    def _affordable(self, budget: Budget) -> tuple[Level, ...]:
        """The sizes that the budget allows, from the time of a step at a small one; their steps are not known yet."""
        size = size_within(*self.scene.size, self.config.size or max(self.scene.size))
        least = max(PROBE, self.scene.least(self.network.smallest))
        smallest = _short(self.scene.size, self.scene.least(self.network.smallest))
        if self.config.size is None:
            cost = self._cost(size_within(*self.scene.size, least), budget) if max(size) / 2**0.5 >= least else None
            # without a trial, as if a step took for ever: the smallest
            seconds, cost = (budget.left(), cost) if cost is not None else (0.0, Cost(math.inf))
            size = affordable(size, seconds, cost, self.config.levels, smallest, least)
        return tuple(Level(*one, 0) for one in sizes(size, self.config.levels, smallest))

    def _cost(self, size: tuple[int, int], budget: Budget) -> Cost | None:
        """From steps at this size; with CLIP from some with few patches and with more, which cost the same at any.

        None when the budget ends meanwhile: what is left then is for the picture.
        """
        began = time.perf_counter()
        if not budget.left():
            return None
        seen = self._seen(size)
        read = time.perf_counter() - began
        if budget.left() <= 2 * read:  # the picture's own sizes take that time once more
            return None
        pixels, views = size[0] * size[1], 0.0
        step = self._seconds_of_a_step(seen, 1, budget)
        if step is not None and self.following is not None:
            more = self._seconds_of_a_step(seen, 1 + PROBE_PATCHES, budget)
            one = max(0.0, more - step) / PROBE_PATCHES if more is not None else 0.0
            step, views = max(0.0, step - 2 * one), (1 + self.config.patches) * one
        if step is None or not budget.left():
            return None
        began = time.perf_counter()
        self._goal(*seen)
        return Cost(step / pixels, views, (time.perf_counter() - began) / pixels, read)

    def _seconds_of_a_step(self, seen: tuple[Tensor, list[Style]], patches: int, budget: Budget) -> float | None:
        """The least of a few; None when the budget ends before there were two."""
        times: list[float] = []
        paint(
            seen[0],
            [(seen[0].shape[2], seen[0].shape[3])],
            lambda _: self._goal(*seen, patches),
            lambda _, done: done < PROBE_STEPS and budget.left() > 0,
            optimizer=self.config.optimizer,
            canvas=self._canvas(),
            watch=lambda _: times.append(time.perf_counter()),
        )
        return min((later - earlier for earlier, later in itertools.pairwise(times)), default=None)


def _short(size: tuple[int, int], long: int) -> int:
    """The short side of what has such a long one."""
    return math.ceil(long * min(size) / max(size))


class _Watch:
    """Moves the bar after every step, says how long it still takes, and shows the picture every few seconds."""

    def __init__(
        self,
        levels: Sequence[Level],
        budget: Budget | None,
        update: Callable[[float, str], None],
        show: Callable[[Tensor], None],
    ) -> None:
        self.levels, self.budget, self.update, self.show = levels, budget, update, show
        self.began = self.shown = self.timed_since = time.perf_counter()
        self.level = -1

    def __call__(self, state: State) -> None:
        now = time.perf_counter()
        if state.level != self.level:
            self.level, self.timed_since = state.level, now
        level, loss = self.levels[state.level], sum(state.terms.values())
        share, left = self._progress(state, now)
        of = f" of {level.steps}" if level.steps else ""
        about = f", {duration(left)} left" if left is not None else ""
        self.update(share, f"{level.height}x{level.width}, step {state.step + 1}{of}, loss {loss:.3g}{about}")
        if now - self.shown >= PREVIEW_SECONDS:
            self.show(state.picture)
            self.shown = time.perf_counter()

    def _progress(self, state: State, now: float) -> tuple[float, float | None]:
        """The share that is done, and the seconds that are left; None before a step of this size was timed."""
        if self.budget is not None:
            left = self.budget.left()
            return (now - self.began) / max(now - self.began + left, 1e-9), left
        work = [level.steps * level.pixels for level in self.levels]
        pixels = self.levels[state.level].pixels
        done = sum(work[: state.level]) + (state.step + 1) * pixels
        timed = state.step * pixels  # the first step of a size, which takes longer, starts the clock
        return done / sum(work), (now - self.timed_since) / timed * (sum(work) - done) if timed else None
