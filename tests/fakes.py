"""Tiny data sets in every layout, for tests of anything that reads data.

    from fakes import write_folders
    root = write_folders(tmp_path / "data", count=6)

Every writer takes a new folder and returns it. The pictures are learnable: coloured shapes on a noisy ground, class ids
0 ground, 1 disc, 2 box, 3 stripe, and every image holds all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (48, 64)  # height, width
COLOURS = ((60, 70, 80), (200, 40, 40), (40, 180, 60), (50, 70, 210))
DUBAI = ((226, 169, 41), (60, 16, 152), (132, 41, 246), (110, 193, 228))  # Water Building Land Road
DUBAI_IGNORED = (155, 155, 155)


def scene(number: int, size: tuple[int, int] = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """An RGB image (height, width, 3) and its class ids (height, width), the same for the same number."""
    generator = np.random.default_rng(number)
    height, width = size
    rows, columns = np.mgrid[:height, :width]
    labels = np.zeros(size, np.uint8)
    row, column = generator.integers(height // 4, 3 * height // 4), generator.integers(width // 6, width // 3)
    labels[(rows - row) ** 2 + (columns - column) ** 2 < (height // 6) ** 2] = 1
    top, left = generator.integers(2, height // 2), generator.integers(width // 2, 3 * width // 4)
    labels[top : top + height // 4, left : left + width // 5] = 2
    bottom = generator.integers(3 * height // 4, height - 6)
    labels[bottom : bottom + 4] = 3
    image = np.array(COLOURS, np.float64)[labels] + generator.normal(0, 12, (*size, 3))
    return image.clip(0, 255).astype(np.uint8), labels


def save_image(path: Path, image: np.ndarray) -> Path:
    """Write pixels in the format of the ending; JPEG with little loss."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, **({"quality": 95} if path.suffix == ".jpg" else {}))
    return path


def save_palette(path: Path, labels: np.ndarray, colours: tuple[tuple[int, int, int], ...]) -> Path:
    """Write class ids as a palette PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(labels).convert("P")
    picture.frombytes(labels.tobytes())
    picture.putpalette([part for colour in colours for part in colour])
    picture.save(path)
    return path


def write_folders(
    root: Path,
    count: int = 6,
    *,
    mask: str = "{stem}",
    stem: str = "{:03d}",
    binary: bool = False,
    size: tuple[int, int] = SIZE,
) -> Path:
    """`images/` and `masks/`; index PNG masks, or 0/255 ones; `mask` and `stem` are templates of the file names."""
    for number in range(count):
        image, labels = scene(number, size)
        name = stem.format(number)
        save_image(root / "images" / f"{name}.jpg", image)
        values = ((labels > 0) * 255).astype(np.uint8) if binary else labels
        save_image(root / "masks" / f"{mask.format(stem=name)}.png", values)
    return root


def write_blocks(root: Path, count: int, *, hidden: int = 0) -> Path:
    """`images/` and `masks/`, both PNG: noise with a block of class 1 or 2, fast to train on.

    Of the columns of the n-th mask the first `hidden` times n modulo 4 are not labelled.
    """
    generator = np.random.default_rng(0)
    for number in range(count):
        mask = np.zeros((40, 48), np.uint8)
        top, left = generator.integers(0, 20, 2)
        mask[top : top + 15, left : left + 20] = 1 + number % 2
        noise = generator.integers(0, 60, (40, 48, 3))
        image = (noise + np.stack([mask * 60, 120 - mask * 40, mask * 20], axis=2)).astype(np.uint8)
        mask[:, : hidden * (number % 4)] = 255
        save_image(root / "images" / f"{number:03d}.png", image)
        save_image(root / "masks" / f"{number:03d}.png", mask)
    return root


def write_binary(root: Path, count: int = 6) -> Path:
    """`images/` and `masks/` with 0/255 masks called `{stem}_manual`."""
    return write_folders(root, count, mask="{stem}_manual", binary=True)


def write_split(root: Path, count: int = 6) -> Path:
    """`train/`, `val/` and `test/`, each with `images/` and `masks/`."""
    for split in ("train", "val", "test"):
        write_folders(root / split, count if split == "train" else max(1, count // 3))
    return root


def write_split_below(root: Path, count: int = 6) -> Path:
    """`images/train`, `masks/train`, `images/val`, `masks/val`."""
    for number in range(count):
        image, labels = scene(number)
        split = "val" if number % 3 == 2 else "train"
        save_image(root / "images" / split / f"{number:03d}.jpg", image)
        save_image(root / "masks" / split / f"{number:03d}.png", labels)
    return root


def write_camvid(root: Path, count: int = 6) -> Path:
    """The SegNet layout with CamVid's frame names from two sequences; the upper rows are void (11)."""
    for number in range(count):
        image, labels = scene(number)
        labels[:3] = 11
        split = "val" if number % 3 == 2 else "train"
        name = f"0001TP_{6690 + 30 * number:06d}" if number % 2 else f"Seq05VD_f{30 * number:05d}"
        save_image(root / split / f"{name}.png", image)
        save_image(root / f"{split}annot" / f"{name}.png", labels)
    return root


