"""Whole segmentation networks to start from, by the layout they come in.

A row names a function `open(weights) -> Checkpoint | None`: what it finds behind a value of `--model.weights`, or None
when that is not its layout. `find` asks them in the order of the table. To add one: a file here and a row below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from segue.table import Table

if TYPE_CHECKING:
    from segue.models.sources.checkpoint import Checkpoint

SOURCES = Table(
    "source",
    __name__,
    torchvision="torchvision:open_checkpoint",
    smp="smp_hub:open_checkpoint",
    huggingface="huggingface:open_checkpoint",
    segue="segue_run:open_checkpoint",
)


def find(weights: str) -> Checkpoint | None:
    """The whole network behind a value of `--model.weights`; None for "hub" and for a file that holds an encoder alone.

    Of what lies on a hub only descriptions are fetched here, no weights. Raises `WeightsError` or `RunError` for a
    folder or a name that is none of the layouts.
    """
    if weights == "hub":
        return None
    return next((found for name in SOURCES if (found := SOURCES[name](weights)) is not None), None)
