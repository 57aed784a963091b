"""What training crops of one large GeoTIFF cost, read by the window and from the whole raster; prints JSON.

    OMP_NUM_THREADS=1 python benchmarks/large_rasters.py [--side 8000] [--bands 4] [--crops 40] [--folder FOLDER]

The raster holds 16-bit numbers in tiles of 512 pixels, deflated, its mask eight bits. Each case runs in a process of
its own, so that memory is that case's; from it, what a process holds that has opened the files only is taken off. The
crops are checked to be the same in all cases.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from doctor_scan import peak_memory

from segue.configs import AugmentConfig
from segue.data.classes import Classes
from segue.data.geometry import Preprocessing
from segue.data.index import Sample
from segue.data.loader import TrainingSet
from segue.data.palettes import distinct_colours

CROP = (512, 512)
CLASSES = Classes(("ground", "field", "water", "roof"), distinct_colours(4), (0, 1, 2, 3))
CASES = {  # bytes from which rasters are read by the window, bytes of decoded samples that are kept, augmentation
    "opened only": (0, 0, None),
    "by the window": (0, 2**31, {}),
    "by the window, half of the crops around a rare class": (0, 2**31, {"rare_crops": 0.5}),
    "whole, kept in memory": (2**60, 2**40, {}),
    "whole, decoded for every crop": (2**60, 0, {}),
}


def plant(folder: Path, side: int, bands: int) -> None:
    """A scene of soft hills with noise, and its mask in four classes."""
    place = {"crs": "EPSG:32631", "transform": Affine(1, 0, 500_000, 0, -1, 4_600_000), "compress": "deflate"}
    shape = {"driver": "GTiff", "height": side, "width": side, "tiled": True, "blockxsize": 512, "blockysize": 512}
    generator = np.random.default_rng(0)
    with (
        rasterio.open(folder / "a.tif", "w", count=bands, dtype="uint16", **shape, **place) as image,
        rasterio.open(folder / "a_mask.tif", "w", count=1, dtype="uint8", **shape, **place) as mask,
    ):
        x = np.arange(side, dtype=np.float32)[None]
        for top in range(0, side, 512):
            y = np.arange(top, min(side, top + 512), dtype=np.float32)[:, None]
            hills = np.sin(x / 310) + np.sin(y / 270) + np.sin((x + y) / 530)
            window = ((top, top + len(y)), (0, side))
            for band in range(bands):
                noise = generator.integers(0, 60, hills.shape)
                image.write((2000 + 500 * hills + 100 * band + noise).astype(np.uint16), band + 1, window=window)
            classes = (hills > -1).astype(np.uint8) + (hills > 0.5) + (hills > 2.9)
            mask.write(classes.astype(np.uint8), 1, window=window)


def measure(folder: Path, bands: int, crops: int, case: str) -> dict[str, object]:
    """Processor time and memory of one case, in this process."""
    least, kept, chosen = CASES[case]
    prep = Preprocessing(CROP, 1.4, (0.5,) * bands, (0.2,) * bands, 1, 1.0, ranges=((0.0, 5000.0),) * bands)
    sample = Sample("a", folder / "a.tif", folder / "a_mask.tif", "train")
    pixels = np.array([[100, 100, 100, 1]])
    augment = AugmentConfig(scale=(0.06, 0.1), **(chosen or {}))
    data = TrainingSet([sample], CLASSES, pixels, prep, augment, 0, cache_bytes=kept, whole_bytes=least)
    digest, began, first = hashlib.sha256(), time.process_time(), 0.0
    for epoch in range(0 if chosen is None else crops):
        image, labels, _ = data.draw(epoch, 0)
        digest.update(image.numpy().tobytes() + labels.numpy().tobytes())
        first = first or time.process_time() - began
    rest = (time.process_time() - began - first) / max(1, crops - 1)
    return {
        "case": case,
        "first_crop_cpu_seconds": round(first, 3),
        "further_crop_cpu_ms": round(1000 * rest, 1),
        "peak_mb": round(peak_memory() / 1e6),
        "crops": digest.hexdigest()[:12],
    }


def in_its_own_process(folder: Path, bands: int, crops: int, case: str) -> dict[str, object]:
    """`measure` in a fresh interpreter."""
    command = [sys.executable, __file__, "--folder", str(folder), "--bands", str(bands), "--crops", str(crops)]
    done = subprocess.run([*command, "--case", case], check=True, capture_output=True, text=True)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=8000)
    parser.add_argument("--bands", type=int, default=4)
    parser.add_argument("--crops", type=int, default=40)
    parser.add_argument("--folder", type=Path, help="where to put the raster; a temporary folder when not given")
    parser.add_argument("--case", choices=CASES, help="measure this one on a raster that is there")
    options = parser.parse_args()
    if options.case:
        print(json.dumps(measure(options.folder, options.bands, options.crops, options.case)))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        plant(folder, options.side, options.bands)
        files = {path.name: round(path.stat().st_size / 1e6, 1) for path in sorted(folder.iterdir())}
        rows = []
        for case in CASES:
            crops = min(options.crops, 4) if case.endswith("every crop") else options.crops
            rows.append(in_its_own_process(folder, options.bands, crops, case))
        print(json.dumps({"files_mb": files, "cases": rows}, indent=1))


if __name__ == "__main__":
    main()
