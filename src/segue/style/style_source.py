"""A style as it is named on the command line: a picture's file, or `bank:NAME` for one of the bank."""

from __future__ import annotations

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from segue.durable import sha256_of
from segue.errors import DataError
from segue.style.bank.catalogue import draw, in_bank, sha256_of_pixels
from segue.style.picture import read_picture
from segue.style.record import UsedStyle


def read_style(path: Path) -> Float[Tensor, "1 3 height width"]:
    """The style picture from 0 to 1; see `segue.style.picture.read_picture` and `segue.style.bank.catalogue.draw`.

    Raises:
        DataError: the file cannot be read.
        UsageError: the bank has no style of that name.
    """
    style = in_bank(path)
    if style is None:
        return read_picture(path)
    return torch.from_numpy(draw(style.name).copy()).permute(2, 0, 1)[None].float().div(255).contiguous()


def style_sha256(path: Path) -> str:
    """SHA-256 of the style's file, or of the pixels that the bank draws; raises `DataError` where there is no file."""
    style = in_bank(path)
    if style is not None:
        return sha256_of_pixels(draw(style.name))
    try:
        return sha256_of(path)
    except OSError as error:
        raise DataError(f"{path}: expected a picture that stays, got {error.strerror}") from None


def used_style(path: Path, licence: str, sha256: str) -> UsedStyle:
    """What the record says of a style; its file without its folder, which is nobody else's business."""
    style = in_bank(path)
    if style is None:
        return UsedStyle(path.stem, path.name, licence, sha256)
    return UsedStyle(style.name, style.source, licence or style.licence, sha256)
