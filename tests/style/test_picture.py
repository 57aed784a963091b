"""Pictures in and out: upright, in range, in one step."""

import numpy as np
import pytest
import torch
from PIL import Image

from segue.errors import DataError, RunError, UsageError
from segue.style.picture import as_picture, read_picture, resized, size_within, write_picture


def test_a_picture_is_read_upright_in_rgb(tmp_path):
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[0, :, 0] = 255  # a red first row
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter to the right
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    picture = read_picture(tmp_path / "turned.png")
    assert picture.shape == (1, 3, 6, 4)
    assert (picture[0, 0, :, 3] == 1).all(), "the first row is the last column now"
    assert picture[0, 1:].sum() == 0


def test_grey_is_repeated(tmp_path):
    Image.fromarray(np.full((3, 5), 51, np.uint8)).save(tmp_path / "grey.png")
    assert torch.allclose(read_picture(tmp_path / "grey.png"), torch.full((1, 3, 3, 5), 0.2))


def test_other_pixels_are_refused_by_name(tmp_path):
    np.save(tmp_path / "four.npy", np.zeros((4, 4, 4), np.uint8))
    with pytest.raises(DataError, match=r"four\.npy: expected a grey or RGB picture, got 4 channels"):
        read_picture(tmp_path / "four.npy")


@pytest.mark.parametrize("ending", ["png", "jpg", "JPEG"])
def test_what_is_written_is_read_again(tmp_path, ending):
    path, picture = tmp_path / f"out.{ending}", torch.linspace(-0.1, 1.1, 3 * 15 * 17).view(1, 3, 15, 17)
    write_picture(path, picture)
    tolerance = 0.5 / 255 if ending == "png" else 0.03
    assert torch.allclose(read_picture(path), picture.clamp(0, 1), atol=tolerance + 1e-6)
    assert [one.name for one in tmp_path.iterdir()] == [path.name], "no temporary file is left"


def test_endings_and_folders_are_checked(tmp_path):
    with pytest.raises(UsageError, match="expected a picture ending in"):
        write_picture(tmp_path / "out.bmp", torch.zeros(1, 3, 2, 2))
    with pytest.raises(RunError):
        write_picture(tmp_path / "absent" / "out.png", torch.zeros(1, 3, 2, 2))


@pytest.mark.parametrize(("size", "side", "expected"), [((3, 1000), 10, (1, 10)), ((7, 7), 14, (14, 14))])
def test_a_side_is_never_nothing(size, side, expected):
    assert size_within(*size, side) == expected


def test_resizing_stays_in_range():
    steps = torch.zeros(1, 3, 8, 8)
    steps[..., 4:] = 1
    for size in ((3, 5), (16, 31)):
        found = resized(steps, size)
        assert found.shape[2:] == size
        assert found.min() >= 0
        assert found.max() <= 1


def test_pixels_become_values_to_the_bit_and_stay_as_they_are():
    """Strips, pixels that may not be written, and a single one, which is not copied on the way."""
    levels = np.arange(256 * 3, dtype=np.uint8).reshape(16, 16, 3)
    levels.flags.writeable = False
    wide = np.random.default_rng(0).random((1, 1, 3), np.float32) * 255
    for pixels in (levels, levels[3:9, ::2], wide):
        before = pixels.copy()
        found = as_picture(pixels)
        assert np.array_equal(found[0].permute(1, 2, 0).numpy(), before.astype(np.float32) / np.float32(255))
        assert (found.dtype, found.is_contiguous()) == (torch.float32, True)
        assert np.array_equal(pixels, before)
