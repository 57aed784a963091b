from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from segue.data.image import image_size, mask_palette, read_image, read_mask, to_channels
from segue.errors import DataError

GREY = np.arange(24, dtype=np.uint8).reshape(4, 6) * 10
RGB = np.stack([GREY, GREY // 2, 255 - GREY], axis=2)
WIDE = (np.arange(24, dtype=np.uint16).reshape(4, 6) * 2731 + 5)[..., None] + np.array([0, 1, 258], np.uint16)


def save(path: Path, image: Image.Image, **options) -> Path:
    image.save(path, **options)
    return path


def sixteen_bit_png(path: Path, pixels: np.ndarray, colour_type: int) -> Path:
    """A PNG Pillow cannot write: 16 bits per channel, colour type 2 (RGB), 4 (grey + alpha) or 6 (RGBA)."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 16, colour_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


def tiff(
    path: Path,
    pixels: np.ndarray,
    photometric: int = 2,
    order: str = "<",
    extra: tuple[int, ...] = (),
    deflate: bool = False,
) -> Path:
    """A TIFF with any number of channels, photometric meaning and byte order."""
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    data = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    data = zlib.compress(data) if deflate else data
    bits = struct.pack(f"{order}{channels}H", *[pixels.itemsize * 8] * channels)
    tags = [(256, 4, pixels.shape[1]), (257, 4, pixels.shape[0]), (259, 3, 8 if deflate else 1), (262, 3, photometric)]
    tags += [(277, 3, channels), (278, 4, pixels.shape[0]), (279, 4, len(data))]
    entries = 9 + bool(extra)
    after = 8 + 2 + 12 * entries + 4

    def field(tag: int, kind: int, count: int, value: bytes) -> bytes:
        return struct.pack(f"{order}HHI", tag, kind, count) + value.ljust(4, b"\0")

    def number(kind: int, value: int) -> bytes:
        return struct.pack(f"{order}{'H' if kind == 3 else 'I'}", value)

    inline = len(bits) <= 4
    fields = [field(tag, kind, 1, number(kind, value)) for tag, kind, value in tags]
    fields.append(field(258, 3, channels, bits if inline else number(4, after)))
    fields.append(field(273, 4, 1, number(4, after + (0 if inline else len(bits)))))
    if extra:
        fields.append(field(338, 3, len(extra), struct.pack(f"{order}{len(extra)}H", *extra)))
    fields.sort(key=lambda one: struct.unpack(f"{order}H", one[:2]))
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    directory = struct.pack(f"{order}H", entries) + b"".join(fields) + b"\0" * 4
    path.write_bytes(head + directory + (b"" if inline else bits) + data)
    return path


# --- images ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["png", "tif", "bmp"])
def test_8_bit_pixels_are_read_as_they_are(tmp_path, ending):
    grey = read_image(save(tmp_path / f"g.{ending}", Image.fromarray(GREY)))
    colour = read_image(save(tmp_path / f"c.{ending}", Image.fromarray(RGB)))
    np.testing.assert_array_equal(grey, GREY[..., None])
    np.testing.assert_array_equal(colour, RGB)
    assert grey.dtype == colour.dtype == np.uint8


def test_lossless_webp_and_the_content_rather_than_the_ending_decide(tmp_path):
    path = save(tmp_path / "a.png", Image.fromarray(RGB), format="WEBP", lossless=True)
    np.testing.assert_array_equal(read_image(path), RGB)


def test_one_bit_is_black_and_white(tmp_path):
    path = save(tmp_path / "a.png", Image.fromarray(GREY > 100))
    np.testing.assert_array_equal(read_image(path)[..., 0], (GREY > 100) * 255)
    np.testing.assert_array_equal(read_mask(path), (GREY > 100) * 255)


def test_palette_images_become_their_colours(tmp_path):
    picture = Image.fromarray(GREY // 10 % 3).convert("P")
    picture.frombytes((GREY // 10 % 3).tobytes())
    picture.putpalette([9, 8, 7, 100, 0, 0, 0, 50, 200])
    pixels = read_image(save(tmp_path / "a.png", picture))
    np.testing.assert_array_equal(pixels, np.array([[9, 8, 7], [100, 0, 0], [0, 50, 200]])[GREY // 10 % 3])


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_opaque_alpha_is_left_out_and_transparent_pixels_are_blended_over_black(tmp_path, mode):
    colour = GREY[..., None] if mode == "LA" else RGB
    alpha = np.full((4, 6, 1), 255, np.uint8)
    opaque = save(tmp_path / "o.png", Image.fromarray(np.concatenate([colour, alpha], axis=2)))
    np.testing.assert_array_equal(read_image(opaque), colour)
    alpha[0], alpha[1] = 0, 51
    seen = read_image(save(tmp_path / "t.png", Image.fromarray(np.concatenate([colour, alpha], axis=2))))
    np.testing.assert_array_equal(seen[0], 0)
    np.testing.assert_array_equal(seen[1], np.rint(colour[1] * 0.2))
    np.testing.assert_array_equal(seen[2:], colour[2:])


def test_a_colour_declared_transparent_is_blended_too(tmp_path):
    seen = read_image(save(tmp_path / "a.png", Image.fromarray(GREY), transparency=int(GREY[2, 3])))
    expected = GREY.copy()
    expected[2, 3] = 0
    np.testing.assert_array_equal(seen[..., 0], expected)


def test_pa_is_read_like_rgba(tmp_path):
    picture = Image.fromarray(RGB).convert("P").convert("PA")
    assert read_image(save(tmp_path / "a.tif", picture)).shape == (4, 6, 3)


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr"])
def test_cmyk_and_ycbcr_become_rgb_as_pillow_converts_them(tmp_path, mode):
    picture = Image.fromarray(RGB).convert(mode)
    expected = np.array(picture.convert("RGB"))
    np.testing.assert_array_equal(read_image(save(tmp_path / "a.tif", picture)), expected)


def test_lab_becomes_srgb(tmp_path):
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    smooth = np.full((4, 6, 3), (120, 90, 60), np.uint8)
    picture = ImageCms.profileToProfile(Image.fromarray(smooth), srgb, lab, outputMode="LAB")
    seen = read_image(save(tmp_path / "a.tif", picture))
    assert np.abs(seen.astype(int) - smooth).max() <= 2


@pytest.mark.parametrize(("mode", "order"), [("I;16", "<"), ("I;16B", ">")])
def test_16_bit_grey_keeps_every_level_on_the_255_scale(tmp_path, mode, order):
    levels = np.arange(0, 65536, 16, dtype=np.uint16).reshape(64, 64)
    picture = Image.frombytes(mode, (64, 64), levels.astype(f"{order}u2").tobytes())
    pixels = read_image(save(tmp_path / "a.tif", picture))
    assert pixels.dtype == np.float32
    np.testing.assert_allclose(pixels[..., 0], levels / 257, rtol=1e-6)
    assert len(np.unique(pixels)) == 4096


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [3, 4])
def test_16_bit_colour_tiff_keeps_its_low_bytes(tmp_path, order, channels):
    pixels = np.concatenate([WIDE, np.full((4, 6, 1), 65535, np.uint16)], axis=2)[..., :channels]
    seen = read_image(tiff(tmp_path / "a.tif", pixels, order=order, extra=(2,) if channels == 4 else ()))
    np.testing.assert_allclose(seen, WIDE / 257, rtol=1e-6)


@pytest.mark.parametrize("order", ["<", ">"])
def test_16_bit_colour_survives_compression(tmp_path, order):
    path = tiff(tmp_path / "a.tif", WIDE, order=order, deflate=True)
    np.testing.assert_allclose(read_image(path), WIDE / 257, rtol=1e-6)


@pytest.mark.parametrize("alpha", [65535, 0x8080])
def test_16_bit_colour_png_keeps_its_low_bytes(tmp_path, alpha):
    np.testing.assert_allclose(read_image(sixteen_bit_png(tmp_path / "a.png", WIDE, 2)), WIDE / 257, rtol=1e-6)
    with_alpha = np.concatenate([WIDE, np.full((4, 6, 1), alpha, np.uint16)], axis=2)
    seen = read_image(sixteen_bit_png(tmp_path / "b.png", with_alpha, 6))
    np.testing.assert_allclose(seen, WIDE / 257 * (alpha / 65535), rtol=1e-5)


def test_32_bit_integers_are_taken_as_16_bit_ones_and_refused_beyond(tmp_path):
    levels = np.arange(24, dtype=np.int32).reshape(4, 6) * 2800
    np.testing.assert_allclose(
        read_image(save(tmp_path / "a.tif", Image.fromarray(levels)))[..., 0], levels / 257, rtol=1e-6
    )
    with pytest.raises(DataError, match="got int32 values 0 to 70000"):
        read_image(save(tmp_path / "b.tif", Image.fromarray(np.array([[0, 70000]], np.int32))))


def test_floats_lie_in_0_to_1(tmp_path):
    levels = np.linspace(0, 1, 24, dtype=np.float32).reshape(4, 6)
    np.testing.assert_allclose(read_image(save(tmp_path / "a.tif", Image.fromarray(levels)))[..., 0], levels * 255)
    for bad in (levels * 2, levels - 1, np.where(levels > 0.5, np.nan, levels)):
        with pytest.raises(DataError, match="expected floats in 0 to 1, got"):
            read_image(save(tmp_path / "b.tif", Image.fromarray(bad)))


@pytest.mark.parametrize("channels", [1, 2, 3, 5, 12])
def test_npy_arrays_have_any_number_of_channels(tmp_path, channels):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, channels), dtype=np.uint8)
    np.save(tmp_path / "a.npy", pixels)
    np.testing.assert_array_equal(read_image(tmp_path / "a.npy"), pixels)
    np.save(tmp_path / "b.npy", (pixels / 255).astype(np.float32))
    np.testing.assert_allclose(read_image(tmp_path / "b.npy"), pixels, atol=1e-4)
    np.save(tmp_path / "c.npy", pixels.astype(np.uint16) * 257)
    np.testing.assert_array_equal(read_image(tmp_path / "c.npy"), pixels.astype(np.float32))
    assert image_size(tmp_path / "a.npy") == (4, 6)


def test_npy_files_with_objects_or_odd_shapes_are_refused(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}], object), allow_pickle=True)
    np.save(tmp_path / "flat.npy", np.zeros(5))
    np.save(tmp_path / "complex.npy", np.zeros((4, 4), complex))
    np.savez(tmp_path / "archive", a=np.zeros((4, 4)))
    (tmp_path / "archive.npz").rename(tmp_path / "archive.npy")
    (tmp_path / "short.npy").write_bytes(b"\x93NUMPY\x01\x00")
    for name in ("objects", "flat", "complex", "archive", "short", "absent"):
        with pytest.raises(DataError, match=f"{name}.npy: expected"):
            read_image(tmp_path / f"{name}.npy")


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [2, 4, 5, 9])
def test_a_tiff_keeps_the_channels_that_pillow_would_drop_or_take_for_alpha(tmp_path, channels):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, channels), dtype=np.uint8)
    path = tiff(tmp_path / "a.tif", pixels, photometric=1, extra=(0, 0)[: channels - 1])
    np.testing.assert_array_equal(read_image(path), pixels)


def test_pixels_pillow_would_change_silently_are_refused(tmp_path):
    five = np.concatenate([RGB, RGB[..., :2]], axis=2)
    cases = {
        "expected 1, 3 or 4 channels, got 5": tiff(tmp_path / "ink.tif", five, photometric=5, extra=(0,)),
        "in which 0 is white": tiff(tmp_path / "inverted.tif", WIDE[..., 0], photometric=0),
        "got LA;16B": sixteen_bit_png(tmp_path / "la.png", WIDE[..., :2], 4),
        "got CMYK;16L": tiff(tmp_path / "cmyk.tif", np.concatenate([WIDE, WIDE[..., :1]], axis=2), photometric=5),
    }
    for message, path in cases.items():
        with pytest.raises(DataError, match=message):
            read_image(path)


def test_several_pages_are_refused_but_overviews_and_camera_previews_are_not(tmp_path):
    first, second = Image.fromarray(RGB), Image.fromarray(RGB[::2, ::2])
    two = save(tmp_path / "two.tif", first, save_all=True, append_images=[second])
    with pytest.raises(DataError, match="expected one picture, got 2 pages or frames"):
        read_image(two)
    moving = save(tmp_path / "moving.webp", first, save_all=True, append_images=[Image.fromarray(RGB[::-1])])
    with pytest.raises(DataError, match="got 2 pages or frames"):
        read_image(moving)
    overview = Image.fromarray(RGB[::2, ::2])
    overview.encoderinfo = {"tiffinfo": {254: 1}}
    path = save(tmp_path / "overview.tif", first, save_all=True, append_images=[overview])
    np.testing.assert_array_equal(read_image(path), RGB)
    camera = save(tmp_path / "a.jpg", first, format="MPO", save_all=True, append_images=[second])
    assert read_image(camera).shape == (4, 6, 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "got an empty file"),
        (b"%PDF-1.4", "got a PDF"),
        (b"%!PS-Adobe", "got an EPS"),
        (b"GIF89a", "got a GIF"),
        (b"\n <svg xmlns=", "got an SVG"),
        (b"\0\0\0\x18ftypheic", "got an HEIC or AVIF"),
        (b"version https://git-lfs.github.com/spec/v1", "Git LFS pointer"),
        (b"hello", "got something else"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 30, "cannot decode it"),
        (b"BM" + b"\xff" * 60, "cannot decode it"),
    ],
)
def test_files_that_are_no_picture_are_named(tmp_path, content, message):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    for read in (read_image, read_mask, image_size):
        with pytest.raises(DataError, match=message):
            read(path)


def test_missing_files_folders_and_truncated_pictures_are_data_errors(tmp_path):
    whole = save(tmp_path / "a.png", Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)))
    cut = tmp_path / "cut.png"
    cut.write_bytes(whole.read_bytes()[:2000])
    for path in (tmp_path / "absent.png", tmp_path, cut):
        with pytest.raises(DataError):
            read_image(path)


def test_the_pixel_cap_is_checked_on_the_header(tmp_path):
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    path = tmp_path / "bomb.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataError, match="expected at most 200,000,000 pixels, got 30000 x 30000"):
            read_image(path)
        assert image_size(path) == (30_000, 30_000)
    small = save(tmp_path / "a.png", Image.fromarray(GREY))
    with pytest.raises(DataError, match="at most 23 pixels, got 4 x 6 = 24"):
        read_mask(small, max_pixels=23)
    np.save(tmp_path / "a.npy", GREY)
    with pytest.raises(DataError, match="at most 23 pixels"):
        read_image(tmp_path / "a.npy", max_pixels=23)


def refusal(path: Path) -> str:
    """What both readers say about a file, "" when they read it; anything but a DataError fails the test."""
    said = ""
    for read in (read_image, read_mask):
        try:
            read(path, 1_000_000)
        except DataError as error:
            said = str(error)
    return said


@pytest.mark.parametrize("ending", ["png", "jpg", "tif", "webp", "bmp", "npy"])
@pytest.mark.filterwarnings("ignore")
def test_damaged_bytes_never_raise_anything_but_a_data_error(tmp_path, ending):
    pixels = np.tile(RGB, (4, 4, 1))
    source = tmp_path / f"a.{ending}"
    np.save(source, pixels) if ending == "npy" else save(source, Image.fromarray(pixels))
    whole = source.read_bytes()
    generator = np.random.default_rng(0)
    path = tmp_path / f"b.{ending}"
    refusals = []
    for _ in range(150):
        damaged = bytearray(whole)
        for place in generator.integers(0, len(whole), 4):
            damaged[place] = generator.integers(0, 256)
        path.write_bytes(damaged[: generator.integers(1, len(whole) + 1)] if generator.random() < 0.3 else damaged)
        refusals.append(refusal(path))
    assert any(refusals)
    assert all(said.startswith(f"{path}: ") for said in refusals if said)


# --- orientation -----------------------------------------------------------------------------------------------------

UPRIGHT = {
    1: RGB,
    2: RGB[:, ::-1],
    3: RGB[::-1, ::-1],
    4: RGB[::-1],
    5: RGB.swapaxes(0, 1),
    6: np.rot90(RGB, -1),
    7: np.rot90(RGB, 2).swapaxes(0, 1),
    8: np.rot90(RGB),
}


@pytest.mark.parametrize("ending", ["png", "tif", "webp"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_all_eight_exif_orientations_are_applied_to_images_masks_and_sizes(tmp_path, orientation, ending):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(
        tmp_path / f"a.{ending}", Image.fromarray(RGB), exif=exif, **({"lossless": True} if ending == "webp" else {})
    )
    np.testing.assert_array_equal(read_image(path), UPRIGHT[orientation])
    np.testing.assert_array_equal(read_mask(path), UPRIGHT[orientation])
    assert image_size(path) == UPRIGHT[orientation].shape[:2]
    assert read_image(path).flags.c_contiguous


def test_jpeg_orientation_and_a_png_chunk_behind_the_pixels(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    assert image_size(save(tmp_path / "a.jpg", Image.fromarray(RGB), exif=exif)) == (6, 4)
    content = save(tmp_path / "a.png", Image.fromarray(RGB)).read_bytes()
    body = exif.tobytes()[6:]
    chunk = struct.pack(">I", len(body)) + b"eXIf" + body + struct.pack(">I", zlib.crc32(b"eXIf" + body))
    (tmp_path / "b.png").write_bytes(content[:-12] + chunk + content[-12:])
    assert image_size(tmp_path / "b.png") == (6, 4)
    np.testing.assert_array_equal(read_image(tmp_path / "b.png"), UPRIGHT[6])


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x2a\0\0\0"]
)
def test_a_damaged_or_absurd_orientation_leaves_the_image_as_stored(tmp_path, exif):
    path = save(tmp_path / "a.png", Image.fromarray(RGB), exif=exif)
    np.testing.assert_array_equal(read_image(path), RGB)


# --- masks -----------------------------------------------------------------------------------------------------------


def test_palette_masks_keep_their_indices_and_show_their_colours(tmp_path):
    picture = Image.fromarray(GREY // 10 % 3).convert("P")
    picture.frombytes((GREY // 10 % 3).tobytes())
    picture.putpalette([9, 8, 7, 100, 0, 0, 0, 50, 200])
    for ending in ("png", "tif", "bmp"):
        path = save(tmp_path / f"a.{ending}", picture)
        np.testing.assert_array_equal(read_mask(path), GREY // 10 % 3)
        palette = mask_palette(path)
        assert palette is not None
        assert palette[:3] == ((9, 8, 7), (100, 0, 0), (0, 50, 200))
    assert mask_palette(save(tmp_path / "grey.png", Image.fromarray(GREY))) is None


@pytest.mark.parametrize("bits", [2, 4])
def test_2_and_4_bit_grey_masks_keep_their_numbers(tmp_path, bits):
    ids = GREY // 10 % 2**bits
    stretched = (ids * (255 // (2**bits - 1))).astype(np.uint8)
    path = save(tmp_path / "a.png", Image.fromarray(stretched), bits=bits)
    with Image.open(path) as picture:
        stored = picture.tile[0].args
    expected = ids if stored == f"L;{bits}" else stretched
    assert stored == f"L;{bits}", "the test needs a file with that bit depth"
    np.testing.assert_array_equal(read_mask(path), expected)


def test_16_bit_and_float_masks_are_whole_numbers(tmp_path):
    ids = GREY.astype(np.uint16) * 100
    picture = Image.frombytes("I;16", (6, 4), ids.tobytes())
    mask = read_mask(save(tmp_path / "a.png", picture))
    assert mask.dtype == np.uint16
    np.testing.assert_array_equal(mask, ids)
    np.testing.assert_array_equal(read_mask(save(tmp_path / "b.tif", Image.fromarray(GREY.astype(np.float32)))), GREY)
    for bad in (GREY + 0.5, GREY - 1.0, np.full((4, 6), np.nan)):
        with pytest.raises(DataError, match="expected whole numbers from 0 to 65535"):
            read_mask(save(tmp_path / "c.tif", Image.fromarray(bad.astype(np.float32))))


def test_transparent_mask_pixels_are_zero_and_half_transparent_ones_refused(tmp_path):
    alpha = np.full((4, 6, 1), 255, np.uint8)
    alpha[0] = 0
    path = save(tmp_path / "a.png", Image.fromarray(np.concatenate([RGB, alpha], axis=2)))
    np.testing.assert_array_equal(read_mask(path), RGB * (alpha == 255))
    alpha[1] = 128
    with pytest.raises(DataError, match="half-transparent"):
        read_mask(save(tmp_path / "b.png", Image.fromarray(np.concatenate([RGB, alpha], axis=2))))


def test_masks_in_print_or_16_bit_colours_are_refused(tmp_path):
    cmyk = save(tmp_path / "a.tif", Image.fromarray(RGB).convert("CMYK"))
    for path in (cmyk, sixteen_bit_png(tmp_path / "b.png", WIDE, 2)):
        with pytest.raises(DataError, match="save this mask as an 8-bit index PNG"):
            read_mask(path)


def test_npy_masks(tmp_path):
    np.save(tmp_path / "a.npy", GREY.astype(np.int64)[..., None])
    np.testing.assert_array_equal(read_mask(tmp_path / "a.npy"), GREY)
    np.save(tmp_path / "b.npy", GREY > 50)
    np.testing.assert_array_equal(read_mask(tmp_path / "b.npy"), (GREY > 50) * 255)
    np.save(tmp_path / "c.npy", np.zeros((4, 6, 2)))
    with pytest.raises(DataError, match="expected one value or three per pixel, got 2"):
        read_mask(tmp_path / "c.npy")


# --- channels --------------------------------------------------------------------------------------------------------


def test_to_channels_repeats_grey_weighs_colour_and_refuses_the_rest():
    np.testing.assert_array_equal(to_channels(GREY[..., None], 3), np.stack([GREY] * 3, axis=2))
    assert to_channels(RGB, 3) is RGB
    luma = 0.299 * RGB[..., 0] + 0.587 * RGB[..., 1] + 0.114 * RGB[..., 2]
    np.testing.assert_array_equal(to_channels(RGB, 1)[..., 0], np.rint(luma))
    np.testing.assert_allclose(to_channels(RGB.astype(np.float32), 1)[..., 0], luma, rtol=1e-6)
    with pytest.raises(DataError, match="expected an image with 4 channels, got 3"):
        to_channels(RGB, 4)


@pytest.mark.shared
def test_real_images_and_masks_have_the_size_their_header_promises(shared):
    for pattern in ("nuclei/*/*.png", "retina/*/*.png", "cracks/*/*", "aerial/*/*/*", "camvid/val*/*"):
        paths = sorted((shared / "data").glob(pattern))[::8]
        assert paths
        for path in paths:
            image, mask = read_image(path), read_mask(path)
            assert image.shape[:2] == mask.shape[:2] == image_size(path)
            assert image.dtype == mask.dtype == np.uint8
