"""An index written as a Hugging Face data set: Parquet with the pictures' bytes, as on the hub.

    root/data/train-00000-of-00001.parquet  root/data/validation-...  root/id2label.json

`datasets.load_dataset(root)` reads it as columns `image` and `mask` of pictures.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from segue.data.formats.layout import neutral_names, new_folder
from segue.data.index import SPLITS, Index, Sample
from segue.data.parallel import Update, in_order, silent
from segue.errors import DataError
from segue.extras import require

_PARTS = {"train": "train", "val": "validation", "test": "test", "": "data"}
_ROWS_AT_ONCE = 100  # in one row group, as the hub's own writer makes them for pictures
_FEATURES = {"info": {"features": {"image": {"_type": "Image"}, "mask": {"_type": "Image"}}}}


def write(index: Index, root: Path, update: Update = silent) -> None:
    """Write one file for each part of the data; pictures and masks keep their bytes.

    Raises:
        DataError: an image is an array, which `datasets` could not open as a picture.
        MissingPackageError: pyarrow is not installed, which the extra `hf` brings.
    """
    if array := next((sample.image for sample in index.samples if sample.image.suffix.lower() == ".npy"), None):
        raise DataError(f"{array}: expected pictures for the layout hf, got an array; choose another layout")
    arrow, parquet = require("pyarrow", "hf"), require("pyarrow.parquet", "hf")
    cell = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
    schema = arrow.schema([("image", cell), ("mask", cell)], {b"huggingface": json.dumps(_FEATURES).encode()})
    names = neutral_names(index)
    new_folder(root)
    (root / "data").mkdir()
    done = 0
    for split in (*SPLITS, ""):
        samples = index.of(split)
        if not samples:
            continue
        with parquet.ParquetWriter(root / "data" / f"{_PARTS[split]}-00000-of-00001.parquet", schema) as writer:
            for rows in _portions(samples, names):
                writer.write_table(arrow.Table.from_pylist(rows, schema))
                done += len(rows)
                update(done / len(index.samples), f"{done} of {len(index.samples)}")
    if index.names:
        labels = json.dumps({str(value): name for value, name in enumerate(index.names)}, indent=1, ensure_ascii=False)
        (root / "id2label.json").write_text(labels, encoding="utf-8")


def _portions(samples: Sequence[Sample], names: dict[str, str]) -> Iterator[list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = []
    for row in in_order(lambda sample: _row(sample, names[sample.id]), samples):
        rows.append(row)
        if len(rows) == _ROWS_AT_ONCE:
            yield rows
            rows = []
    if rows:
        yield rows


def _row(sample: Sample, name: str) -> dict[str, Any]:
    flat = name.replace("/", "--")
    return {"image": _cell(sample.image, flat), "mask": _cell(sample.mask, flat) if sample.mask else None}


def _cell(path: Path, name: str) -> dict[str, Any]:
    return {"bytes": path.read_bytes(), "path": f"{name}{path.suffix}"}
