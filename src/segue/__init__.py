"""Segue: turn a pretrained network into your own segmentation model from few labelled images.

Importing this package is free: nothing heavy is loaded until one of the names below is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = [
    "bench",
    "compare",
    "convert",
    "doctor",
    "download",
    "evaluate",
    "fit",
    "forecast",
    "load",
    "lr_find",
    "plan",
    "predict",
    "review",
    "style_apply",
    "style_bank",
    "style_evaluate",
    "style_export",
    "style_inspect",
    "style_optimise",
    "style_train",
    "style_video",
]

if TYPE_CHECKING:
    from segue.api import (
        bench,
        compare,
        convert,
        doctor,
        download,
        evaluate,
        fit,
        forecast,
        load,
        lr_find,
        plan,
        predict,
        review,
        style_apply,
        style_bank,
        style_evaluate,
        style_export,
        style_inspect,
        style_optimise,
        style_train,
        style_video,
    )


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the public names, imported when first used
    if name in __all__:
        import segue.api

        return getattr(segue.api, name)
    raise AttributeError(f"module 'segue' has no attribute {name!r}")
