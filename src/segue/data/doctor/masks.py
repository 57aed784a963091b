"""One mask, decoded: which values it holds, where, and whether its edges are hard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segue.data.doctor.codes import problem
from segue.data.doctor.files import Header, refusal
from segue.data.doctor.images import pixel_digest
from segue.data.geotiff import NODATA, Georeference
from segue.data.image import mask_palette, read_mask
from segue.data.index import Problem
from segue.data.palettes import greys_are_colours
from segue.data.published import Colour
from segue.data.survey import pack, packed_pixels
from segue.errors import DataError

SOFT_SHARE = 0.12  # measured: at most 0.03 on hard-edged street and aerial masks, 0.25 and more on resampled ones
SOFT_VALUES = 3  # different values in between; one or two may be classes a pixel wide, such as poles
SOFT_EDGES = 12  # edges below which the share means nothing
KEPT_VALUES = 512  # of a smeared mask only the most frequent values are kept

Array = NDArray[Any]


@dataclass(frozen=True)
class MaskFacts:
    """What later checks need of a mask.

    `values` are the raw values in ascending order, a colour as `red << 16 | green << 8 | blue`; `counts` their pixels;
    `solid` those of them whose four neighbours are equal. `lossy` tells the file's compression, `soft` that edges hold
    values in between. `palette` turns the indices of a palette mask into colours. Pixels for which a raster declares no
    data are not among the values.
    """

    path: Path
    height: int
    width: int
    coded_by_colour: bool
    values: NDArray[np.int64]
    counts: NDArray[np.int64]
    solid: NDArray[np.int64]
    lossy: bool
    soft: bool
    orientation: int
    digest: bytes
    palette: tuple[tuple[int, int, int], ...] | None = None
    georeference: Georeference | None = None

    @property
    def smeared(self) -> bool:
        """Whether values stand in the mask that mean no class but a mixture."""
        return self.lossy or self.soft

    @property
    def colours(self) -> NDArray[np.int64]:
        """The values as packed colours: looked up in the palette, grey repeated, or as they are."""
        if self.coded_by_colour:
            return self.values
        if self.palette is None:
            return self.values * 0x010101
        table = np.zeros(max(256, len(self.palette)), np.int64)
        table[: len(self.palette)] = [pack(colour) for colour in self.palette]
        return table[self.values]


def check_mask(path: Path, header: Header, max_pixels: int) -> tuple[MaskFacts | None, list[Problem]]:
    """Decode a mask exactly as training will, and report what is odd about it alone."""
    try:
        mask = read_mask(path, max_pixels)
        palette = mask_palette(path) if header.mode in ("P", "PA") else None
    except DataError as error:
        found = refusal(path, error)
        return None, [problem("MASK_MODE", path, found.message) if found.code == "IMG_MODE" else found]
    if mask.ndim == 3 and (mask == mask[..., :1]).all():
        mask = mask[..., 0]  # a colour file that holds grey only is an index mask to the reader too
    soft = soft_share(mask) >= SOFT_SHARE
    values, counts, solid = _histogram(packed_pixels(mask) if mask.ndim == 3 else mask)
    labelled = values != NODATA if mask.ndim == 2 else np.ones(len(values), bool)
    return (
        MaskFacts(
            path=path,
            height=mask.shape[0],
            width=mask.shape[1],
            coded_by_colour=mask.ndim == 3,
            values=values[labelled],
            counts=counts[labelled],
            solid=solid[labelled],
            lossy=header.lossy,
            soft=soft,
            orientation=header.orientation,
            digest=pixel_digest(mask),
            palette=palette,
            georeference=header.raster.georeference if header.raster else None,
        ),
        _notes(path, header, int(counts[~labelled].sum())),
    )


def _notes(path: Path, header: Header, without_data: int) -> list[Problem]:
    notes = []
    if header.orientation > 1:
        notes.append(problem("IMG_ROTATED", path, f"the EXIF orientation is {header.orientation}"))
    if header.raster is not None and header.raster.nodata == 0 and without_data:
        notes.append(problem("MASK_NODATA_ZERO", path, f"{without_data} pixels are 0, which is declared as 'no data'"))
    return notes


def by_colours(masks: Mapping[str, MaskFacts], colours: Sequence[Colour]) -> dict[str, MaskFacts]:
    """Take grey masks for colour ones where the layout's `colours` tell its classes and all their greys are among them.

    A mask in which a white label alone occurs is grey beside others in red, and all are where white is the only label.
    """
    plain = (key for key, mask in masks.items() if not mask.coded_by_colour and mask.palette is None)
    grey = {key: masks[key] for key in plain if len(masks[key].values)}
    held = {value for mask in grey.values() for value in mask.values.tolist()}
    if not any(mask.coded_by_colour for mask in masks.values()) and not greys_are_colours(held, colours):
        return dict(masks)
    known = {pack(colour) for colour in colours}
    taken = {
        key: replace(mask, coded_by_colour=True, values=mask.colours)
        for key, mask in grey.items()
        if known.issuperset(mask.colours.tolist())
    }
    return {**masks, **taken}


def soft_share(mask: Array) -> float:
    """Share of the edges of a mask that have a value in between: near 0 for labels, 0.2 to 1 once they were resampled.

    An edge is a pixel whose left and right (or upper and lower) neighbours differ by 2 or more in some channel. A label
    takes one side's value there; a pixel strictly between is what linear filters, JPEG and soft brushes leave. Only
    a class one pixel wide that happens to lie between its neighbours looks the same, so fewer than three different
    values in between count as none.
    """
    (row_edges, in_rows), (column_edges, in_columns) = edges_of(mask)
    edges = np.count_nonzero(row_edges) + np.count_nonzero(column_edges)
    found = np.concatenate([mask[:, 1:-1][in_rows], mask[1:-1][in_columns]])
    if edges < SOFT_EDGES or len(np.unique(found, axis=0)) < SOFT_VALUES:
        return 0.0
    return len(found) / int(edges)


def edges_of(mask: Array) -> list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """For rows, then for columns: which inner pixels lie on an edge, and which have a value between its two sides."""
    channels = (mask[..., None] if mask.ndim == 2 else mask).astype(np.int32)
    found: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]] = []
    for first, middle, last in (
        (channels[:, :-2], channels[:, 1:-1], channels[:, 2:]),
        (channels[:-2], channels[1:-1], channels[2:]),
    ):
        low, high = np.minimum(first, last), np.maximum(first, last)
        is_edge = high - low >= 2
        is_between = is_edge & (middle > low) & (middle < high)
        found.append((np.any(is_edge, axis=-1), np.any(is_between, axis=-1)))
    return found


def unpack(packed: NDArray[np.int64]) -> NDArray[np.int64]:
    """Packed colours as red, green and blue along a new last axis."""
    return np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=-1)


def name_value(value: int, coded_by_colour: bool) -> str:
    """A mask value as people write it: `7`, or `#8429F6`."""
    return f"#{value:06X}" if coded_by_colour else str(value)


def _histogram(packed: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    if packed.max() < 1 << 16:  # counting beats sorting for every mask but the colour-coded
        values, places = np.arange(int(packed.max()) + 1), packed
    else:
        values, inverse = np.unique(packed, return_inverse=True)
        places = inverse.reshape(packed.shape)
    counts = np.bincount(places.ravel(), minlength=len(values))
    solid = np.bincount(places[1:-1, 1:-1][_has_equal_neighbours(packed)], minlength=len(values))
    kept = np.sort(np.argsort(-counts, kind="stable")[: min(KEPT_VALUES, np.count_nonzero(counts))])
    return values[kept].astype(np.int64), counts[kept], solid[kept]


def _has_equal_neighbours(packed: NDArray[np.integer]) -> NDArray[np.bool_]:
    centre = packed[1:-1, 1:-1]
    sides = packed[1:-1, :-2], packed[1:-1, 2:], packed[:-2, 1:-1], packed[2:, 1:-1]
    equal: NDArray[np.bool_] = np.all([centre == side for side in sides], axis=0)
    return equal
