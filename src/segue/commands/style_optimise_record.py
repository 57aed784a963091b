"""What a picture of `segue style optimise` says of how it was made, before it is made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from segue.errors import UsageError
from segue.models.source import Source
from segue.style.by_class import split
from segue.style.objective import Recipe
from segue.style.optimise import rate_of
from segue.style.record import StyleRecord, UsedStyle
from segue.style_configs import StyleOptimiseConfig


def record_of(
    config: StyleOptimiseConfig,
    styles: Sequence[UsedStyle],
    content_sha256: str,
    network: str,
    recipe: Recipe,
    source: Source,
) -> StyleRecord:
    """What travels with the picture: names of files without their folders, which are nobody else's business."""
    chosen = {"network": network, "weights": source.name, "weights_licence": source.licence}
    asked = {
        "preset": config.preset,
        "optimizer": config.optimizer,
        "init": config.init,
        "keep_colours": config.keep_colours,
        "blend": list(config.blend),
        "canvas": "unet" if config.canvas == "unet" else "pixels",
        "lr": config.lr if config.lr is not None else rate_of(config.optimizer, config.canvas == "unet"),
        "content_taps": list(recipe.content_taps),
        "content_weight": recipe.content_weight,
        "tv_weight": recipe.tv_weight,
        "division": recipe.division,
        **({} if config.clip else _of_styles(recipe, config)),
        "by_region": config.content_mask is not None,
        "by_class": [f"{name}={Path(style).name}" for name, style in split(config.by_class).items()],
        "segmenter": config.segmenter.resolve().name if config.segmenter else "",
    }
    return StyleRecord("style optimise", tuple(styles), content_sha256, source.sha256 or "", {**chosen, **asked})


def licences_of(config: StyleOptimiseConfig, styles: Sequence[Path]) -> dict[Path, str]:
    """That of each style, empty where none are given; with classes, styles are in the order they are first named."""
    if config.licences and len(config.licences) != len(styles):
        raise UsageError(f"licences: expected one for each of {len(styles)} styles, got {len(config.licences)}")
    return dict(zip(styles, config.licences or ("",) * len(styles), strict=True))


def _of_styles(recipe: Recipe, config: StyleOptimiseConfig) -> dict[str, Any]:
    """What holds for style pictures alone."""
    taps = {"style_taps": list(recipe.style_taps), "tap_weights": [round(weight, 6) for weight in recipe.tap_weights]}
    return {
        **taps,
        "style_weight": recipe.style_weight,
        "statistic": recipe.statistic,
        "style_scale": config.style_scale,
    }
