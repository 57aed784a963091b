"""Results of another program, or of another run, brought to the size at which everything is compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from torch import Tensor

from segue.data.image import read_image, read_mask, to_channels
from segue.errors import DataError
from segue.style.evaluation.kept import largest_change
from segue.style.evaluation.naming import Pair, Result
from segue.style.picture import read_picture, resized
from segue.style.record import StyleRecord

STRETCHED = 0.05  # how far sides may be off the content's; networks cut to multiples of their stride
NAMES_OF_NETWORKS = ("network", "loss_network")  # options of a record that name what a picture was painted with


@dataclass(frozen=True)
class Folder:
    """The results of one method."""

    name: str
    path: Path
    results: Mapping[Pair, Result]

    @property
    def painted_with(self) -> frozenset[str]:
        """Names and SHA-256 of networks that the pictures' records name."""
        records = [result.record for result in self.results.values() if result.record is not None]
        return frozenset(name for record in records for name in networks_of(record))

    def picture(self, pair: Pair, content: Float[Tensor, "1 3 height width"]) -> Float[Tensor, "1 3 height width"]:
        """A result at the size of its content.

        Raises:
            DataError: it cannot be read, or its sides have another ratio than the content's.
        """
        path = self.results[pair].path
        found = read_picture(path)
        height, width = content.shape[2:]
        ratio = (found.shape[2] * width) / (found.shape[3] * height)
        if not 1 - STRETCHED <= ratio <= 1 + STRETCHED:
            got = f"{found.shape[2]} x {found.shape[3]}"
            raise DataError(
                f"{path}: expected sides in the ratio of its content, {height} to {width}, got {got}: "
                "give results that are not cropped"
            )
        return resized(found, (height, width)).to(content)

    def kept(self, pair: Pair, content: Path, mask: Path) -> float:
        """The largest change of a channel, of 255, where the mask is above 0; NaN where it is nowhere.

        Raises:
            DataError: result, content and mask are not of one size.
        """
        result, original = (to_channels(read_image(path), 3) for path in (self.results[pair].path, content))
        values = read_mask(mask)
        kept = np.asarray(values > 0 if values.ndim == 2 else (values > 0).any(axis=2))
        if not result.shape[:2] == original.shape[:2] == kept.shape:
            sizes = ", ".join(f"{one.shape[0]} x {one.shape[1]}" for one in (result, original, kept))
            raise DataError(f"{self.results[pair].path}: expected result, content and mask of one size, got {sizes}")
        return largest_change(_levels(result), _levels(original), kept)


def networks_of(record: StyleRecord) -> set[str]:
    """What a record says a picture was painted with."""
    named = {str(record.options[key]) for key in NAMES_OF_NETWORKS if record.options.get(key)}
    return named | ({record.model_sha256} if record.model_sha256 else set())


def beside(folder: Path, contents: Iterable[str], originals: Mapping[str, Path]) -> dict[str, Path]:
    """The file of each content in another folder, by its name whatever its ending.

    Raises:
        DataError: some have none; says which.
    """
    missing = [name for name in contents if name not in originals]
    if missing:
        raise DataError(
            f"{folder}: expected a mask named as each content, got none for {', '.join(missing[:3])} "
            f"({len(missing)} in all): add them"
        )
    return {name: originals[name] for name in contents}


def _levels(pixels: np.ndarray) -> np.ndarray:
    return pixels if pixels.dtype == np.uint8 else pixels.round().astype(np.uint8)
