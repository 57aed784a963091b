"""Files whose bytes are at fault: cut, damaged, misnamed, of foreign formats."""

from __future__ import annotations

import io
from collections.abc import Iterator

from PIL import Image

from corpus.base import Case, encoded, image_file, in_image, mask_file, picture, write_file


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
    yield Case("0 bytes mask", "IMG_EMPTY", lambda root: write_file(mask_file(root), b""))
    yield Case("PNG without its end", "IMG_TRUNCATED", in_image(sound["PNG"][:-12]))
    yield Case("PNG without its last 2 bytes", "IMG_TRUNCATED", in_image(sound["PNG"][:-2]))
    yield Case("JPEG without its last 2 bytes", "IMG_TRUNCATED", in_image(sound["JPEG"][:-2], ".jpg"))
    yield Case("PNG with 40 bytes zeroed", "IMG_CORRUPT", in_image(zeroed(sound["PNG"])))
    yield Case("JPEG with 40 bytes zeroed", "IMG_CORRUPT", in_image(zeroed(sound["JPEG"]), ".jpg"))
    yield Case(
        "mask with 40 bytes zeroed",
        "IMG_CORRUPT",
        lambda root: write_file(mask_file(root), zeroed(mask_file(root).read_bytes())),
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
        lambda root: write_file(image_file(root, "img_9.heic"), foreign["HEIC"]),
    )
    yield Case(
        "NIfTI among the images",
        "FILE_UNSUPPORTED",
        lambda root: write_file(image_file(root, "a.nii.gz"), b"\x1f\x8b\x08\0"),
    )
