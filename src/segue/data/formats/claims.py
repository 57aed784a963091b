"""Folders that belong to one tool or one data set, so that the layouts for anybody's pictures leave them alone.

`images/` beside `annotations/` may be two plain folders, ADE20K, or COCO. What has marks of its own is looked for
first: reading such a folder as plain pictures would lose its classes, or miss what is not labelled.
"""

from __future__ import annotations

from pathlib import Path

from segue.data.formats import ade20k, cityscapes, coco, coco_panoptic, coco_stuff, labelme, listing, yolo

_SNIFFS = tuple(
    layout.sniff for layout in (cityscapes, ade20k, coco_stuff, coco, coco_panoptic, yolo, labelme, listing)
)


def is_claimed(root: Path) -> bool:
    """Whether `root` has the marks of a layout that is more than image folders beside mask folders."""
    lists = root / "ImageSets" / "Segmentation"  # says which images belong to which part
    return lists.is_dir() or any(sniff(root) for sniff in _SNIFFS)
