"""The rows of Parquet and Arrow files with an image and a mask in each, a few at a time, without decoding a picture."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segue.errors import DataError
from segue.extras import require

IMAGE_COLUMNS = ("image", "images", "img", "pixel_values", "photo", "picture", "rgb")
MASK_COLUMNS = (
    *("mask", "masks", "label", "labels", "annotation", "annotations", "segmentation", "segmentation_mask"),
    *("semantic_mask", "semantic_segmentation", "label_mask", "seg", "gt", "ground_truth", "target", "labels_mask"),
)
_ROWS_AT_ONCE = 16


@dataclass(frozen=True)
class Picture:
    """A picture as a row stores it: its bytes, or None where it stores a path alone; the path may be empty."""

    content: bytes | None
    path: str


def rows(path: Path) -> Iterator[tuple[Picture, Picture | None]]:
    """The image and mask of every row of a file, in order; a mask may be None.

    Raises:
        DataError: the file is damaged, or it does not have one column of images and one of masks.
        MissingPackageError: pyarrow is not installed.
    """
    arrow = require("pyarrow", "hf")
    try:
        for batch in _batches(arrow, path):
            image, mask = columns(batch.schema, path)
            pairs = zip(batch.column(image).to_pylist(), batch.column(mask).to_pylist(), strict=True)
            for first, second in pairs:
                found = _picture(first)
                yield found or Picture(None, ""), _picture(second)
    except (arrow.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0][:120]
        raise DataError(f"{path}: expected a Parquet or Arrow file, cannot read it ({reason}); copy it again") from None


def columns(schema: Any, path: Path) -> tuple[str, str]:  # noqa: ANN401 - pyarrow has no types
    """The names of the column with images and of the one with masks, told apart by their names.

    Raises:
        DataError: there are not exactly these two.
    """
    pictures = [field.name for field in schema if _holds_pictures(schema, field)]
    masks = [name for name in pictures if name.lower() in MASK_COLUMNS]
    images = [name for name in pictures if name.lower() in IMAGE_COLUMNS]
    if len(pictures) == 2 and len(masks) == 1 and not images:
        images = [name for name in pictures if name not in masks]
    if len(pictures) == 2 and len(images) == 1 and not masks:
        masks = [name for name in pictures if name not in images]
    if len(masks) != 1 or len(images) != 1:
        raise DataError(
            f"{path}: expected a column of images and one of masks (called image and mask), found pictures in "
            f"{', '.join(pictures) or 'no column'}; rename the two columns and drop other pictures"
        )
    return images[0], masks[0]


def _batches(arrow: Any, path: Path) -> Iterator[Any]:  # noqa: ANN401
    """Portions of the rows, with the two columns alone where the file can give them alone."""
    if path.suffix == ".parquet":
        file = require("pyarrow.parquet", "hf").ParquetFile(path)
        yield from file.iter_batches(_ROWS_AT_ONCE, columns=list(columns(file.schema_arrow, path)))
        return
    with arrow.memory_map(str(path)) as source:
        for batch in _record_batches(arrow, source):
            for start in range(0, batch.num_rows, _ROWS_AT_ONCE):
                yield batch.slice(start, _ROWS_AT_ONCE)


def _record_batches(arrow: Any, source: Any) -> Iterator[Any]:  # noqa: ANN401
    """An Arrow file is a stream (as `datasets` writes it) or has an index at its end."""
    if source.read(6) == b"ARROW1":
        reader = arrow.ipc.open_file(source)
        yield from (reader.get_batch(number) for number in range(reader.num_record_batches))
    else:
        source.seek(0)
        yield from arrow.ipc.open_stream(source)


def _holds_pictures(schema: Any, field: Any) -> bool:  # noqa: ANN401
    """Whether a column is declared to hold images, or holds bytes with a path beside."""
    try:
        told = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"][field.name]
        if isinstance(told, dict) and "_type" in told:
            return bool(told["_type"] == "Image")
    except (KeyError, TypeError, ValueError):
        pass
    kind = str(field.type)
    return kind in ("binary", "large_binary") or kind.startswith(("struct<bytes: binary", "struct<bytes: large_binary"))


def _picture(cell: Any) -> Picture | None:  # noqa: ANN401
    if isinstance(cell, bytes):
        return Picture(cell, "")
    if not isinstance(cell, dict) or (cell.get("bytes") is None and not cell.get("path")):
        return None
    return Picture(cell.get("bytes"), cell.get("path") or "")
