"""The doctor's corpus: small data sets with one planted fault each, and the finding each must lead to.

Run `python tests/data/corpus.py FOLDER` to write them out and look at them. Every case starts from the same six sound
pairs, changes one thing, and names the file the finding must point at and its code; an empty code means "nothing above
info". Cases that a file system cannot hold (names that are not UTF-8 on macOS, pipes on Windows) are left out there.
"""

from __future__ import annotations

import functools
import io
import os
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 48, 64
ORIENTATION = 0x0112


@dataclass(frozen=True)
class Case:
    """One planted fault; `plant` changes the set in a folder and returns the file the finding must name."""

    name: str
    code: str
    plant: Callable[[Path], Path]


def picture(seed: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """An image with content at every scale, another for each seed: coarse blocks and fine noise, `(H, W, 3)` uint8."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(30, 220, (6, 8, 3)).astype(np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)).astype(int)
    return np.clip(smooth + rng.integers(-12, 13, (height, width, 3)), 0, 255).astype(np.uint8)


def labels(seed: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A mask of classes 0, 1, 2 with hard, curved borders, `(H, W)` uint8; every class in every mask."""
    rng = np.random.default_rng(seed + 10_000)
    y, x = np.mgrid[:height, :width]
    mask = np.zeros((height, width), np.uint8)
    for value, column in ((1, 0.3), (2, 0.7)):
        row, middle, radius = rng.uniform(0.35, 0.65) * height, column * width, rng.uniform(0.18, 0.25) * height
        mask[(y - row) ** 2 + (x - middle) ** 2 < radius**2] = value
    return mask


def good_set(root: Path, number: int = 6, suffix: str = ".png", split: str = "") -> Path:
    """Sound pairs `images/img_0.png`, `masks/img_0.png`, ..."""
    start = 1000 * len(split)
    for i in range(number):
        save(root / split / "images" / f"img_{start + i}{suffix}", picture(start + i))
        save(root / split / "masks" / f"img_{start + i}.png", labels(start + i))
    return root


def save(path: Path, pixels: np.ndarray, *, mode: str | None = None, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def encoded(pixels: np.ndarray, kind: str, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def image_file(root: Path, name: str = "img_3.png") -> Path:
    return root / "images" / name


def mask_file(root: Path, name: str = "img_3.png") -> Path:
    return root / "masks" / name


def in_image(data: bytes | Callable[[], bytes], ending: str = ".png") -> Callable[[Path], Path]:
    """Replace image 3 by these bytes."""

    def plant(root: Path) -> Path:
        image_file(root).unlink()
        path = image_file(root, f"img_3{ending}")
        path.write_bytes(data() if callable(data) else data)
        return path

    return plant


def in_mask(change: Callable[[np.ndarray], np.ndarray], **options) -> Callable[[Path], Path]:
    """Replace mask 3 by a changed one."""

    def plant(root: Path) -> Path:
        return save(mask_file(root), change(labels(3)), **options)

    return plant


def in_every_mask(
    change: Callable[[np.ndarray], np.ndarray], ending: str = ".png", **options
) -> Callable[[Path], Path]:
    """Replace all masks by changed ones."""

    def plant(root: Path) -> Path:
        for path in sorted((root / "masks").iterdir()):
            path.unlink()
            save(path.with_suffix(ending), change(labels(int(path.stem[4:]))), **options)
        return mask_file(root, f"img_3{ending}")

    return plant


# --- D1: bytes -------------------------------------------------------------------------------------------------------


def cut(data: bytes, share: float) -> bytes:
    return data[: max(12, int(len(data) * share))]


def zeroed(data: bytes, length: int = 40) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(length) + data[middle + length :]


def animated(kind: str) -> bytes:
    file, frames = io.BytesIO(), [Image.fromarray(picture(i)) for i in range(3)]
    frames[0].save(file, kind, save_all=True, append_images=frames[1:])
    return file.getvalue()


def decode_cases() -> Iterator[Case]:
    sound = {kind: encoded(picture(3), kind) for kind in ("PNG", "JPEG", "WEBP", "TIFF", "BMP")}
    endings = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "TIFF": ".tif", "BMP": ".bmp"}
    for kind, data in sound.items():
        yield Case(f"{kind} sound", "", in_image(data, endings[kind]))
        for percent in (5, 25, 50, 75, 95):
            if kind != "TIFF" or percent > 25:  # what is left of a TIFF's head is covered by the byte cases below
                yield Case(
                    f"{kind} cut at {percent} %", "IMG_TRUNCATED", in_image(cut(data, percent / 100), endings[kind])
                )
    yield Case("0 bytes", "IMG_EMPTY", in_image(b""))
    yield Case("0 bytes mask", "IMG_EMPTY", lambda root: _write(mask_file(root), b""))
    yield Case("PNG without its end", "IMG_TRUNCATED", in_image(sound["PNG"][:-12]))
    yield Case("PNG without its last 2 bytes", "IMG_TRUNCATED", in_image(sound["PNG"][:-2]))
    yield Case("JPEG without its last 2 bytes", "IMG_TRUNCATED", in_image(sound["JPEG"][:-2], ".jpg"))
    yield Case("PNG with 40 bytes zeroed", "IMG_CORRUPT", in_image(zeroed(sound["PNG"])))
    yield Case("JPEG with 40 bytes zeroed", "IMG_CORRUPT", in_image(zeroed(sound["JPEG"]), ".jpg"))
    yield Case(
        "mask with 40 bytes zeroed",
        "IMG_CORRUPT",
        lambda root: _write(mask_file(root), zeroed(mask_file(root).read_bytes())),
    )
    yield Case(
        "BMP with a bad header", "IMG_CORRUPT", in_image(sound["BMP"][:14] + b"\x63" + sound["BMP"][15:], ".bmp")
    )
    yield Case("JPEG called .png", "IMG_MISNAMED", in_image(sound["JPEG"]))
    yield Case("PNG called .jpg", "IMG_MISNAMED", in_image(sound["PNG"], ".jpg"))
    foreign = {
        "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 48\n",
        "SVG": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="64" height="48"/>',
        "PDF": b"%PDF-1.7\n1 0 obj <<>> endobj\n",
        "GIF": encoded(picture(3), "GIF"),
        "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64),
        "AVIF": b"\0\0\0\x1cftypavif\0\0\0\0mif1avif" + bytes(64),
        "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(64),
        "zip": b"PK\x03\x04" + bytes(64),
        "a pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        "text": b"404 not found",
        "zeros": bytes(500),
    }
    for kind, data in foreign.items():
        yield Case(f"{kind} called .png", "IMG_FORMAT", in_image(data))
    yield Case("animated WebP called .png", "IMG_FRAMES", in_image(lambda: animated("WEBP")))
    yield Case("animated PNG", "IMG_FRAMES", in_image(lambda: animated("PNG")))
    yield Case(
        "HEIC among the images",
        "FILE_UNSUPPORTED",
        lambda root: _write(image_file(root, "img_9.heic"), foreign["HEIC"]),
    )
    yield Case(
        "NIfTI among the images",
        "FILE_UNSUPPORTED",
        lambda root: _write(image_file(root, "a.nii.gz"), b"\x1f\x8b\x08\0"),
    )


def _write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


# --- D2: pixel types -------------------------------------------------------------------------------------------------


def png_16bit_rgb(pixels: np.ndarray) -> bytes:
    """Pillow cannot write 16-bit colour; the format is four chunks."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels.astype(np.uint16) * 257)
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def tiff(pixels: np.ndarray) -> bytes:
    """An uncompressed TIFF with any number of 8-bit channels."""
    height, width, channels = pixels.shape
    bits = struct.pack(f"<{channels}H", *[8] * channels)
    entries = [(256, 3, 1, width), (257, 3, 1, height), (258, 3, channels, 122), (259, 3, 1, 1), (262, 3, 1, 1)]
    entries += [(273, 4, 1, 122 + len(bits)), (277, 3, 1, channels), (278, 3, 1, height), (279, 4, 1, pixels.size)]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    return b"II*\0" + struct.pack("<I", 8) + directory + bits + pixels.tobytes()


def saved_as(mode: str, ending: str = ".png", **options) -> Callable[[Path], Path]:
    def plant(root: Path) -> Path:
        image_file(root).unlink()
        return save(image_file(root, f"img_3{ending}"), picture(3), mode=mode, **options)

    return plant


def array_as(array: np.ndarray, ending: str = ".png") -> Callable[[Path], Path]:
    def plant(root: Path) -> Path:
        image_file(root).unlink()
        return save(image_file(root, f"img_3{ending}"), array)

    return plant


def array_file(array: np.ndarray) -> Callable[[Path], Path]:
    def plant(root: Path) -> Path:
        image_file(root).unlink()
        np.save(image_file(root, "img_3.npy"), array)
        return image_file(root, "img_3.npy")

    return plant


def mode_cases() -> Iterator[Case]:
    colour = picture(3)
    grey, deep = colour[..., 0], colour[..., 0].astype(np.uint16) * 257
    half = np.dstack([colour, np.where(labels(3) > 0, 255, 90).astype(np.uint8)])
    opaque = np.dstack([colour, np.full(grey.shape, 255, np.uint8)])
    for mode in ("1", "L", "P", "RGB"):
        yield Case(f"mode {mode}", "", saved_as(mode))
    for mode in ("YCbCr", "LAB"):
        yield Case(f"mode {mode}", "", saved_as(mode, ".tif"))
    yield Case("opaque RGBA", "", array_as(opaque))
    yield Case("RGBA", "IMG_ALPHA", array_as(half))
    yield Case("LA", "IMG_ALPHA", in_image(lambda: _converted(half, "LA", "PNG")))
    yield Case("PA", "IMG_ALPHA", in_image(lambda: _converted(half, "PA", "TIFF"), ".tif"))
    yield Case("palette with a see-through entry", "IMG_ALPHA", saved_as("P", transparency=bytes([128] * 256)))
    yield Case("CMYK JPEG", "IMG_CMYK", saved_as("CMYK", ".jpg"))
    yield Case("CMYK TIFF", "IMG_CMYK", saved_as("CMYK", ".tif"))
    yield Case("16-bit grey PNG", "IMG_16BIT", array_as(deep))
    yield Case("16-bit grey TIFF, little-endian", "IMG_16BIT", array_as(deep, ".tif"))
    yield Case("16-bit grey TIFF, big-endian", "IMG_16BIT", array_as(deep.astype(">u2"), ".tif"))
    yield Case("16-bit RGB PNG", "IMG_16BIT", in_image(png_16bit_rgb(colour)))
    yield Case("12-bit range in 16 bits", "IMG_RANGE", array_as(deep >> 4))
    yield Case("32-bit whole numbers", "IMG_MODE", array_as(deep.astype(np.int32) * 9, ".tif"))
    yield Case("float in 0 to 1", "", array_as((grey / 255).astype(np.float32), ".tif"))
    yield Case("float in 0 to 255", "IMG_MODE", array_as(grey.astype(np.float32), ".tif"))
    yield Case("TIFF of two pages", "IMG_FRAMES", in_image(lambda: animated("TIFF"), ".tif"))
    yield Case("TIFF of five channels", "IMG_MODE", in_image(tiff(np.dstack([colour, colour[..., :2]])), ".tif"))
    yield Case("array of five channels", "CHANNELS_DIFFER", array_file(np.dstack([colour, colour[..., :2]])))
    yield Case("grey array", "", array_file(grey))
    yield Case("one colour everywhere", "IMG_FLAT", array_as(np.full_like(colour, 255)))


def _converted(pixels: np.ndarray, mode: str, kind: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind)
    return file.getvalue()


# --- D3: EXIF --------------------------------------------------------------------------------------------------------

UNDO = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Image.Transpose that takes upright pixels to the stored ones


def rotated(orientation: int, mask_follows: bool, square: bool = False) -> Callable[[Path], Path]:
    """An upright scene stored turned, with the tag that turns it back; the mask is drawn upright or as stored."""

    def plant(root: Path) -> Path:
        side = WIDTH if square else HEIGHT
        upright, mask = Image.fromarray(picture(3, side)), Image.fromarray(labels(3, side))
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        image_file(root).unlink()
        stored = upright.transpose(Image.Transpose(UNDO[orientation])) if orientation in UNDO else upright
        stored.save(image_file(root, "img_3.jpg"), exif=exif, quality=95)
        (mask if mask_follows or orientation == 1 else mask.transpose(Image.Transpose(UNDO[orientation]))).save(
            mask_file(root)
        )
        turned = orientation in (5, 6, 7, 8)
        return image_file(root, "img_3.jpg") if turned and mask_follows and not square else mask_file(root)

    return plant


def exif_cases() -> Iterator[Case]:
    yield Case("EXIF orientation 1", "", rotated(1, True))
    for orientation in (2, 3, 4):
        yield Case(f"EXIF {orientation}", "PAIR_EXIF_UNSURE", rotated(orientation, True))
    for orientation in (5, 6, 7, 8):
        yield Case(f"EXIF {orientation}, mask upright", "IMG_ROTATED", rotated(orientation, True))
        yield Case(f"EXIF {orientation}, mask as stored", "PAIR_EXIF", rotated(orientation, False))
        yield Case(f"EXIF {orientation}, square", "PAIR_EXIF_UNSURE", rotated(orientation, True, square=True))


# --- D4: masks -------------------------------------------------------------------------------------------------------

COLOURS = np.array([[60, 16, 152], [132, 41, 246], [254, 221, 58]], np.uint8)
VOC_GREY = np.array([0, 38, 75], np.uint8)


def resampled(mask: np.ndarray, spread: int = 100) -> np.ndarray:
    """Down and up again with a linear filter, as picture editors do."""
    image = Image.fromarray((mask * spread).astype(np.uint8))
    small = image.resize((WIDTH // 2, HEIGHT // 2), Image.Resampling.BILINEAR)
    return np.asarray(small.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR))


def with_value(value: int) -> Callable[[np.ndarray], np.ndarray]:
    def change(mask: np.ndarray) -> np.ndarray:
        mask = mask.copy()
        mask[:3, :3] = value
        return mask

    return change


def palette_masks(root: Path) -> Path:
    for path in sorted((root / "masks").iterdir()):
        image = Image.fromarray(np.asarray(Image.open(path)))
        image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
        image.save(path)
    return mask_file(root)


def mask_cases() -> Iterator[Case]:
    yield Case("unknown value", "MASK_UNKNOWN_VALUE", in_mask(with_value(77)))
    yield Case("unknown value beside 255", "MASK_UNKNOWN_VALUE", in_mask(with_value(254)))
    yield Case("255 is ignored", "", in_mask(with_value(255)))
    yield Case("one mask counts from one", "MASK_OFF_BY_ONE", in_mask(lambda mask: mask + 1))
    yield Case("one mask as grey levels of its palette", "MASK_PALETTE_AS_GREY", in_mask(lambda mask: VOC_GREY[mask]))
    yield Case("one mask in colour", "MASK_MIXED", in_mask(lambda mask: COLOURS[mask]))
    yield Case("all masks in colour", "", in_every_mask(lambda mask: COLOURS[mask]))
    yield Case("all masks with a palette", "", palette_masks)
    yield Case("all masks one bit", "", in_every_mask(lambda mask: mask > 0))
    yield Case("all masks 0 and 255", "", in_every_mask(lambda mask: ((mask > 0) * 255).astype(np.uint8)))
    yield Case("fractions", "MASK_MODE", _fractions)
    yield Case("half-transparent mask", "MASK_MODE", in_mask(lambda m: np.dstack([m, m, m, m * 100])))
    yield Case("one anti-aliased mask", "MASK_ANTIALIASED", in_mask(resampled))
    yield Case("one anti-aliased mask of closer values", "MASK_ANTIALIASED", in_mask(lambda mask: resampled(mask, 20)))
    yield Case("all masks anti-aliased", "MASK_ANTIALIASED", in_every_mask(resampled))
    yield Case("all masks anti-aliased colours", "MASK_ANTIALIASED", in_every_mask(lambda m: _soft(COLOURS[m])))
    yield Case("one JPEG mask", "MASK_LOSSY", _jpeg_mask)
    yield Case(
        "all masks JPEG", "MASK_LOSSY", in_every_mask(lambda mask: (mask * 127).astype(np.uint8), ".jpg", quality=80)
    )
    yield Case(
        "JPEG mask called .png", "MASK_LOSSY", lambda root: _write(mask_file(root), encoded(labels(3) * 100, "JPEG"))
    )
    yield Case(
        "lossy WebP masks", "MASK_LOSSY", in_every_mask(lambda mask: (mask * 127).astype(np.uint8), ".webp", quality=60)
    )
    yield Case("lossless WebP masks", "", in_every_mask(lambda mask: COLOURS[mask], ".webp", lossless=True))
    yield Case("background only", "MASK_EMPTY", in_mask(np.zeros_like))
    yield Case("nothing labelled", "MASK_ALL_IGNORED", in_mask(lambda mask: np.full_like(mask, 255)))
    yield Case("a colour on few pixels", "MASK_RARE_VALUE", _rare_colour)
    yield Case("one class everywhere", "CLASS_SINGLE", _single_class)
    yield Case("a class missing in train", "CLASS_ABSENT_TRAIN", lambda root: _absent(root, "train"))
    yield Case("a class missing in val", "CLASS_ABSENT_VAL", lambda root: _absent(root, "val"))


def _soft(pixels: np.ndarray) -> np.ndarray:
    small = Image.fromarray(pixels).resize((WIDTH // 2, HEIGHT // 2), Image.Resampling.BILINEAR)
    return np.asarray(small.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR))


def _fractions(root: Path) -> Path:
    mask_file(root).unlink()
    return save(mask_file(root, "img_3.tif"), (labels(3) / 3).astype(np.float32))


def _jpeg_mask(root: Path) -> Path:
    in_every_mask(lambda mask: (mask * 127).astype(np.uint8))(root)
    mask_file(root).unlink()
    return save(mask_file(root, "img_3.jpg"), (labels(3) * 127).astype(np.uint8), quality=80)


def _rare_colour(root: Path) -> Path:
    for i in range(6):
        save(image_file(root, f"img_{i}.png"), picture(i, 192, 256))
        mask = COLOURS[labels(i, 192, 256)]
        mask[0, 0] = (0, 0, 0) if i == 3 else mask[0, 0]
        save(mask_file(root, f"img_{i}.png"), mask)
    return mask_file(root)


def _single_class(root: Path) -> Path:
    in_every_mask(np.zeros_like)(root)
    return root


def _absent(root: Path, split: str) -> Path:
    _split(root)
    for path in (root / split / "masks").iterdir():
        save(path, np.minimum(np.asarray(Image.open(path)), 1))
    return root


# --- D5: pairs -------------------------------------------------------------------------------------------------------


def pairing_cases() -> Iterator[Case]:
    yield Case("mask one pixel short", "PAIR_SIZE", in_mask(lambda mask: mask[:, 1:]))
    yield Case("mask of half the size", "PAIR_SIZE", in_mask(lambda mask: mask[::2, ::2]))
    yield Case("mask with swapped sides", "PAIR_TRANSPOSED", in_mask(lambda mask: mask.T.copy()))
    yield Case("missing mask", "MASK_MISSING", _missing)
    yield Case("orphan mask", "MASK_ORPHAN", _orphan)
    yield Case(
        "two images of one name", "PAIR_AMBIGUOUS", lambda root: save(image_file(root, "img_3.bmp"), picture(33))
    )
    yield Case("names differ in case", "NAME_CASE", _case)
    yield Case("masks with a suffix", "", _suffix)
    yield Case("names with dots", "", lambda root: _renamed(root, "scan.v1.2"))
    yield Case("mask is the image", "PAIR_IDENTICAL", lambda root: save(mask_file(root), picture(3)))


def _missing(root: Path) -> Path:
    mask_file(root).unlink()
    return image_file(root)


def _orphan(root: Path) -> Path:
    image_file(root).unlink()
    return mask_file(root)


def _case(root: Path) -> Path:
    mask_file(root).rename(mask_file(root, "IMG_3.png"))
    return image_file(root)


def _suffix(root: Path) -> Path:
    for path in sorted((root / "masks").iterdir()):
        path.rename(path.with_stem(path.stem + "_mask"))
    return image_file(root)


def _renamed(root: Path, stem: str, mask_stem: str | None = None) -> Path:
    mask_file(root).rename(mask_file(root, f"{mask_stem or stem}.png"))
    return image_file(root).rename(image_file(root, f"{stem}.png"))


# --- D6: names and tree ----------------------------------------------------------------------------------------------


def tree_cases() -> Iterator[Case]:
    yield Case("name in NFC", "", lambda root: _renamed(root, "caf\u00e9"))
    yield Case("name in NFD", "NAME_NOT_NFC", lambda root: _renamed(root, "cafe\u0301"))
    yield Case("image in NFD, mask in NFC", "NAME_NOT_NFC", lambda root: _renamed(root, "cafe\u0301", "caf\u00e9"))
    yield Case("emoji", "", lambda root: _renamed(root, "\U0001f600"))
    yield Case("right to left", "", lambda root: _renamed(root, "\u05d0\u05d1\u05d2"))
    yield Case("leading dash", "", lambda root: _renamed(root, "-rf"))
    yield Case("255 bytes", "", lambda root: _renamed(root, "a" * 251))
    yield Case("long path", "", _long_path)
    yield Case(
        "dangling link", "TREE_LINK_DANGLING", lambda root: _link(image_file(root, "gone.png"), root / "nothing.png")
    )
    yield Case("link to itself", "TREE_LINK_LOOP", _self_link)
    yield Case("loop", "TREE_LINK_LOOP", lambda root: _link(root / "images" / "again", root))
    yield Case("file link out of the root", "TREE_LINK_OUTSIDE", _outside)
    yield Case("folder link out of the root", "TREE_LINK_OUTSIDE", _far_folder)
    if sys.platform == "win32":
        return
    yield Case("line break", "NAME_CONTROL", lambda root: _renamed(root, "two\nlines"))
    yield Case("pipe", "TREE_SPECIAL", _pipe)
    yield Case(
        "link to a device", "TREE_LINK_OUTSIDE", lambda root: _link(image_file(root, "null.png"), Path(os.devnull))
    )
    if os.geteuid() != 0:  # root reads everything
        yield Case("unreadable image", "IMG_UNREADABLE", _unreadable)
    if sys.platform == "linux":
        yield Case("name that is not UTF-8", "NAME_NOT_UTF8", lambda root: _renamed(root, os.fsdecode(b"caf\xe9")))
        yield Case("names that differ in case", "NAME_CLASH", _clash)


def _long_path(root: Path) -> Path:
    folder = Path(*["deep" * 20] * 4)
    for kind, pixels in (("images", picture(7)), ("masks", labels(7))):
        save(root / kind / folder / "img_7.png", pixels)
    return image_file(root)


def _link(path: Path, target: Path) -> Path:
    path.symlink_to(target)
    return path


def _self_link(root: Path) -> Path:
    return _link(image_file(root, "self.png"), image_file(root, "self.png"))


def _outside(root: Path) -> Path:
    target = save(root.with_name(f"{root.name}-elsewhere") / "img_3.png", picture(3))
    image_file(root).unlink()
    return _link(image_file(root), target)


def _far_folder(root: Path) -> Path:
    target = good_set(root.with_name(f"{root.name}-far"))
    return _link(root / "images" / "far", target)


def _pipe(root: Path) -> Path:
    os.mkfifo(image_file(root, "pipe.png"))
    return image_file(root, "pipe.png")


def _unreadable(root: Path) -> Path:
    image_file(root).chmod(0)
    return image_file(root)


def _clash(root: Path) -> Path:
    save(image_file(root, "IMG_3.png"), picture(8))
    save(mask_file(root, "IMG_3.png"), labels(8))
    return image_file(root)


# --- D7: size --------------------------------------------------------------------------------------------------------


@functools.cache
def bomb(side: int) -> bytes:
    """A one-bit PNG of side x side zeros: a few hundred kilobytes that unfold to gigabytes."""
    compressor = zlib.compressobj(9)
    row = bytes(1 + (side + 7) // 8)
    body = b"".join(compressor.compress(row) for _ in range(side)) + compressor.flush()
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)), (b"IDAT", body), (b"IEND", b"")]
    parts = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def size_cases() -> Iterator[Case]:
    yield Case("30 000 x 30 000 pixels", "IMG_BOMB", in_image(lambda: bomb(30_000)))
    yield Case("mask of 20 000 x 20 000 pixels", "IMG_BOMB", lambda root: _write(mask_file(root), bomb(20_000)))


# --- D8: leakage -----------------------------------------------------------------------------------------------------


def _split(root: Path) -> Path:
    for kind in ("images", "masks"):
        for path in sorted((root / kind).iterdir()):
            target = root / ("val" if path.stem in ("img_4", "img_5") else "train") / kind / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
        (root / kind).rmdir()
    return root


def _leak(change: Callable[[np.ndarray], np.ndarray], ending: str = ".png", **options) -> Callable[[Path], Path]:
    """A picture of train once more in val."""

    def plant(root: Path) -> Path:
        _split(root)
        save(root / "val" / "images" / f"other{ending}", change(picture(0)), **options)
        save(root / "val" / "masks" / "other.png", labels(0))
        return root

    return plant


def _at(root_plant: Callable[[Path], Path], *parts: str) -> Callable[[Path], Path]:
    return lambda root: root_plant(root).joinpath(*parts)


def _brighter(pixels: np.ndarray) -> np.ndarray:
    return np.clip(pixels.astype(int) + 10, 0, 255).astype(np.uint8)


def _cropped(pixels: np.ndarray) -> np.ndarray:
    inner = Image.fromarray(pixels).crop((1, 1, WIDTH - 1, HEIGHT - 1))
    return np.asarray(inner.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))


def _frames(root: Path) -> Path:
    """A video cut in two: its frames differ, but they are one group."""
    for split, start in (("train", 0), ("val", 4)):
        for clip in ("day", "night"):
            for i in range(start, start + 4):
                seed = 100 + i + (50 if clip == "night" else 0)
                save(root / split / "images" / f"{clip}_{i:03d}.png", picture(seed))
                save(root / split / "masks" / f"{clip}_{i:03d}.png", labels(seed))
    for kind in ("images", "masks"):
        for path in (root / kind).iterdir():
            path.unlink()
        (root / kind).rmdir()
    return root / "val" / "images" / "day_004.png"


def leakage_cases() -> Iterator[Case]:
    val = ("val", "images")
    yield Case("split, sound", "", _at(_split, "train", "images", "img_0.png"))
    yield Case("same picture in two splits", "LEAK_EXACT", _at(_leak(lambda p: p), "train", "images", "img_0.png"))
    yield Case(
        "recompressed in the other split", "LEAK_NEAR", _at(_leak(lambda p: p, ".jpg", quality=85), *val, "other.jpg")
    )
    yield Case("brighter in the other split", "LEAK_NEAR", _at(_leak(_brighter), *val, "other.png"))
    yield Case("cropped in the other split", "LEAK_NEAR", _at(_leak(_cropped), *val, "other.png"))
    yield Case("half the size in the other split", "LEAK_NEAR", _at(_half_size, *val, "other.png"))
    yield Case("same picture twice", "DUPLICATE_EXACT", _twice)
    yield Case("nearly the same picture twice", "DUPLICATE_NEAR", _nearly_twice)
    yield Case("one video in two splits", "GROUP_ACROSS_SPLITS", _frames)


def _half_size(root: Path) -> Path:
    _split(root)
    small = Image.fromarray(picture(0)).resize((WIDTH // 2, HEIGHT // 2), Image.Resampling.BOX)
    save(root / "val" / "images" / "other.png", np.asarray(small))
    save(root / "val" / "masks" / "other.png", labels(0)[::2, ::2])
    return root


def _twice(root: Path) -> Path:
    save(mask_file(root, "img_8.png"), labels(0))
    return save(image_file(root, "img_8.png"), picture(0))


def _nearly_twice(root: Path) -> Path:
    save(mask_file(root, "img_8.png"), labels(0))
    return save(image_file(root, "img_8.png"), _brighter(picture(0)))


def cases() -> list[Case]:
    """The whole corpus."""
    makers = (decode_cases, mode_cases, exif_cases, mask_cases, pairing_cases, tree_cases, size_cases, leakage_cases)
    return [case for make in makers for case in make()]


def write(folder: Path) -> list[Case]:
    """Write every case as a folder of its own and return them."""
    for number, case in enumerate(cases()):
        case.plant(good_set(folder / f"{number:03d}"))
    return cases()


if __name__ == "__main__":
    for number, case in enumerate(write(Path(sys.argv[1]))):
        sys.stdout.write(f"{number:03d}  {case.code or 'sound':22} {case.name}\n")
