"""Every code the doctor can report: how bad it is, what it means, what to do.

Severity says what happens to `segue fit`: an *error* would crash training or make it learn something wrong, so fit
refuses; a *warning* leaves training sound but the result or its score may suffer; *info* is worth knowing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from segue.data.index import Problem

SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True)
class Code:
    """One row of the reference table; `fixable` says whether `segue doctor --fix` repairs it in the usual case."""

    severity: str
    meaning: str
    remedy: str
    fixable: bool = False


CODES: dict[str, Code] = {
    # --- the folders -------------------------------------------------------------------------------------------------
    "TREE_LINK_LOOP": Code(
        "warning", "a link leads back to a folder above itself; it is not followed", "remove the link"
    ),
    "TREE_LINK_DANGLING": Code("warning", "a link points to nothing", "remove the link or restore its target"),
    "TREE_LINK_OUTSIDE": Code("warning", "a link leads out of the data folder", "copy the files into the data folder"),
    "TREE_SPECIAL": Code("warning", "a pipe, socket or device lies among the files; it is never opened", "remove it"),
    "TREE_UNREADABLE": Code(
        "error", "a folder may not be read", "give yourself read and search permission (chmod u+rx)"
    ),
    "FILE_UNSUPPORTED": Code(
        "warning",
        "a picture in a format that is not read, so it is left out",
        "convert it to PNG, JPEG, WebP, TIFF or BMP",
    ),
    "NAME_NOT_UTF8": Code(
        "warning", "a file name is not valid UTF-8, so it breaks JSON and CSV files", "rename it", True
    ),
    "NAME_NOT_NFC": Code(
        "info",
        "a file name holds decomposed characters, which look the same but differ elsewhere",
        "rename it in NFC",
        True,
    ),
    "NAME_CONTROL": Code("warning", "a file name holds a line break or another control character", "rename it", True),
    "NAME_CLASH": Code(
        "warning",
        "two names in a folder differ only in case or accents' encoding; one is lost on other systems",
        "rename one",
    ),
    # --- one file, as bytes ------------------------------------------------------------------------------------------
    "IMG_EMPTY": Code("error", "the file has 0 bytes", "copy it again from its source, or delete the pair"),
    "IMG_UNREADABLE": Code("error", "the file cannot be opened", "check that it exists and may be read (chmod u+r)"),
    "IMG_FORMAT": Code(
        "error", "the content is not PNG, JPEG, WebP, TIFF or BMP", "convert it to PNG, or delete the pair"
    ),
    "IMG_MISNAMED": Code("warning", "the content is another format than the name's ending says", "rename it", True),
    "IMG_TRUNCATED": Code(
        "error", "the file ends before the picture does", "copy it again from its source, or delete the pair"
    ),
    "IMG_CORRUPT": Code(
        "error", "bytes inside the file are damaged", "copy it again from its source, or delete the pair"
    ),
    "IMG_BOMB": Code(
        "error",
        "the header declares more pixels than allowed; nothing was decoded",
        "cut it into tiles, or raise --max-pixels",
    ),
    # --- one file, as a picture --------------------------------------------------------------------------------------
    "IMG_MODE": Code("error", "the pixel type cannot be read without guessing", "convert it to 8-bit RGB or grey"),
    "IMG_FRAMES": Code("error", "the file holds several frames or pages", "save each one as a file of its own"),
    "IMG_CMYK": Code(
        "warning",
        "print colours (CMYK), converted without a colour profile",
        "convert it to RGB with its profile",
        True,
    ),
    "IMG_ALPHA": Code(
        "warning", "pixels are partly or fully transparent", "flatten it onto the background you want", True
    ),
    "IMG_16BIT": Code(
        "info", "more than 8 bits per channel, read on the 0-255 scale", "nothing, or convert it to 8 bits", True
    ),
    "IMG_RANGE": Code(
        "warning",
        "a 16-bit or float picture uses a small part of its range, so it comes out nearly black",
        "stretch its values",
    ),
    "IMG_FLAT": Code(
        "warning", "every pixel of the image has the same colour", "check how it was exported, or delete the pair"
    ),
    "IMG_ROTATED": Code(
        "info", "an EXIF tag turns or mirrors the image; it is applied on reading", "bake the rotation in", True
    ),
    "IMG_NODATA": Code("warning", "no pixel of the raster holds data", "check how it was exported, or delete the pair"),
    "IMG_ALPHA_BAND": Code(
        "warning",
        "a raster's band is declared as transparency, so it is no band to learn from, and holds many values",
        "if it is one of the bands: gdal_edit.py -colorinterp_4 undefined FILE (for band 4)",
    ),
    # --- one mask ----------------------------------------------------------------------------------------------------
    "MASK_MODE": Code(
        "error", "the mask's pixel type holds no class ids", "export an 8-bit index, palette or colour-coded PNG"
    ),
    "MASK_LOSSY": Code(
        "error",
        "the mask is a lossy picture, so class values are smeared",
        "export it again as PNG, or let --fix snap it",
        True,
    ),
    "MASK_ANTIALIASED": Code(
        "error",
        "soft edges: values between classes stand along the borders",
        "resize masks with nearest neighbour only",
        True,
    ),
    "MASK_UNKNOWN_VALUE": Code(
        "error", "the mask holds values that belong to no class", "correct them, or name them in ignore"
    ),
    "MASK_RARE_VALUE": Code(
        "warning", "a value covers next to nothing of the data", "correct it, or give the class names if it is a class"
    ),
    "MASK_OFF_BY_ONE": Code("error", "the mask counts its classes from one, not from zero", "subtract one", True),
    "MASK_PALETTE_AS_GREY": Code(
        "error", "a palette mask was saved as grey levels (38, 75, 113 ... for 1, 2, 3 ...)", "export the indices", True
    ),
    "MASK_MIXED": Code(
        "error", "the mask is coded by colour where others are coded by index, or the reverse", "export all alike"
    ),
    "MASK_EMPTY": Code("warning", "the mask holds background only", "check that the objects were not forgotten"),
    "MASK_ALL_IGNORED": Code(
        "warning", "every pixel of the mask is 'not labelled', so it teaches nothing", "label it or delete the pair"
    ),
    "MASK_NODATA_ZERO": Code(
        "info",
        "0 is declared as 'no data' in the mask, so pixels of 0 are not trained on",
        "nothing, or where 0 is a class: gdal_edit.py -unsetnodata FILE",
    ),
    # --- which files belong together ----------------------------------------------------------------------------------
    "MASK_MISSING": Code(
        "warning", "an image has no mask, so it is not trained on", "add the mask, or remove the image"
    ),
    "MASK_ORPHAN": Code("warning", "a mask has no image, so it is not used", "add the image, or remove the mask"),
    "PAIR_AMBIGUOUS": Code("error", "several files claim the same name", "keep one file of that name"),
    "NAME_CASE": Code(
        "info", "image and mask agree only when upper and lower case are ignored", "rename one of the two"
    ),
    "LIST_MISSING": Code(
        "error", "a list of the layout names an image that is not there", "add it, or take it off the list"
    ),
    "LIST_TWICE": Code("error", "a name stands on the lists of two splits", "take it off one of the lists"),
    # --- annotations that are drawn (COCO, labelme, YOLO) ------------------------------------------------------------
    "ANN_FILE": Code("error", "the annotation of an image cannot be read", "write it again, or delete it"),
    "ANN_IMAGE": Code(
        "warning",
        "an annotation names an image that is not there, or that lies outside the data",
        "add the image, or delete its annotation",
    ),
    "ANN_UNLISTED": Code(
        "info", "images lie in the folders that no annotation names; they are not used", "annotate or remove them"
    ),
    "ANN_SIZE": Code("error", "an annotation declares an impossible image size", "correct height and width"),
    "ANN_SHAPE": Code(
        "warning",
        "a shape has no area to draw and is left out, or is a box, whose pixels are not labelled",
        "draw an outline of three or more points",
    ),
    "ANN_CATEGORY": Code(
        "warning", "a shape has a category that is not listed; its pixels are not labelled", "list the category"
    ),
    "ANN_RLE": Code(
        "error", "run lengths do not fit the image, so an object is missing", "export the annotation again"
    ),
    # --- image and mask together -------------------------------------------------------------------------------------
    "PAIR_SIZE": Code("error", "image and mask differ in size", "export the mask at the image's size"),
    "PAIR_TRANSPOSED": Code(
        "error", "the mask's height and width are swapped", "rotate the mask as the image was rotated"
    ),
    "PAIR_EXIF": Code(
        "error", "the mask was drawn on the image before its EXIF rotation", "rotate the mask alike", True
    ),
    "PAIR_EXIF_UNSURE": Code(
        "warning",
        "the image carries an EXIF rotation and the sizes do not tell whether the mask follows it",
        "look at an overlay",
    ),
    "PAIR_CRS": Code(
        "error", "image and mask lie in different coordinate systems", "reproject the mask onto the image's grid"
    ),
    "PAIR_EXTENT": Code(
        "error",
        "image and mask have one size but lie at different places, or have pixels of different sizes",
        "cut the mask to the image's grid",
    ),
    "PAIR_IDENTICAL": Code("error", "the mask is the image itself", "point the mask folder at the masks"),
    # --- the whole set -----------------------------------------------------------------------------------------------
    "SET_EMPTY": Code(
        "error", "there is no readable pair of image and mask", "check the folder, or give --format and --mask-name"
    ),
    "CHANNELS_DIFFER": Code(
        "error",
        "the image has another number of channels than most; 1 and 3 go together",
        "bring all images to one form",
    ),
    "SET_NUMBERS": Code(
        "error",
        "the raster holds another kind of number than most (8-bit, integer, float), so equal numbers mean other things",
        "export all images alike",
    ),
    "CLASS_UNCLEAR": Code(
        "error", "the classes cannot be told from the masks", "give the class names, or repair the masks"
    ),
    "CLASS_SINGLE": Code(
        "error", "all masks together hold a single class, so there is nothing to learn", "check the masks"
    ),
    "CLASS_ABSENT_TRAIN": Code(
        "warning", "a class of the validation or test part never occurs in train", "move an image over"
    ),
    "CLASS_ABSENT_VAL": Code(
        "warning", "a class never occurs in validation, so it cannot be scored", "move an image over"
    ),
    "LEAK_EXACT": Code("warning", "the same picture is in two splits, so the score is too good", "delete one", True),
    "LEAK_NEAR": Code(
        "warning",
        "a picture is in two splits, once encoded again, resized, relit, mirrored or cropped: the score is too good",
        "keep both in one split; where fit makes the split: segue fit DATA --data.group-duplicates",
    ),
    "GROUP_ACROSS_SPLITS": Code(
        "warning",
        "pictures of one video, patient or folder are in two splits, so the score is too good",
        "split by group",
    ),
    "VIDEO_ONE_GROUP": Code(
        "warning",
        "all pictures are one video, so neighbours are on both sides of the split",
        "add images from elsewhere",
    ),
    "DUPLICATE_EXACT": Code("warning", "the same picture occurs twice", "delete one, or keep both in one split"),
    "DUPLICATE_NEAR": Code(
        "info",
        "a picture occurs twice, once encoded again, resized, relit, mirrored or cropped, or two frames hardly differ",
        "keep both in one split; where fit makes the split: segue fit DATA --data.group-duplicates",
    ),
    "SET_DRAWN": Code(
        "info",
        "only some images of a large data set were looked at before training, and only these are scored",
        "nothing, or look at more: segue fit DATA --data.look-at 5000",
    ),
    "SET_PARTS_UNSEEN": Code(
        "info",
        "there are too many images to look for parts of one another; whole ones were compared",
        "nothing, or examine the data in portions",
    ),
}


def problem(code: str, path: Path, message: str, *, fixable: bool | None = None) -> Problem:
    """A finding with the severity and remedy its code has in the table; `fixable` overrides the table for this one."""
    row = CODES[code]
    return Problem(code, row.severity, path, message, row.remedy, row.fixable if fixable is None else fixable)
