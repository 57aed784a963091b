"""Tiny data sets as annotation tools and public data sets write them: the same file names, keys and pixel values.

    from fake_layouts import GENUINE
    name, write = GENUINE["cityscapes"]
    root = write(tmp_path / "data")

Pictures and labels are those of `fakes.scene`: 0 ground, 1 disc, 2 box, 3 stripe. What each layout calls them stands in
its writer; `EXPECTED` says what labels its reader must give: `{layout: (names, id of each scene label, ...)}`.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

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


def write_cityscapes(root: Path, count: int = 3, kind: str = "labelIds") -> Path:
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


def write_ade20k(root: Path, count: int = 3) -> Path:
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


def write_coco_stuff(root: Path, count: int = 3) -> Path:
    """The images of COCO 2017 and stuffthingmaps_trainval2017.zip unpacked into `annotations/`."""
    for number in range(count):
        image, labels = labels_of(number)
        folder, name = f"{split_of(number)}2017", f"{number + 9:012d}"
        save_image(root / "images" / folder / f"{name}.jpg", image)
        save_image(root / "annotations" / folder / f"{name}.png", COCO_STUFF_IDS[labels])
    return root


def write_cvat(root: Path, count: int = 3, images: bool = True) -> Path:
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


# --- outlines --------------------------------------------------------------------------------------------------------

CATEGORIES = {1: "disc", 17: "box", 18: "stripe"}  # COCO's ids have gaps
COCO_INFO = {"description": "COCO 2017 Dataset", "url": "http://cocodataset.org", "version": "1.0", "year": 2017}


def rows_of(region: np.ndarray) -> list[list[int]]:
    """A region as one flat outline x, y, x, y, ... around each run of pixels in each row: exact, whatever its form."""
    outlines = []
    for y, row in enumerate(region):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(int), [0]])))
        outlines += [[x0, y, x1, y, x1, y + 1, x0, y + 1] for x0, x1 in edges.reshape(-1, 2).tolist()]
    return outlines


def counts_of(region: np.ndarray) -> list[int]:
    """Uncompressed run lengths as COCO stores crowds: column by column, zeros first."""
    flat = region.T.ravel().astype(int).tolist()
    counts, value = [0], 0
    for pixel in flat:
        if pixel != value:
            counts.append(0)
            value = pixel
        counts[-1] += 1
    return counts


def coco_image(number: int, name: str) -> dict:
    return {
        "license": 3,
        "file_name": name,
        "coco_url": f"http://images.cocodataset.org/train2017/{name}",
        "height": 48,
        "width": 64,
        "date_captured": "2013-11-14 11:18:45",
        "flickr_url": "http://farm9.staticflickr.com/1/1_z.jpg",
        "id": number + 9,
    }


def coco_objects(number: int, labels: np.ndarray) -> list[dict]:
    """Outlines of the labelled objects, and a crowd in run lengths over what is not labelled."""
    found = []
    for label, category in enumerate(CATEGORIES, 1):
        region = labels == label
        found.append(
            {"segmentation": rows_of(region), "area": float(region.sum()), "iscrowd": 0, "category_id": category}
        )
    crowd = labels == UNLABELLED
    runs = {"counts": counts_of(crowd), "size": list(crowd.shape)}
    found.append({"segmentation": runs, "area": float(crowd.sum()), "iscrowd": 1, "category_id": 1})
    for entry in found:
        entry |= {"image_id": number + 9, "bbox": [0.0, 0.0, 64.0, 48.0], "id": 900100000000 + len(found)}
    return found


def coco_content(numbers: list[int], named) -> dict:
    """What an instances file holds for these scenes; `named` gives the file name of each."""
    images = [coco_image(number, named(number)) for number in numbers]
    objects = [entry for number in numbers for entry in coco_objects(number, labels_of(number)[1])]
    categories = [{"supercategory": "thing", "id": key, "name": name} for key, name in CATEGORIES.items()]
    licence = {"url": "http://creativecommons.org/licenses/by/2.0/", "id": 3, "name": "Attribution License"}
    return {
        "info": COCO_INFO,
        "licenses": [licence],
        "images": images,
        "annotations": objects,
        "categories": categories,
    }


def write_coco(root: Path, count: int = 3) -> Path:
    """As unpacked from train2017.zip, val2017.zip and annotations_trainval2017.zip."""
    (root / "annotations").mkdir(parents=True)
    for split in ("train", "val"):
        numbers = [number for number in range(count) if split_of(number) == split]
        for number in numbers:
            save_image(root / f"{split}2017" / f"{number + 9:012d}.jpg", labels_of(number)[0])
        content = coco_content(numbers, lambda number: f"{number + 9:012d}.jpg")
        (root / "annotations" / f"instances_{split}2017.json").write_text(json.dumps(content))
        captions = {"info": COCO_INFO, "images": content["images"], "licenses": [], "annotations": [{"caption": "a"}]}
        (root / "annotations" / f"captions_{split}2017.json").write_text(json.dumps(captions))
    return root


def write_roboflow_coco(root: Path, count: int = 3) -> Path:
    """An export of Roboflow as COCO: a JSON file among the images of each part."""
    for split, folder in (("train", "train"), ("val", "valid")):
        numbers = [number for number in range(count) if split_of(number) == split]
        for number in numbers:
            save_image(root / folder / f"{number:03d}_jpg.rf.0123456789abcdef.jpg", labels_of(number)[0])
        content = coco_content(numbers, lambda number: f"{number:03d}_jpg.rf.0123456789abcdef.jpg")
        content["categories"].insert(0, {"id": 0, "name": "disc", "supercategory": "none"})
        (root / folder / "_annotations.coco.json").write_text(json.dumps(content))
    (root / "README.roboflow.txt").write_text("exported via roboflow.com")
    return root


def write_coco_panoptic(root: Path, count: int = 3) -> Path:
    """As unpacked from panoptic_annotations_trainval2017.zip, the inner archives too."""
    categories = {1: "disc", 17: "box", 18: "stripe", 200: "ground"}
    of_label = {0: 200, 1: 1, 2: 17, 3: 18}
    for split in ("train", "val"):
        images, annotations = [], []
        for number in (number for number in range(count) if split_of(number) == split):
            image, labels = labels_of(number)
            name = f"{number + 9:012d}"
            save_image(root / f"{split}2017" / f"{name}.jpg", image)
            ids = np.array([3226956 + 17 * label * (number + 1) for label in range(4)] + [0])
            packed = ids[labels]
            colours = np.stack([packed & 255, packed >> 8 & 255, packed >> 16], -1).astype(np.uint8)
            save_image(root / "annotations" / f"panoptic_{split}2017" / f"{name}.png", colours)
            images.append(coco_image(number, f"{name}.jpg"))
            segments = [
                {"id": int(ids[label]), "category_id": category, "area": 9, "bbox": [0, 0, 9, 9], "iscrowd": label % 2}
                for label, category in of_label.items()
            ]
            annotations.append({"segments_info": segments, "file_name": f"{name}.png", "image_id": number + 9})
        rows = [
            {"supercategory": "thing", "isthing": int(key < 100), "id": key, "name": name}
            for key, name in categories.items()
        ]
        content = {"info": COCO_INFO, "licenses": [], "images": images, "annotations": annotations, "categories": rows}
        (root / "annotations" / f"panoptic_{split}2017.json").write_text(json.dumps(content))
    return root


def labelme_page(number: int, image: str) -> dict:
    """What labelme saves: polygons, `__ignore__` among them, and the image itself."""
    labels = labels_of(number)[1]
    names = {1: "disc", 2: "box", 3: "stripe", UNLABELLED: "__ignore__"}
    shapes = [
        {
            "label": name,
            "points": [[float(x), float(y)] for x, y in zip(flat[::2], flat[1::2], strict=True)],
            "group_id": label,
            "description": "",
            "shape_type": "polygon",
            "flags": {},
            "mask": None,
        }
        for label, name in names.items()
        for flat in rows_of(labels == label)
    ]
    return {
        "version": "5.4.1",
        "flags": {},
        "shapes": shapes,
        "imagePath": image,
        "imageData": "/9j/4AAQSkZJRg==",
        "imageHeight": 48,
        "imageWidth": 64,
    }


def write_labelme(root: Path, count: int = 3) -> Path:
    """A folder as labelme leaves it: a JSON file beside each image."""
    for number in range(count):
        path = save_image(root / f"{number:03d}.jpg", labels_of(number)[0])
        path.with_suffix(".json").write_text(json.dumps(labelme_page(number, path.name), indent=2))
    return root


def yolo_lines(labels: np.ndarray) -> str:
    height, width = labels.shape
    lines = []
    for label in (1, 2, 3):
        for flat in rows_of(labels == label):
            shares = [value / (height if place % 2 else width) for place, value in enumerate(flat)]
            lines.append(f"{label - 1} " + " ".join(f"{share:.6f}" for share in shares))
    return "\n".join(lines)


def write_yolo(root: Path, count: int = 3) -> Path:
    """As Ultralytics lays out its own sets (coco8-seg)."""
    for number in range(count):
        image, labels = scene(number)
        place = Path(split_of(number)) / f"{number:012d}"
        save_image(root / "images" / place.with_suffix(".jpg"), image)
        text = root / "labels" / place.with_suffix(".txt")
        text.parent.mkdir(parents=True, exist_ok=True)
        text.write_text(yolo_lines(labels))
    (root / "coco8-seg.yaml").write_text(
        "# Ultralytics\n"
        "path: coco8-seg # dataset root dir\n"
        "train: images/train # train images (relative to 'path')\n"
        "val: images/val # val images (relative to 'path')\n"
        "test: # test images (optional)\n"
        "names:\n  0: disc\n  1: box\n  2: stripe\n"
        "download: https://example.org/coco8-seg.zip\n"
    )
    return root


def write_roboflow_yolo(root: Path, count: int = 3) -> Path:
    """An export of Roboflow as YOLOv8: parts above images and labels, paths from somewhere else."""
    for number in range(count):
        image, labels = scene(number)
        folder = root / {"train": "train", "val": "valid"}[split_of(number)]
        save_image(folder / "images" / f"{number:03d}_jpg.rf.0123456789abcdef.jpg", image)
        (folder / "labels").mkdir(exist_ok=True)
        (folder / "labels" / f"{number:03d}_jpg.rf.0123456789abcdef.txt").write_text(yolo_lines(labels))
    (root / "data.yaml").write_text(
        "train: ../train/images\nval: ../valid/images\ntest: ../test/images\n\n"
        "nc: 3\nnames: ['disc', 'box', 'stripe']\n"
    )
    return root


# --- Hugging Face ----------------------------------------------------------------------------------------------------


def hf_table(numbers: list[int], columns: tuple[str, str], named: bool = True):
    """Rows of two pictures, as `datasets` stores its `Image` feature."""
    import pyarrow as arrow

    features = {name: {"_type": "Image"} for name in columns}
    cell = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
    metadata = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    schema = arrow.schema([(name, cell) for name in columns], metadata)
    rows = []
    for number in numbers:
        image, labels = scene(number)
        files = []
        for array, kind in ((image, "JPEG"), (labels, "PNG")):
            file = io.BytesIO()
            Image.fromarray(array).save(file, kind, **({"quality": 95} if kind == "JPEG" else {}))
            path = f"{number:03d}.{'jpg' if kind == 'JPEG' else 'png'}" if named else None
            files.append({"bytes": file.getvalue(), "path": path})
        rows.append(dict(zip(columns, files, strict=True)))
    return arrow.Table.from_pylist(rows, schema)


def write_hf_disk(root: Path, count: int = 3) -> Path:
    """As `DatasetDict.save_to_disk` writes it."""
    import pyarrow as arrow

    for split, folder in (("train", "train"), ("val", "validation")):
        table = hf_table([number for number in range(count) if split_of(number) == split], ("image", "label"))
        (root / folder).mkdir(parents=True)
        with arrow.ipc.new_stream(str(root / folder / "data-00000-of-00001.arrow"), table.schema) as stream:
            stream.write_table(table)
        state = {"_data_files": [{"filename": "data-00000-of-00001.arrow"}], "_fingerprint": "6abc7f52db9c1e95"}
        (root / folder / "state.json").write_text(json.dumps(state, indent=2))
        (root / folder / "dataset_info.json").write_text(json.dumps({"features": {"image": {"_type": "Image"}}}))
    (root / "dataset_dict.json").write_text('{"splits": ["train", "validation"]}')
    return root


def write_hf_hub(root: Path, count: int = 3) -> Path:
    """A data set repository cloned from the hub, with the class names beside; pictures came without file names."""
    import pyarrow.parquet as parquet

    (root / "data").mkdir(parents=True)
    for split, name in (("train", "train"), ("val", "validation")):
        numbers = [number for number in range(count) if split_of(number) == split]
        table = hf_table(numbers, ("pixel_values", "label"), named=False)
        parquet.write_table(table, root / "data" / f"{name}-00000-of-00001-0123456789abcdef.parquet", row_group_size=2)
    (root / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n")
    labels = {"0": "background", "1": "disc", "2": "box", "3": "stripe"}
    (root / "id2label.json").write_text(json.dumps(labels))
    return root


# Layout -> the row of FORMATS that reads it, and its writer.
GENUINE: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "cityscapes": ("cityscapes", write_cityscapes),
    "cityscapes_train_ids": ("cityscapes", write_cityscapes_train_ids),
    "ade20k": ("ade20k", write_ade20k),
    "coco_stuff": ("coco_stuff", write_coco_stuff),
    "cvat": ("cvat", write_cvat),
    "coco": ("coco", write_coco),
    "roboflow_coco": ("coco", write_roboflow_coco),
    "coco_panoptic": ("coco_panoptic", write_coco_panoptic),
    "labelme": ("labelme", write_labelme),
    "yolo": ("yolo", write_yolo),
    "roboflow_yolo": ("yolo", write_roboflow_yolo),
    "hf_disk": ("hf", write_hf_disk),
    "hf_hub": ("hf", write_hf_hub),
}

# Layout -> the classes' number, and the names of the scene's labels in it, None where they are not labelled.
EXPECTED: dict[str, tuple[int, tuple[str | None, ...]]] = {
    "cityscapes": (19, ("road", "car", "building", "person", None)),
    "cityscapes_train_ids": (19, ("road", "car", "building", "person", None)),
    "ade20k": (150, ("wall", "car", "building", "person", None)),
    "coco_stuff": (171, ("road", "car", "tree", "wood", None)),
    "cvat": (4, tuple(CVAT_LABELS)),
    "coco": (4, ("background", "disc", "box", "stripe", None)),
    "roboflow_coco": (4, ("background", "disc", "box", "stripe", None)),
    "coco_panoptic": (4, ("ground", "disc", "box", "stripe", None)),
    "labelme": (4, ("background", "disc", "box", "stripe", None)),
    "yolo": (4, ("background", "disc", "box", "stripe")),
    "roboflow_yolo": (4, ("background", "disc", "box", "stripe")),
    "hf_disk": (4, ("class 0", "class 1", "class 2", "class 3")),
    "hf_hub": (4, ("background", "disc", "box", "stripe")),
}
