"""What `--text` turns into: a style of the bank that the words find, or CLIP's own objective."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any

from segue.models.source import Source
from segue.style.bank.words import match_words
from segue.style.objective import Recipe
from segue.style.text_objective import CONTENT_WEIGHTS, SOURCE, STEPS, TAPS, TEMPLATES, TextRecipe
from segue.style_configs import StyleOptimiseConfig

log = logging.getLogger("segue")


def settled(config: StyleOptimiseConfig) -> StyleOptimiseConfig:
    """With the style that words find where no CLIP was given, and with CLIP the sizes and steps that suit it.

    Raises `UsageError` where the words find no style.
    """
    if not config.text:
        return config
    if not config.clip:
        match = match_words(config.text)
        log.info("%s", match.line())
        return dataclasses.replace(config, text="", styles=(Path(match.style.reference),))
    steps = config.steps or (() if config.seconds is not None else (STEPS,))
    levels = config.levels or (None if len(steps) > 1 else 1)
    canvas = "unet" if config.canvas == "auto" else config.canvas
    return dataclasses.replace(config, steps=steps, levels=levels, canvas=canvas)


def text_recipe_of(config: StyleOptimiseConfig, network: str, recipe: Recipe) -> TextRecipe:
    """The published weights, with what was given in its place; the content's taps are the preset's but for VGG19."""
    content_weight, tv_weight = config.content_weight, config.tv_weight
    return TextRecipe(
        config.content_taps or TAPS.get(network, recipe.content_taps),
        recipe.division,
        CONTENT_WEIGHTS[recipe.division] if content_weight is None else content_weight,
        config.text_weight * TextRecipe.patch_weight,
        config.text_weight * TextRecipe.global_weight,
        TextRecipe.tv_weight if tv_weight is None else tv_weight,
        patches=config.patches,
    )


def of_text(text: str, guide: Source | None, recipe: TextRecipe | None) -> dict[str, Any]:
    """What the record says of a text: the words, and the network that judged them; nothing where there was none."""
    if guide is None or recipe is None:
        return {"text": text} if text else {}
    known = {"clip": guide.name, "clip_licence": guide.licence, "clip_sha256": guide.sha256 or ""}
    return {
        "text": text,
        "source_text": SOURCE,
        "templates": len(TEMPLATES),
        **known,
        "content_taps": list(recipe.content_taps),
        "content_weight": recipe.content_weight,
        "patch_weight": recipe.patch_weight,
        "global_weight": recipe.global_weight,
        "tv_weight": recipe.tv_weight,
        "threshold": recipe.threshold,
        "patches": recipe.patches,
    }


def of_trained_text(trained: dict[str, Any]) -> dict[str, Any]:
    """What the record says of the text that a decoder was trained to follow, as far as its model.json tells."""
    weights = trained.get("loss_weights")
    known = weights if isinstance(weights, dict) else {}
    found = {
        "text": trained.get("text"),
        "clip": known.get("name"),
        "clip_licence": known.get("licence"),
        "clip_sha256": known.get("sha256"),
    }
    return {name: value for name, value in found.items() if isinstance(value, str)}
