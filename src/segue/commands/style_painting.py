"""What `segue style apply` and `segue style video` do alike with a trained network, a picture or a frame at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from segue.commands.style_text import of_trained_text
from segue.errors import DataError
from segue.style.model_folder import StyleInfo
from segue.style.network import StyleNetwork
from segue.style.painter import TILE, Painter
from segue.style_configs import StyleApplyConfig, StyleVideoConfig
from segue.train.heap import keep_freed_memory
from segue.train.step import out_of_memory

LARGEST_BLOCK = 1 << 28  # bytes of what is kept when freed; pictures and their watermarks are larger
PaintConfig = StyleApplyConfig | StyleVideoConfig


def placed(network: StyleNetwork, device: torch.device, precision: str, threads: int | None) -> dict[str, Any]:
    """Bring the network to where it computes, with the process made ready; gives what records say of that."""
    if threads is not None:
        torch.set_num_threads(threads)
    if device.type == "cpu":
        keep_freed_memory(LARGEST_BLOCK)
    network.computing_in(precision).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return {"device": device.type, "precision": precision, "threads": torch.get_num_threads()}


def painter_of(network: StyleNetwork, config: PaintConfig) -> Painter:
    """The network with the options of all pictures."""
    return Painter(network, config.strength, config.keep_colours, TILE if config.tile is None else config.tile)


@contextmanager
def within_memory(path: Path) -> Iterator[None]:
    """Raises `DataError` that names the file, and what to do, where painting it takes more memory than there is."""
    try:
        yield
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        raise DataError(f"{path}: out of memory: take a smaller --tile or --size") from None


def record_options(
    config: PaintConfig, info: StyleInfo, shares: Sequence[float], settings: dict[str, Any]
) -> dict[str, Any]:
    """What a record says of the network and the options; no shares where classes have styles of their own."""
    options: dict[str, Any] = {
        "kind": info.kind,
        "strength": config.strength,
        "keep_colours": config.keep_colours,
        **settings,
    }
    if shares:
        options["shares"] = [round(share, 6) for share in shares]
    if isinstance(judge := info.trained.get("loss_network"), str):
        options["loss_network"] = judge  # for `segue style evaluate`, which shall not let it judge
    if info.kind == "text":
        options |= of_trained_text(info.trained)
    if config.text:
        options["text"] = config.text
    return options
