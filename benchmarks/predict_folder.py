"""`segue predict` on a folder of photographs, beside a plain loop and beside its own parts one after another.

    python benchmarks/predict_folder.py [--images 60] [--rounds 3] [--folder PHOTOS]

All sides decode the same JPEGs, see them at 240x320 with the same weights (MobileNetV2 U-Net, 11 classes, random) and
write a mask, an indexed PNG with a palette, for each. The plain loop is what is usually written with
segmentation_models_pytorch: open, resize, forward, resize the scores, argmax, save; one image after another. Segue
reads ahead of the network and writes behind it; "its own parts" are the same functions called one after another. Rows
are without overlays, which the loop does not make; what they cost is shown. Masks have to agree: more than 1 % of
pixels of another class than Segue's (rounding turns far fewer) end this with an error.
Photographs are generated (smooth shapes and grain), of 2 megapixels a quarter as many, unless a folder with some is
given. The network counts as trained on images of their size: much larger ones Segue would cut into tiles.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from latency import MEAN, STD, network, segmenter
from PIL import Image
from table import emit, faster
from torch.nn import functional

from segue.commands import predict
from segue.configs import PredictConfig
from segue.data.image import image_size, read_with_missing
from segue.infer.outputs import write_mask
from segue.infer.segmenter import Segmenter
from segue.models.artifact import load_model, save_model

SIZE = (240, 320)
MOST_DIFFERENT = 0.01  # of the pixels of a mask
PHOTOS = {"360 x 480": ((360, 480), 1), "2 megapixels": ((1224, 1632), 4)}  # size, and of how many images one is taken


def photographs(folder: Path, count: int, size: tuple[int, int]) -> Path:
    """JPEGs of quality 90 with about as many bytes a pixel as a camera's."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for number in range(count):
        small = generator.integers(0, 256, (12, 16, 3), np.uint8)
        pixels = np.asarray(Image.fromarray(small).resize(size[::-1], Image.Resampling.BICUBIC), np.float32)
        grain = generator.normal(0, 6, size).astype(np.float32)[..., None]
        Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8)).save(folder / f"{number:04d}.jpg", quality=90)
    return folder


def trained_on(size: tuple[int, int], run: Path) -> Path:
    """A run whose training images had this size: photographs much larger than those would be worked on in tiles."""
    model = network()
    info = segmenter(model, SIZE).info
    prep = dataclasses.replace(info.prep, largest=size[0] * size[1], pixel_scale=SIZE[0] / size[0])
    save_model(run / "model", model, dataclasses.replace(info, prep=prep))
    return run


def plain_loop(run: Path, photos: Path, out: Path) -> None:
    """What is usually written: the same network in smp's way of calling it, contiguous float32."""
    model, info = load_model(run)
    palette = np.asarray(info.classes.palette, np.uint8).tobytes()
    mean, std = np.array(MEAN, np.float32), np.array(STD, np.float32)
    out.mkdir()
    with torch.inference_mode():
        for path in sorted(photos.iterdir()):
            photo = Image.open(path).convert("RGB")
            small = np.asarray(photo.resize(SIZE[::-1], Image.Resampling.BILINEAR), np.float32) / 255
            images = torch.from_numpy(((small - mean) / std).transpose(2, 0, 1).copy())[None]
            scores = functional.interpolate(model(images), photo.size[::-1], mode="bilinear")
            mask = Image.fromarray(scores.argmax(1)[0].to(torch.uint8).numpy())
            mask.putpalette(palette)
            mask.save(out / f"{path.stem}.png")


def one_after_another(run: Path, photos: Path, out: Path) -> None:
    """The parts of `segue predict` without overlap."""
    ours = Segmenter.load(run, "cpu")
    out.mkdir()
    for path in sorted(photos.iterdir()):
        prediction = ours.segment(ours.prepare(*read_with_missing(path)))
        write_mask(out / f"{path.stem}.png", prediction.mask, prediction.classes)


def segue_predict(run: Path, photos: Path, out: Path, overlay: bool = False) -> None:
    """The command."""
    result = predict.run(PredictConfig(run=run, paths=(photos,), out=out, device="cpu", overlay=overlay))
    assert result.exit_code == 0


def with_overlays(run: Path, photos: Path, out: Path) -> None:
    segue_predict(run, photos, out, overlay=True)


SIDES: dict[str, Callable[[Path, Path, Path], None]] = {
    "segue": segue_predict,
    "plain loop": plain_loop,
    "parts one after another": one_after_another,
    "segue with overlays": with_overlays,
}


def seconds_of(run: Path, photos: Path, folder: Path, rounds: int) -> dict[str, float]:
    """Medians; sides take turns, and each loads the model anew, as a command does."""
    times: dict[str, list[float]] = {name: [] for name in SIDES}
    for turn in range(rounds):
        for name, side in SIDES.items():
            began = time.perf_counter()
            side(run, photos, folder / f"{name} {turn}")
            times[name].append(time.perf_counter() - began)
    return {name: statistics.median(values) for name, values in times.items()}


def share_that_differs(one: Path, other: Path) -> float:
    shares = []
    for path in sorted(one.glob("*.png")):
        shares.append(np.mean(np.asarray(Image.open(path)) != np.asarray(Image.open(other / path.name))))
    assert shares
    return float(np.mean(shares))


def measure(run: Path, photos: Path, folder: Path, rounds: int, what: str) -> None:
    count = len(list(photos.iterdir()))
    found = seconds_of(run, photos, folder, rounds)
    for name, seconds in found.items():
        differ = share_that_differs(folder / "segue 0", folder / f"{name} 0")
        print(f"  {name}: {1000 * seconds / count:.1f} ms an image, {100 * differ:.4f} % of pixels differ", flush=True)
        if differ > MOST_DIFFERENT:
            raise SystemExit(f"{name}: expected the same masks up to rounding, got {100 * differ:.2f} % other pixels")
    for peer, at_least in (("plain loop", 1.0), ("parts one after another", 1.0)):
        ours, peers = (1000 * found[name] / count for name in ("segue", peer))
        emit(faster(f"predict a folder, {count} photographs, {what}", ours, peers, "ms", peer, at_least=at_least))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--folder", type=Path, help="a folder of JPEGs, all alike in size, instead of generated ones")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        if given.folder:
            size = image_size(min(given.folder.iterdir()))
            measure(trained_on(size, work / "run"), given.folder, work, given.rounds, given.folder.name)
            return
        for what, (size, fewer) in PHOTOS.items():
            photos = photographs(work / what / "photos", max(1, given.images // fewer), size)
            measure(trained_on(size, work / what / "run"), photos, work / what, given.rounds, what)


if __name__ == "__main__":
    main()
