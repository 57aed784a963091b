"""`segue predict` on one image of 20 000 x 20 000 pixels: time, peak memory, and what cutting it into tiles changes.

    python benchmarks/large_scene.py [--side 20000] [--quick] [--folder FOLDER] [--only scene|seams]

Makes a landscape that is defined at every place (so any part of it can be drawn alone), trains a MobileNetV2 U-Net
for a minute on pictures of one region, and predicts a GeoTIFF of another region in a process of its own, whose peak
memory is the kernel's figure (VmHWM). Seam error is the share of pixels whose class differs between the prediction in
tiles and the same network's prediction of the whole scene at once, at a side for which that still fits into memory; a
second network, with global pooling in its decoder, shows what no overlap can make exact. Needs rasterio.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
from doctor_scan import peak_memory
from PIL import Image
from table import emit, within

from segue.infer.segmenter import Segmenter
from segue.infer.tiling import Tiling

COLOURS = np.array([[60, 90, 150], [110, 150, 80], [190, 180, 120], [150, 140, 135], [50, 90, 60]], np.float32)
NAMES = ("water", "field", "sand", "rock", "wood")
TRAINED_AT = 256  # pixels: the side of a training picture
NETWORKS = {"U-Net": "unet", "DeepLabv3+ (global pooling)": "deeplabv3plus"}


def landscape(top: int, left: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The pixels (height, width, 3) and the classes of a part of the world; the same wherever it is cut out of it."""
    y = np.arange(top, top + height, dtype=np.float32)[:, None]
    x = np.arange(left, left + width, dtype=np.float32)[None]
    relief = np.sin(x / 47 + 1.7 * np.sin(y / 83)) + np.sin(y / 41 + 1.3 * np.sin(x / 71)) + np.sin((x + 2 * y) / 137)
    wet = np.sin(x / 29 - 2 * np.sin(y / 101)) * np.sin(y / 31 + 2 * np.sin(x / 97))
    ids = np.select([relief < -1.2, relief > 1.6, wet > 0.5, wet < -0.6], [0, 3, 4, 2], 1).astype(np.uint8)
    noise = np.random.default_rng([top, left]).normal(0, 22, (height, width, 1)).astype(np.float32)
    shade = 14 * np.cos(x / 5.3) * np.cos(y / 4.1) * (ids == 1) + 8 * relief
    return np.clip(COLOURS[ids] + noise + shade[..., None], 0, 255).astype(np.uint8), ids


def write_training_set(folder: Path, count: int) -> None:
    for split, first, number in (("train", 100_000, count), ("val", 150_000, 6)):
        for kind in ("images", "masks"):
            (folder / kind / split).mkdir(parents=True)
        for i in range(number):
            pixels, ids = landscape(first, 911 * i, TRAINED_AT, TRAINED_AT)
            Image.fromarray(pixels).save(folder / "images" / split / f"{i:03d}.png")
            Image.fromarray(ids).save(folder / "masks" / split / f"{i:03d}.png")


def write_scene(path: Path, side: int) -> None:
    """As orthophotos come: tiles of 512 pixels, JPEG; written a row of tiles at a time."""
    layout = {"height": side, "width": side, "count": 3, "dtype": "uint8", "tiled": True, "interleave": "pixel"}
    layout |= {"blockxsize": 512, "blockysize": 512, "compress": "jpeg", "photometric": "ycbcr", "jpeg_quality": 90}
    place = {"crs": "EPSG:32631", "transform": rasterio.Affine(0.2, 0, 500_000, 0, -0.2, 4_600_000)}
    with rasterio.Env(GDAL_CACHEMAX=64 * 2**20), rasterio.open(path, "w", driver="GTiff", **layout, **place) as file:
        for top in range(0, side, 512):
            rows = min(512, side - top)
            file.write(landscape(top, 0, rows, side)[0].transpose(2, 0, 1), window=((top, top + rows), (0, side)))


def segue(*arguments: object) -> dict[str, float]:
    """One command in a process of its own: its peak memory in GiB and its seconds."""
    began = time.perf_counter()
    command = [sys.executable, __file__, "--inside", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"segue {' '.join(map(str, arguments))}: {done.stderr}")
    peak = json.loads(done.stdout.splitlines()[-1])["peak_gib"]
    return {"peak_gib": peak, "seconds": time.perf_counter() - began}


def inside(arguments: list[str]) -> int:
    from segue.cli import main as command

    code = command(arguments)
    print(json.dumps({"peak_gib": peak_memory() / 2**30}))
    return code


