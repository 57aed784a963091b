"""Another run of Segue, or its model folder."""

from __future__ import annotations

from pathlib import Path

from segue.models.origin import run_source
from segue.models.sources.checkpoint import Checkpoint, Tensors


def open_checkpoint(weights: str) -> Checkpoint | None:
    """The model of a run folder; raises `RunError` for a folder without one, or with several."""
    from segue.models.artifact import load_info, load_model, require_single  # it imports what imports this module

    folder = Path(weights)
    if not folder.is_dir():
        return None
    info = load_info(folder)
    require_single(folder, info)
    source = run_source(folder)

    def read() -> tuple[Tensors, str | None]:
        return load_model(folder)[0].state_dict(), source.sha256

    return Checkpoint(info.spec, info.classes.names, source, read)
