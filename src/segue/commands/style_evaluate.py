"""`segue style evaluate`: stylised pictures judged by content, style, stability and cost, beside baselines."""

from __future__ import annotations

import csv
import io
import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from segue import __version__
from segue.commands.columns import in_columns
from segue.commands.style_album import Album
from segue.commands.style_optimise import recipe_of
from segue.commands.style_work import Work, judges_of_options, prepared, strengths_of
from segue.console import duration, progress_bar
from segue.durable import make_folder, write_text
from segue.errors import DataError
from segue.infer.device import pick_device
from segue.report.style_page import NO_ORDER, OWN, Row, render, shown
from segue.style.evaluation.drawing import drawn_pairs
from segue.style.evaluation.gatys import gatys
from segue.style.evaluation.judging import (
    JUDGING,
    Pixels,
    Progress,
    Scores,
    Task,
    as_picture,
    judged,
    painted_and_judged,
)
from segue.style.evaluation.jury import HUB, Jury, painted_by, seated
from segue.style.evaluation.lpips import read_lpips_weights
from segue.style.evaluation.measures import GATYS
from segue.style.evaluation.methods import Method, baselines
from segue.style.evaluation.naming import BETWEEN, Pair
from segue.style.evaluation.panel import Panel
from segue.style.evaluation.rests_on import (
    files_of,
    judges_of,
    lpips_of,
    painters_of,
    results_of,
    segmenter_of,
)
from segue.style.evaluation.segmentation import Mask, read_truth
from segue.style.evaluation.summary import Judged, Line, Summary, summarised
from segue.style.evaluation.trained import trained
from segue.style.loss_network import load_loss_network
from segue.style.picture import eight_bits, resized, size_within
from segue.style.style_source import read_style
from segue.style_configs import StyleEvaluateConfig, StyleOptimiseConfig

log = logging.getLogger("segue")
SHOWN = 6  # pairs in the report
NARROWEST = 32  # pixels of the short side below which windows and networks see nothing


