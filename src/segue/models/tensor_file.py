"""Files of tensors in a model folder: written in one step, and read as a stranger's.

The size and the SHA-256 that `model.json` records are checked before a tensor is made. safetensors itself accepts
repeated names and NaN, so both are looked for here.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from segue.durable import write_durably
from segue.errors import WeightsError


def write_tensors(path: Path, content: bytes) -> dict[str, Any]:
    """Write a file of tensors durably; gives the record of it for `model.json`."""

    def write(temporary: Path) -> None:
        temporary.write_bytes(content)

    write_durably(path, write, len(content))
    return as_record(path.name, len(content), hashlib.sha256(content).hexdigest())


def as_record(name: str, size: int, sha256: str) -> dict[str, Any]:
    """What `model.json` says of a file."""
    return {"file": name, "bytes": size, "sha256": sha256}


def read_tensors(path: Path, record: tuple[int, str]) -> dict[str, Tensor]:
    """Read the file once and check every byte of it before a tensor is made; `record` is its size and SHA-256.

    Raises:
        WeightsError: the file is missing, damaged, or not finite.
    """
    content = read_checked(path, record)
    try:
        json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")], object_pairs_hook=no_repeats)
        tensors: dict[str, Tensor] = safetensors.torch.load(content)
    except (SafetensorError, ValueError, RecursionError, KeyError) as error:
        raise WeightsError(f"{path}: expected a safetensors file, got a damaged one: {error}") from error
    check_finite(tensors, path)
    return tensors


def read_checked(path: Path, record: tuple[int, str]) -> bytes:
    """The bytes of a file, which are those of its `record`; raises `WeightsError` when they are not."""
    size, sha256 = record
    try:
        if path.stat().st_size != size:
            raise WeightsError(f"{path}: expected {size:,} bytes, got {path.stat().st_size:,}: copy the file again")
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: expected this part of the model, cannot read it: {error.strerror}") from error
    if (got := hashlib.sha256(content).hexdigest()) != sha256:
        raise WeightsError(
            f"{path}: expected SHA-256 {sha256[:12]}…, got {got[:12]}…: copy the whole model folder again"
        )
    return content


def no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For `json.loads`: an object in which no key stands twice."""
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a key stands there twice")
    return content


def check_finite(tensors: dict[str, Tensor], path: Path) -> None:
    """Raise `WeightsError` when a weight is NaN or infinite."""
    bad = [name for name, tensor in tensors.items() if tensor.is_floating_point() and not tensor.isfinite().all()]
    if bad:
        raise WeightsError(f"{path}: expected finite weights, got NaN or infinity in {bad[0]} ({len(bad)} tensors)")


def check_fits(tensors: dict[str, Tensor], expected: dict[str, Tensor], path: Path) -> None:
    """Raise `WeightsError` where the tensors of a file are not just those expected, of the same shapes and types."""
    if missing := sorted(set(expected) - set(tensors)):
        raise WeightsError(f"{path}: expected the weight {missing[0]}, got none ({len(missing)} missing)")
    if extra := sorted(set(tensors) - set(expected)):
        raise WeightsError(f"{path}: got the weight {extra[0]}, which the network does not have ({len(extra)} extra)")
    for name, tensor in tensors.items():
        want = (tuple(expected[name].shape), expected[name].dtype)
        if (got := (tuple(tensor.shape), tensor.dtype)) != want:
            raise WeightsError(f"{path}: {name}: expected shape and type {want}, got {got}")
