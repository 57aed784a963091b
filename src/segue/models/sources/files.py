"""The files of a published model by name: in a folder, or in a repository of the Hugging Face hub (its cache first)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from segue.durable import sha256_of
from segue.errors import WeightsError
from segue.models.hub import fetch_file
from segue.models.weight_file import read_weights

SAFETENSORS, INDEX, TORCH = "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin"
PREFIX = "hf:"
MAX_JSON = 20 * 2**20  # bytes


@dataclass(frozen=True)
class Files:
    """A model's files. `where` is a folder, or `owner/name` with an optional `@revision`."""

    where: str
    local: bool

    @property
    def repository(self) -> str:
        """The name without its revision."""
        return self.where if self.local else self.where.partition("@")[0]

    @property
    def title(self) -> str:
        """What to call it in a report."""
        return Path(self.where).resolve().name if self.local else self.where

    @property
    def url(self) -> str | None:
        """Its page, for a repository."""
        return None if self.local else f"https://huggingface.co/{self.repository}"

    def get(self, name: str) -> Path | None:
        """The path of a file, downloaded unless it is in the cache; None when there is none of that name.

        Raises `WeightsError` when the hub cannot be reached.
        """
        if self.local:
            path = Path(self.where) / name
            return path if path.is_file() else None
        return fetch_file(self.repository, name, self.where.partition("@")[2] or None)

    def json(self, name: str) -> dict[str, Any] | None:
        """The object in a JSON file; None when there is no such file. Raises `WeightsError` for anything else in it."""
        path = self.get(name)
        if path is None:
            return None
        try:
            content = json.loads(path.read_bytes()) if path.stat().st_size <= MAX_JSON else None
        except (OSError, ValueError, RecursionError) as error:
            raise WeightsError(f"{path}: expected JSON, got something damaged ({error}): copy it again") from None
        if not isinstance(content, dict):
            raise WeightsError(f"{path}: expected a JSON object, got something else: copy it again")
        return content

    def tensors(self) -> tuple[dict[str, Tensor], str]:
        """All tensors of the model, and the SHA-256 of the file they are in, or of the list of their files.

        A safetensors file, one in parts, or else the older torch file, which is read as tensors and never run.
        """
        if path := self.get(SAFETENSORS):
            return read_weights(path), sha256_of(path)
        if index := self.json(INDEX):
            path = self.get(INDEX)
            assert path is not None, "it was read above"
            return self._parts(index), sha256_of(path)
        if path := self.get(TORCH):
            return read_weights(path), sha256_of(path)
        raise WeightsError(
            f"{self.where}: expected {SAFETENSORS}, {INDEX} or {TORCH}, found none of them: "
            "save the model with save_pretrained, or give another source"
        )

    def _parts(self, index: dict[str, Any]) -> dict[str, Tensor]:
        mapping = index.get("weight_map")
        if not isinstance(mapping, dict) or not all(_is_part(name) for name in mapping.values()):
            raise WeightsError(f"{self.where}: expected names of safetensors files in {INDEX}, got others")
        tensors: dict[str, Tensor] = {}
        for name in sorted(set(mapping.values())):
            path = self.get(name)
            if path is None:
                raise WeightsError(f"{self.where}: expected {name} as {INDEX} says, got no such file: copy it again")
            tensors |= read_weights(path)
        return tensors


def _is_part(name: Any) -> bool:  # noqa: ANN401 - what a stranger's JSON holds
    return isinstance(name, str) and re.fullmatch(r"[\w.-]+\.safetensors", name) is not None


def files_of(weights: str) -> Files | None:
    """The files a value of `--model.weights` stands for: a folder, or `hf:owner/name[@revision]`; None for others."""
    if weights.startswith(PREFIX):
        where = weights.removeprefix(PREFIX)
        if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*(@\w[\w./-]*)?", where):
            raise WeightsError(f"{weights}: expected {PREFIX}OWNER/NAME or {PREFIX}OWNER/NAME@REVISION")
        return Files(where, local=False)
    return Files(weights, local=True) if Path(weights).is_dir() else None
