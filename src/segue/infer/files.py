"""The files that are planned for one predicted image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from segue.data.image import is_raster
from segue.infer.inputs import Input

PICTURE = {"mask": ".png", "probabilities": ".npz", "uncertainty": "_uncertainty.png", "review": "_review.png"}
RASTER = {"mask": ".tif"} | {kind: f"_{kind}.tif" for kind in ("probabilities", "uncertainty", "review")}


@dataclass(frozen=True)
class Files:
    """What is written for one image: its `maps` by kind, the mask among them, and an overlay if wanted.

    Of a raster, `raster` is true.
    """

    raster: bool
    maps: dict[str, Path]
    overlay: Path | None

    @property
    def mask(self) -> Path:
        """The file of class ids."""
        return self.maps["mask"]

    def present(self) -> dict[str, Path]:
        """All files by kind."""
        return self.maps | ({} if self.overlay is None else {"overlay": self.overlay})


def planned_files(one: Input, out: Path, kinds: tuple[str, ...], overlay: bool) -> Files:
    """The files of an image below `out`; `kinds` are those of `segue.infer.maps.Wanted`."""
    raster = is_raster(one.path)
    endings = RASTER if raster else PICTURE
    maps = {kind: out / (one.name + endings[kind]) for kind in kinds}
    return Files(raster, maps, out / f"{one.name}_overlay.jpg" if overlay else None)
