"""What `segue style evaluate` works on: which pictures, of which pairs, by which methods, under which names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from segue.errors import UsageError
from segue.style.evaluation.drawing import drawn_pairs
from segue.style.evaluation.folder import Folder, beside
from segue.style.evaluation.judge import taps_of
from segue.style.evaluation.jury import HUB
from segue.style.evaluation.measures import GATYS
from segue.style.evaluation.naming import Originals, Pair, common, read_originals, read_results, read_styles
from segue.style.evaluation.trained import known_styles, names_of
from segue.style_configs import StyleEvaluateConfig


@dataclass(frozen=True)
class Work:
    """What is judged: the originals, the results, the pairs that all have, and the methods' names in their order."""

    contents: Originals
    styles: Originals
    folders: tuple[Folder, ...]
    pairs: tuple[Pair, ...]
    names: tuple[str, ...]
    against: str
    masks: Mapping[str, Path]
    keep_masks: Mapping[str, Path]
    models: Mapping[Path, Mapping[str, int | None]]


def prepared(config: StyleEvaluateConfig) -> Work:
    """Read and check what is judged; raises `UsageError`, `DataError` or `RunError`. Nothing is decoded."""
    if config.contents is None or config.styles is None:
        raise UsageError("expected contents and styles, got fewer: segue style evaluate CONTENTS STYLES RESULTS")
    out = config.out.resolve()
    read = [path.resolve() for path in (config.contents, config.styles, *config.results)]
    if any(path in (out, *out.parents) for path in read):  # what is written would be read the next time
        raise UsageError(f"out: expected a folder of its own, got {config.out}, which is read: choose another")
    for name, _ in judges_of_options(config):
        taps_of(name)  # a name that is no network's is told before anything is read
    contents, styles = read_originals(config.contents), read_styles(config.styles)
    folders = tuple(Folder(path.resolve().name, path, read_results(path, contents, styles)) for path in config.results)
    models = {run: known_styles(run, styles) for run in config.model}
    of_models = [name for run in config.model for name in names_of(run, strengths_of(config))]
    names = (*dict.fromkeys(config.methods), *of_models, *(folder.name for folder in folders))
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise UsageError(
            f"results: expected a name of its own for each method, got two called {twice}: rename a folder"
        )
    if config.against and config.against not in names:
        raise UsageError(f"against: expected one of {', '.join(names)}, got {config.against!r}")
    against = config.against or (GATYS if GATYS in names else names[0])
    painted_in = [style for style in styles.paths if all(style in rows for rows in models.values())]
    every = common([folder.results for folder in folders], contents.paths, painted_in)
    pairs = drawn_pairs(every, config.pairs, config.seed)
    painted = {content for content, _ in pairs}
    masks, keep_masks = (
        beside(path, sorted(painted), read_originals(path).paths) if path is not None else {}
        for path in (config.masks, config.keep_mask)
    )
    return Work(contents, styles, folders, tuple(pairs), names, against, masks, keep_masks, models)


def judges_of_options(config: StyleEvaluateConfig) -> list[tuple[str, str]]:
    """Names and weights of the judges."""
    return [(name, weights if equals else HUB) for name, equals, weights in (j.partition("=") for j in config.judges)]


def strengths_of(config: StyleEvaluateConfig) -> list[float]:
    """Each of the strengths once, from small to large."""
    return sorted(set(config.strengths))
