"""Which network paints, and in which styles: names it knows, or pictures."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import TypeVar

from segue.errors import UsageError
from segue.style.bank.words import match_words
from segue.style.model_folder import KINDS, StyleInfo
from segue.style.network import Wanted
from segue.style.own import FOLDER
from segue.style.picture import resized, size_within
from segue.style.record import UsedStyle
from segue.style.style_size import style_size_of
from segue.style.style_source import read_style, style_sha256, used_style
from segue.style_configs import AskedStyles
from segue.table import did_you_mean

log = logging.getLogger("segue")
Asked = tuple[tuple[UsedStyle, ...], list[Wanted]]
Asking = TypeVar("Asking", bound=AskedStyles)


def settled(config: Asking) -> Asking:
    """With the style of the bank that the words find, which the log names; raises `UsageError` where they find none."""
    if not config.text:
        return config
    match = match_words(config.text)
    log.info("%s", match.line())
    return dataclasses.replace(config, text="", style=(match.style.reference,))


def model_of(config: AskedStyles) -> Path:
    """The folder that is given, or our own network for any style; raises `UsageError` where that is shown none."""
    if config.model is not None:
        return config.model
    if not config.style:
        raise UsageError("style: expected a picture, or --model RUN of segue style train, got neither: --style PICTURE")
    return FOLDER


def asked(config: AskedStyles, info: StyleInfo) -> Asked:
    """The styles for the record, and as the network is asked for them.

    Raises:
        UsageError: a name that the network does not know, or no style.
        DataError: a picture that cannot be read.
    """
    takes_pictures = info.kind in KINDS and KINDS[info.kind].takes_pictures
    return _pictures(config, style_size_of(info.trained.get("size"))) if takes_pictures else _names(config, info)


def _pictures(config: AskedStyles, otherwise: int) -> Asked:
    if not config.style:
        raise UsageError("style: expected a picture, since this network takes any style, got none: --style PICTURE")
    styles, wanted = [], []
    licences = config.licences or ("",) * len(config.style)
    shares = config.blend or (1.0,) * len(config.style)
    for name, licence, share in zip(config.style, licences, shares, strict=True):
        path = Path(name)
        picture = read_style(path)
        size = size_within(picture.shape[2], picture.shape[3], config.style_size or otherwise)
        wanted.append(Wanted(picture=resized(picture, size), share=share))
        styles.append(used_style(path, licence, style_sha256(path)))
    return tuple(styles), wanted


def _names(config: AskedStyles, info: StyleInfo) -> Asked:
    if config.style_size is not None:
        raise UsageError("style_size: expected none, since this network knows its styles by name, got one")
    names = config.style or info.names
    known = ", ".join(info.names)
    if not info.names:
        raise UsageError("model: expected a network that says which styles it knows, got none: copy model.json again")
    if not config.style and len(info.names) != 1:
        raise UsageError(f"style: expected one of those the network knows, {known}, got none: --style {info.names[0]}")
    for name in names:
        if name not in info.names:
            raise UsageError(
                f"style: expected one the network knows, got {name!r}: {did_you_mean(name, list(info.names))}"
            )
    rows = [info.names.index(name) for name in names]
    shares = config.blend or (1.0,) * len(rows)
    wanted = [Wanted(row=row, share=share) for row, share in zip(rows, shares, strict=True)]
    licences = config.licences or tuple(info.styles[row].licence for row in rows)
    styles = (
        UsedStyle(info.styles[row].name, info.styles[row].source, licence, info.styles[row].sha256)
        for row, licence in zip(rows, licences, strict=True)
    )
    return tuple(styles), wanted
