"""One frame on its way from a clip to a painted one, and what a clip is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol, runtime_checkable

from segue.style.picture import Pixels


@dataclass(frozen=True, eq=False)
class Frame:
    """Pixels from 0 to 255; the file they are from, of numbered frames; the second they are shown at, of a video.

    `aspect` is the width of a pixel over its height as it is to be shown, of a video whose pixels are not square.
    """

    pixels: Pixels
    file: Path | None = None
    time: Fraction | None = None
    aspect: Fraction | None = None


@runtime_checkable
class Clip(Protocol):
    """Frames that can be read from the first to the last, as often as is asked for, with one in memory at a time."""

    @property
    def path(self) -> Path:
        """The folder or the file."""

    @property
    def count(self) -> int:
        """How many frames there are, as far as that is known without reading them; 0 when it is not."""

    @property
    def rate(self) -> Fraction | None:
        """Frames in a second; None of a folder, which does not say."""

    def frames(self) -> Iterator[Frame]:
        """The frames in their order; raises `DataError` for one that cannot be read."""