def train(folder: Path, decoder: str, steps: int) -> Path:
    run = folder / decoder
    options = ["--model.encoder", "mobilenetv2_100", "--model.decoder", decoder, "--transfer.mode", "scratch"]
    options += ["--data.size", "128x128", "--steps", steps, "--optim.batch", 8, "--train.validations", 1, "--seed", 0]
    segue("fit", folder / "data", "--out", run, "--no-configure", *options)
    return run


def big_scene(run: Path, folder: Path, side: int) -> None:
    scene = folder / "scene.tif"
    write_scene(scene, side)
    found = segue("predict", run, scene, "--out", folder / "out")
    with rasterio.open(folder / "out" / "scene.tif") as written:
        assert (written.height, written.width) == (side, side)
        for top in np.linspace(0, side - 512, 4, dtype=int):
            ids = written.read(1, window=((top, top + 512), (top, top + 512)))
            print(f"  at row {top}: {100 * np.mean(ids == landscape(top, top, 512, 512)[1]):.1f} % as drawn")
    megapixels = side * side / 1e6
    size = f"{scene.stat().st_size / 2**20:.0f} MiB as JPEG in tiles"
    print(json.dumps({"side": side, "megapixels_per_second": megapixels / found["seconds"], **found}), flush=True)
    segmenter = Segmenter.load(run, "cpu")
    tile, crop = segmenter.side((side, side), (side, side)), "x".join(map(str, segmenter.info.prep.size))
    note = f"{len(NAMES)} classes, crops of {crop}, tiles of {tile} (memory grows with classes x tile x width), "
    note += f"{found['seconds']:.0f} s, {megapixels / found['seconds']:.2g} Mpx/s, {os.cpu_count()} cores, {size}"
    what = f"predict, GeoTIFF of {side} x {side}: peak memory"
    emit(within(what, found["peak_gib"], "GiB", at_most=2.0, note=note))


def seams(
    run: Path, network: str, side: int, cases: list[tuple[int | None, float]]
) -> dict[tuple[int | None, float], float]:
    """The share of pixels that differ from those of the scene seen whole, for sides of tiles and overlaps."""
    pixels, ids = landscape(7_000, 9_000, side, side)
    whole = Segmenter.load(run, "cpu", Tiling(side=10**6)).predict(pixels).mask
    print(f"{network}, {side} x {side} pixels, seen whole: {100 * np.mean(whole == ids):.1f} % as drawn", flush=True)
    found = {}
    for tile, overlap in cases:
        segmenter = Segmenter.load(run, "cpu", Tiling(tile, overlap))
        began = time.perf_counter()
        mask = segmenter.predict(pixels).mask
        seconds = time.perf_counter() - began
        found[tile, overlap] = float(np.mean(mask != whole))
        shown = tile or segmenter.side((side, side), (side, side))
        name = f"{shown}{'' if tile else ' (default)'}"
        print(
            f"  tile {name}, overlap {overlap}: {100 * found[tile, overlap]:.4f} % differ, {seconds:.1f} s", flush=True
        )
    return found


def main() -> None:
    if sys.argv[1:2] == ["--inside"]:
        raise SystemExit(inside(sys.argv[2:]))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=20_000)
    parser.add_argument("--seam-side", type=int, default=2048)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument(
        "--quick", action="store_true", help="one network and its default tiles only (--side 4000 beside it: a minute)"
    )
    parser.add_argument("--only", choices=("scene", "seams"))
    parser.add_argument("--folder", type=Path, help="where the files go; a temporary folder when not given")
    given = parser.parse_args()
    cases: list[tuple[int | None, float]] = [(None, 0.25)]
    if not given.quick:
        cases += [(None, 0.5), (None, 0.75), (512, 0.25), (512, 0.5), (1024, 0.25), (1024, 0.5)]
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        write_training_set(folder / "data", 24)
        networks = dict(list(NETWORKS.items())[: 1 if given.quick or given.only == "scene" else 2])
        runs = {network: train(folder, decoder, given.steps) for network, decoder in networks.items()}
        if given.only != "scene":
            for network, run in runs.items():
                error = seams(run, network, given.seam_side, cases)
                emit(within(f"seam error, {network}, default tiles", 100 * error[cases[0]], "%", at_most=0.1))
        if given.only != "seams":
            big_scene(runs["U-Net"], folder, given.side)


if __name__ == "__main__":
    main()