@dataclass(frozen=True)
class StyleEvaluateResult:
    """The table, None after a dry run, where it was written, and what it rests on."""

    out: Path
    methods: tuple[str, ...]
    pairs: tuple[Pair, ...]
    summary: Summary | None
    settings: dict[str, Any]
    seconds: float
    exit_code: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, as in evaluation.json."""
        found = {"methods": list(self.methods)} if self.summary is None else self.summary.to_json()
        return {
            "out": str(self.out),
            "pairs": len(self.pairs),
            **found,
            **self.settings,
            "seconds": round(self.seconds, 3),
            "dry_run": self.summary is None,
        }

    def lines(self) -> list[str]:
        """The table for people, and what is to be known of it."""
        if self.summary is None:
            return [
                f"{len(self.pairs)} pairs of content and style, judged for {', '.join(self.methods)}",
                *(f"not looked at: {what}" for what in self.settings["not_checked"]),
                "dry run: nothing was painted or written",
            ]
        found = self.summary
        rows = [_cells(found, line) for line in found.lines if not line.reason]
        heads = ("measure", *(one.name for one in found.methods), "")
        table = in_columns(rows, [(head, itemgetter(head)) for head in heads])
        missing = [f"not computed: {line.score.title}: {line.reason}" for line in found.lines if line.reason]
        own = any(cell.own_judge for line in found.lines for cell in line.cells)
        notes = [f"{OWN} judged by its own network, which flatters the score"] if own else []
        notes += [f"caution: {found.caution}"] if found.caution else []
        middles = "medians, means of rank and top1 (↓ lower is better, ↑ higher)"
        head = f"{found.about_pairs()}; {middles}:"
        return [head, *table, *_alike(missing), *notes, f"{self.out / 'report.html'} in {duration(self.seconds)}"]


def run(config: StyleEvaluateConfig) -> StyleEvaluateResult:
    """Judge `config.results` and `config.methods`; see `StyleEvaluateConfig` for the options.

    Everything is read and checked before the first picture is painted; a dry run does the same, less what the hub would
    have to give. Raises `UsageError`, `DataError`, `WeightsError`
    or `RunError`, and `TrainingStoppedError` where gatys runs away.
    """
    began = time.perf_counter()
    work = prepared(config)
    device = pick_device(config.device)
    jury = _jury(config, device)
    panel = _panel(config, work, jury, device)
    painters = _painters(config, work, device)
    if config.dry_run:
        _look_at_results(work, panel)
        left = {"not_checked": _from_hub(config)}
        return StyleEvaluateResult(config.out, work.names, work.pairs, None, left, time.perf_counter() - began)
    settings = _settings(config, work, jury, painters, device)
    make_folder(config.out)
    album = Album(config, work, frozenset(drawn_pairs(work.pairs, SHOWN, config.seed)))
    values = _scored(config, work, painters, panel, album)
    methods = [Judged(m.name, m.about, painted_by(m.painted_with, jury), m.curve) for m in painters]
    methods += [Judged(f.name, str(f.path), painted_by(f.painted_with, jury)) for f in work.folders]
    summary = summarised(
        values,
        methods,
        jury.scores,
        jury.reasons | _reasons(config, work),
        against=work.against,
        styles=len(work.styles.paths),
        seed=config.seed,
    )
    result = StyleEvaluateResult(config.out, work.names, work.pairs, summary, settings, time.perf_counter() - began)
    _write(result, values, jury, album.rows(panel))
    return result


def _from_hub(config: StyleEvaluateConfig) -> list[str]:
    """What a dry run does not look at, since the hub would have to give it."""
    found = [f"weights of {name}, from the hub" for name, weights in judges_of_options(config) if weights == HUB]
    if config.lpips_weights is not None and config.lpips_backbone == HUB:
        found.append("the network below LPIPS, from the hub")
    if GATYS in config.methods and config.gatys_weights == HUB:
        found.append("the network of gatys, from the hub")
    return found


def _jury(config: StyleEvaluateConfig, device: torch.device) -> Jury:
    judges, lpips_weights = judges_of_options(config), config.lpips_weights
    if config.dry_run:
        judges = [(name, weights) for name, weights in judges if weights != HUB]
        if lpips_weights is not None and config.lpips_backbone == HUB:
            read_lpips_weights(lpips_weights)
            lpips_weights = None
    return seated(judges, lpips_weights, config.lpips_backbone, config.segmenter, device)


def _look_at_results(work: Work, panel: Panel) -> None:
    """Read all that a run would read while it judges; raises as that would."""
    for folder in work.folders:
        for pair in work.pairs:
            folder.picture(pair, panel.contents[pair[0]])
            if work.keep_masks:
                folder.kept(pair, work.contents.paths[pair[0]], work.keep_masks[pair[0]])


def _panel(config: StyleEvaluateConfig, work: Work, jury: Jury, device: torch.device) -> Panel:
    smallest = max([NARROWEST, *(judge.network.smallest for judge in jury.judges)])
    painted = sorted({content for content, _ in work.pairs})
    contents = {name: _at(work.contents.paths[name], config.size, smallest).to(device) for name in painted}
    styles = {name: _at(path, config.size, smallest).to(device) for name, path in work.styles.paths.items()}
    truths: dict[str, Mask] = {}
    if jury.segmenter is not None:
        for name, path in work.masks.items():
            height, width = contents[name].shape[2:]
            truths[name] = read_truth(path, jury.segmenter.classes, (height, width))
    return Panel(jury.judges, contents, styles, jury.perceptual, jury.segmenter, truths)


def _at(path: Path, side: int, smallest: int) -> Tensor:
    """A picture of 8 bits with `side` pixels on its long side; raises `DataError` where it is too narrow then."""
    picture = read_style(path)  # which reads a content, too
    size = size_within(picture.shape[2], picture.shape[3], side)
    if min(size) < smallest:
        got = f"{size[0]} x {size[1]} at this size"
        raise DataError(f"{path}: expected at least {smallest} pixels a side, got {got}: take a larger --size")
    return as_picture(eight_bits(resized(picture, size)), picture)  # as a file would hold it, like all results


def _painters(config: StyleEvaluateConfig, work: Work, device: torch.device) -> list[Method]:
    """The methods that paint here, in the order asked for."""
    known = baselines()
    methods = [name for name in dict.fromkeys(config.methods) if not (name == GATYS and config.dry_run)]
    if GATYS in config.methods and not (config.dry_run and config.gatys_weights == HUB):
        asked = StyleOptimiseConfig(preset=config.gatys_preset, weights=config.gatys_weights)
        name, recipe = recipe_of(asked)
        taps = tuple(dict.fromkeys((*recipe.style_taps, *recipe.content_taps)))
        network, source = load_loss_network(name, taps, config.gatys_weights)
        known[GATYS] = gatys(network.prepared(device, "fp32"), recipe, config.gatys_steps, name, source.sha256 or "")
    painters = [known[name] for name in methods]
    for run, rows in work.models.items():
        painters += trained(run, rows, strengths_of(config), device)
    return painters


def _scored(
    config: StyleEvaluateConfig, work: Work, painters: Sequence[Method], panel: Panel, album: Album
) -> dict[tuple[str, Pair], Scores]:
    """The scores of every method on every pair."""
    twice = frozenset(drawn_pairs(work.pairs, config.stability, config.seed)) if config.stability else frozenset()
    tasks = [Task(method, work.pairs, twice, config.seed) for method in painters]
    total = sum(task.work for task in tasks) + JUDGING * len(work.pairs) * len(work.folders)
    values: dict[tuple[str, Pair], Scores] = {}
    with progress_bar("evaluating") as update:
        progress = Progress(total, update)
        for folder in work.folders:
            for pair in work.pairs:
                progress.step = f"{folder.name}, {BETWEEN.join(pair)}"
                picture = folder.picture(pair, panel.contents[pair[0]])
                album.show(folder.name, pair, eight_bits(picture))
                values[folder.name, pair] = judged(panel, pair, picture, progress)
                if work.keep_masks:
                    kept = folder.kept(pair, work.contents.paths[pair[0]], work.keep_masks[pair[0]])
                    values[folder.name, pair]["kept"] = kept
        for task in sorted(tasks, key=lambda one: -one.work):  # the longest first: the time left is soon known
            album.begin(task.method)

            def show(pair: Pair, pixels: Pixels, method: Method = task.method) -> None:
                album.keep(method, pair, pixels)

            found = painted_and_judged(task, panel, progress, show)
            values |= {(task.method.name, pair): scores for pair, scores in found.items()}
    return values


def _reasons(config: StyleEvaluateConfig, work: Work) -> dict[str, str]:
    """Why measures that need no weights are not computed."""
    found: dict[str, str] = {}
    if len(work.styles.paths) < 2:
        found |= dict.fromkeys(("rank", "top1"), "needs two styles or more, got 1")
    if config.segmenter is not None and config.masks is None:
        found["miou_truth"] = "give labels with --masks FOLDER"
    if not work.keep_masks:
        found["kept"] = "give masks of what had to stay with --keep-mask FOLDER"
    if not config.stability:
        found["instability"] = "asked for on 0 pairs"
    return found


def _settings(
    config: StyleEvaluateConfig, work: Work, jury: Jury, painters: Sequence[Method], device: torch.device
) -> dict[str, Any]:
    return {
        "judges": judges_of(jury),
        "lpips": lpips_of(jury, config.lpips_weights),
        "segmenter": segmenter_of(config.segmenter),
        "painted_here": painters_of(painters),
        "sha256": {
            "contents": dict(work.contents.hashes),
            "styles": dict(work.styles.hashes),
            "results": results_of(work.folders, work.pairs),
            "masks": files_of(work.masks),
            "keep_masks": files_of(work.keep_masks),
        },
        "size": config.size,
        "seed": config.seed,
        "stability_pairs": config.stability,
        "device": device.type,
        "threads": torch.get_num_threads(),
        "segue": __version__,
        "torch": torch.__version__,
    }


# --- what is written -------------------------------------------------------------------------------------------------


def _write(
    result: StyleEvaluateResult, values: Mapping[tuple[str, Pair], Scores], jury: Jury, rows: Sequence[Row]
) -> None:
    assert result.summary is not None, "a dry run writes nothing"
    out = result.out
    keys = [score.key for score in jury.scores]
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["method", "content", "style", *keys])
    for name in result.methods:
        for pair in result.pairs:
            scores = values[name, pair]
            writer.writerow([name, *pair, *(f"{scores[key]:.6g}" if key in scores else "" for key in keys)])
    write_text(out / "pairs.csv", table.getvalue())
    write_text(out / "evaluation.json", json.dumps(result.to_json(), indent=2) + "\n")
    facts = {
        **{
            f"judge {one['network']}": f"{one['weights']}, licence {one['licence']}; content at {one['content_tap']}, "
            f"style at {', '.join(one['style_taps'])}"
            for one in result.settings["judges"]
        },
        **_facts(result.settings),
        "compared at": f"{result.settings['size']} pixels on the long side",
        "stability": f"on {result.settings['stability_pairs']} pairs at most",
        "seed": str(result.settings["seed"]),
        "computed on": f"{result.settings['device']}, {result.settings['threads']} threads",
    }
    write_text(out / "report.html", render("Style evaluation", result.summary, rows, facts))


def _facts(settings: dict[str, Any]) -> dict[str, str]:
    """What the report says of LPIPS and of the segmenter."""
    lpips, segmenter = settings["lpips"], settings["segmenter"]
    found = {}
    if lpips is not None:
        found["LPIPS"] = f"{lpips['channel_weights']} on {lpips['network']}, {lpips['weights']}"
    if segmenter is not None:
        found["segmenter"] = f"{segmenter['run']}"
    return found


def _cells(summary: Summary, line: Line) -> dict[str, str]:
    """A line of the table on the terminal."""
    arrow = "↑" if line.score.measure.higher_is_better else "↓"
    found = {"measure": f"{line.score.title} {arrow}", "": NO_ORDER if line.ranks is False else ""}
    for one, cell in zip(summary.methods, line.cells, strict=True):
        found[one.name] = shown(cell.middle.value) + (OWN if cell.own_judge else "")
    return found


def _alike(lines: Sequence[str]) -> list[str]:
    """Each line once."""
    return list(dict.fromkeys(lines))
