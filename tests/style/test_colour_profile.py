"""Pictures whose numbers mean other colours than sRGB's are read as sRGB, wherever styles are read."""

import logging
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from segue.cli import main
from segue.style.picture import read_picture, read_pixels

GREEN = (60, 200, 90)


def numbers(*values):
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def gamma_profile(exponent, space=b"RGB "):
    """A profile by hand, smaller than any file: sRGB's primaries with red for green, and a curve for all."""
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(exponent * 256)) + b"\0\0"
    xyz = b"XYZ \0\0\0\0"
    white = (0.9642, 1.0, 0.8249)
    red, green, blue = (0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7139)
    tags = {b"wtpt": xyz + numbers(*white)}
    if space == b"GRAY":
        tags[b"kTRC"] = curve
    else:
        tags |= {b"rXYZ": xyz + numbers(*green), b"gXYZ": xyz + numbers(*red), b"bXYZ": xyz + numbers(*blue)}
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    start, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, content in tags.items():
        table += name + struct.pack(">II", start + len(body), len(content))
        body += content
    head = bytearray(128)
    head[8:12], head[12:24], head[36:40] = b"\x02\x40\0\0", b"mntr" + space + b"XYZ ", b"acsp"
    head[68:80] = numbers(*white)
    whole = bytes(head) + struct.pack(">I", len(tags)) + table + body
    return struct.pack(">I", len(whole)) + whole[4:]


def standard(kind):
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(kind)).tobytes()


def saved(path, profile, colour=GREEN, mode="RGB", **options):
    Image.new(mode, (5, 4), colour).save(path, icc_profile=profile, **options)
    return path


@pytest.mark.parametrize(
    ("ending", "options"),
    [("png", {}), ("jpg", {"quality": 100, "subsampling": 0}), ("tif", {}), ("webp", {"lossless": True})],
)
def test_a_profile_is_turned_into_srgb_in_every_format(tmp_path, ending, options):
    found = read_pixels(saved(tmp_path / f"photo.{ending}", gamma_profile(2.2), **options))[0, 0].astype(int)
    assert abs(found[0] - GREEN[1]) <= 4, "its red is our green"
    assert abs(found[1] - GREEN[0]) <= 8


def test_srgb_and_no_profile_stay_to_the_bit(tmp_path):
    drawn = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    for given in (standard("sRGB"), None):
        Image.fromarray(drawn).save(tmp_path / "photo.png", icc_profile=given)
        assert np.array_equal(read_pixels(tmp_path / "photo.png"), drawn)


def test_grey_has_profiles_of_its_own(tmp_path):
    path = saved(tmp_path / "grey.png", gamma_profile(1.0, b"GRAY"), 64, "L")
    expected = 255 * (1.055 * (64 / 255) ** (1 / 2.4) - 0.055)
    assert np.abs(read_pixels(path).astype(float) - expected).max() <= 1.5
    assert read_picture(path).shape == (1, 3, 4, 5)


@pytest.mark.parametrize(
    "given", [b"nothing", standard("LAB"), gamma_profile(1.0, b"GRAY")], ids=["damaged", "lab", "grey"]
)
def test_a_profile_that_cannot_be_used_is_told_and_passed_over(tmp_path, caplog, monkeypatch, given):
    monkeypatch.setattr(logging.getLogger("segue"), "propagate", True)
    path = saved(tmp_path / "photo.png", given)
    with caplog.at_level(logging.WARNING, "segue"):
        assert np.array_equal(read_pixels(path)[0, 0], GREEN)
    assert "photo.png: its colour profile cannot be used" in caplog.text
    assert "taken for sRGB" in caplog.text


def test_style_apply_paints_the_colours_that_are_seen(tmp_path):
    photo, style = (saved(tmp_path / f"{name}.png", gamma_profile(2.2)) for name in ("photo", "style"))
    words = ["style", "apply", photo, "--style", style, "--strength", "0", "--no-watermark", "--device", "cpu"]
    assert main([*map(str, words), "--out", str(tmp_path / "out.png")]) == 0
    with Image.open(tmp_path / "out.png") as found:
        assert "icc_profile" not in found.info
        assert abs(int(np.asarray(found)[0, 0, 0]) - GREEN[1]) <= 4