def write_voc(root: Path, count: int = 6) -> Path:
    """Pascal VOC's layout: palette masks with a border of 255, lists, and two images that are on no list."""
    colours = tuple(COLOURS[i] if i < 4 else (i, i, i) for i in range(256))
    lists: dict[str, list[str]] = {"train": [], "val": []}
    for number in range(count + 2):
        image, labels = scene(number)
        name = f"2007_{number:06d}"
        save_image(root / "JPEGImages" / f"{name}.jpg", image)
        if number < count:
            labels[0] = 255
            save_palette(root / "SegmentationClass" / f"{name}.png", labels, colours)
            lists["val" if number % 3 == 2 else "train"].append(name)
    folder = root / "ImageSets" / "Segmentation"
    folder.mkdir(parents=True)
    for split, names in {**lists, "trainval": sorted(lists["train"] + lists["val"])}.items():
        (folder / f"{split}.txt").write_text("".join(f"{name}\n" for name in names))
    return root


def write_tiles(root: Path, count: int = 6) -> Path:
    """`Tile 1/images`, `Tile 1/masks`, ...: colour masks, every second one a palette file with an order of its own."""
    for number in range(count):
        image, labels = scene(number)
        labels = np.where(np.arange(labels.shape[0])[:, None] < 2, 4, labels).astype(np.uint8)
        colours = (*DUBAI, DUBAI_IGNORED)
        tile = root / f"Tile {1 + number % 3}"
        name = f"part_{number:03d}"
        save_image(tile / "images" / f"{name}.jpg", image)
        if number % 2:
            order = np.random.default_rng(number).permutation(5)
            indices = np.argsort(order).astype(np.uint8)[labels]
            save_palette(tile / "masks" / f"{name}.png", indices, tuple(colours[i] for i in order))
        else:
            save_image(tile / "masks" / f"{name}.png", np.array(colours, np.uint8)[labels])
    return root


def write_side_by_side(root: Path, count: int = 6) -> Path:
    """`a.jpg` beside `a_mask.png` in one folder."""
    for number in range(count):
        image, labels = scene(number)
        save_image(root / f"{number:03d}.jpg", image)
        save_image(root / f"{number:03d}_mask.png", labels)
    return root


def write_listing(root: Path, count: int = 6) -> Path:
    """`images/`, `masks/` and `samples.csv`; two images a group, one row in three is for validation."""
    rows = ["image,mask,split,group"]
    for number in range(count):
        image, labels = scene(number)
        save_image(root / "images" / f"{number:03d}.jpg", image)
        save_image(root / "masks" / f"{number:03d}.png", labels)
        part = "val" if number % 3 == 2 else "train"
        rows.append(f"images/{number:03d}.jpg,masks/{number:03d}.png,{part},street {number // 2}")
    (root / "samples.csv").write_text("\n".join(rows) + "\n")
    return root


# Layout -> the row of FORMATS that reads it, and its writer.
LAYOUTS: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "folders": ("folders", write_folders),
    "binary": ("folders", write_binary),
    "tiles": ("folders", write_tiles),
    "side_by_side": ("folders", write_side_by_side),
    "split": ("split", write_split),
    "split_below": ("split", write_split_below),
    "camvid": ("camvid", write_camvid),
    "voc": ("voc", write_voc),
    "listing": ("listing", write_listing),
}
