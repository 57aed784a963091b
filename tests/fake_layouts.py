"""Tiny data sets as annotation tools and public data sets write them: the same file names, keys and pixel values.

    from fake_layouts import GENUINE
    name, write = GENUINE["cityscapes"]
    root = write(tmp_path / "data")

Pictures and labels are those of `fakes.scene`: 0 ground, 1 disc, 2 box, 3 stripe. What each layout calls them stands in
its writer; `EXPECTED` says what labels its reader must give: `{layout: (names, id of each scene label, ...)}`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from fakes import save_image, scene

CITYSCAPES_IDS = np.array([7, 26, 11, 24, 3], np.uint8)  # road, car, building, person, and out of roi
ADE20K_IDS = np.array([1, 21, 2, 13, 0], np.uint8)  # wall, car, building, person, and other
COCO_STUFF_IDS = np.array([148, 2, 168, 181, 255], np.uint8)  # road, car, tree, wood, and unlabelled
CVAT_LABELS = {"background": (0, 0, 0), "car": (52, 209, 183), "house": (250, 50, 83), "road: wet": (36, 179, 83)}
UNLABELLED = 4  # in `labels_of`: what no layout but those with a value for it can hold


def labels_of(number: int, unlabelled: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """A scene whose upper rows are not labelled, if asked for."""
    image, labels = scene(number)
    if unlabelled:
        labels[:3] = UNLABELLED
    return image, labels


def split_of(number: int) -> str:
    return "val" if number % 3 == 2 else "train"


def write_cityscapes(root: Path, count: int = 6, kind: str = "labelIds") -> Path:
    """As unpacked from leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip, one sequence of several frames."""
    train_ids = {7: 0, 26: 13, 11: 2, 24: 11, 3: 255}
    for number in range(count):
        image, labels = labels_of(number)
        city = ("aachen", "hamburg")[number % 2]
        name = f"{city}_{number // 2 % 2:06d}_{19 + number:06d}"
        folder = Path(split_of(number)) / city
        save_image(root / "leftImg8bit" / folder / f"{name}_leftImg8bit.png", image)
        ids = CITYSCAPES_IDS[labels]
        if kind == "labelTrainIds":
            ids = np.vectorize(train_ids.get)(ids).astype(np.uint8)
        save_image(root / "gtFine" / folder / f"{name}_gtFine_{kind}.png", ids)
        save_image(root / "gtFine" / folder / f"{name}_gtFine_color.png", np.stack([ids] * 3, -1))
        save_image(root / "gtFine" / folder / f"{name}_gtFine_instanceIds.png", ids.astype(np.uint16))
        (root / "gtFine" / folder / f"{name}_gtFine_polygons.json").write_text('{"imgHeight": 48, "objects": []}')
    return root


def write_cityscapes_train_ids(root: Path) -> Path:
    """As `createTrainIdLabelImgs.py` makes them, without the labelIds."""
    return write_cityscapes(root, kind="labelTrainIds")


def write_ade20k(root: Path, count: int = 6) -> Path:
    """As unpacked from ADEChallengeData2016.zip."""
    folders = {"train": "training", "val": "validation"}
    for number in range(count):
        image, labels = labels_of(number)
        folder, name = folders[split_of(number)], f"ADE_{split_of(number)}_{number + 1:08d}"
        save_image(root / "images" / folder / f"{name}.jpg", image)
        save_image(root / "annotations" / folder / f"{name}.png", ADE20K_IDS[labels])
    (root / "objectInfo150.txt").write_text("Idx\tRatio\tTrain\tVal\tName\n1\t0.1576\t11664\t1172\twall\n")
    (root / "sceneCategories.txt").write_text("ADE_train_00000001 airport_terminal\n")
    return root


def write_coco_stuff(root: Path, count: int = 6) -> Path:
    """The images of COCO 2017 and stuffthingmaps_trainval2017.zip unpacked into `annotations/`."""
    for number in range(count):
        image, labels = labels_of(number)
        folder, name = f"{split_of(number)}2017", f"{number + 9:012d}"
        save_image(root / "images" / folder / f"{name}.jpg", image)
        save_image(root / "annotations" / folder / f"{name}.png", COCO_STUFF_IDS[labels])
    return root


def write_cvat(root: Path, count: int = 6, images: bool = True) -> Path:
    """An export of a task as "Segmentation mask 1.1" with images; the job has no subsets."""
    colours = np.array(list(CVAT_LABELS.values()), np.uint8)
    names = [f"frame_{number:06d}" for number in range(count)]
    for number, name in enumerate(names):
        image, labels = scene(number)
        if images:
            save_image(root / "JPEGImages" / f"{name}.jpg", image)
        save_image(root / "SegmentationClass" / f"{name}.png", colours[labels])
        save_image(root / "SegmentationObject" / f"{name}.png", colours[labels[::-1]])
    (root / "ImageSets" / "Segmentation").mkdir(parents=True)
    (root / "ImageSets" / "Segmentation" / "default.txt").write_text("".join(f"{name}\n" for name in names))
    lines = [f"{name}:{red},{green},{blue}::" for name, (red, green, blue) in CVAT_LABELS.items()]
    (root / "labelmap.txt").write_text("\n".join(["# label:color_rgb:parts:actions", *lines]) + "\n")
    return root


# Layout -> the row of FORMATS that reads it, and its writer.
GENUINE: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "cityscapes": ("cityscapes", write_cityscapes),
    "cityscapes_train_ids": ("cityscapes", write_cityscapes_train_ids),
    "ade20k": ("ade20k", write_ade20k),
    "coco_stuff": ("coco_stuff", write_coco_stuff),
    "cvat": ("cvat", write_cvat),
}

# Layout -> the classes' number, and the names of the scene's labels in it, None where they are not labelled.
EXPECTED: dict[str, tuple[int, tuple[str | None, ...]]] = {
    "cityscapes": (19, ("road", "car", "building", "person", None)),
    "cityscapes_train_ids": (19, ("road", "car", "building", "person", None)),
    "ade20k": (150, ("wall", "car", "building", "person", None)),
    "coco_stuff": (171, ("road", "car", "tree", "wood", None)),
    "cvat": (4, tuple(CVAT_LABELS)),
}
