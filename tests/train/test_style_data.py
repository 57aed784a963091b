"""Crops are drawn by where the run is, from any picture; what cannot be read is passed over."""

import pytest
import torch

from segue.errors import DataError
from segue.style.picture import read_picture, write_picture
from segue.train.style_data import Crops, StyleSet
from tiny_painter import folder_of_photos
from tiny_style import picture


@pytest.fixture
def paths(tmp_path):
    return sorted(folder_of_photos(tmp_path).iterdir())


def test_the_same_place_gives_the_same_crop_and_another_gives_another(paths):
    one, other = Crops(paths, 32, 5), Crops(paths, 32, 5)
    other.at(7, 2)  # what was drawn before does not count
    assert torch.equal(one.at(3, 1), other.at(3, 1))
    assert not torch.equal(one.at(3, 1), one.at(4, 1))
    assert not torch.equal(one.at(3, 1), Crops(paths, 32, 6).at(3, 1))


@pytest.mark.parametrize("size", [16, 32, 33, 90])
def test_crops_have_their_size_from_pictures_of_any(paths, size):
    crops = Crops(paths, size, 0)
    for index in range(len(paths)):
        crop = crops.at(0, index)
        assert crop.shape == (3, size, size)
        assert 0 <= crop.min() <= crop.max() <= 1
        assert crop.std() > 0.01


def test_a_pass_shows_every_picture_once(paths):
    crops = Crops(paths, 16, 0)
    seen = []
    crops.at = lambda epoch, index: seen.append((epoch, index)) or torch.zeros(3, 16, 16)
    for step in range(4):
        crops.batch(step, 2)
    assert sorted(seen) == [(epoch, index) for epoch in (0, 1) for index in range(4)]


def test_a_file_that_is_no_picture_is_named_once_and_passed_over(paths, caplog, monkeypatch):
    monkeypatch.setattr("logging.Logger.propagate", True, raising=False)
    paths[1].write_bytes(b"no picture")
    crops = Crops(paths, 32, 0)
    first = crops.at(0, 1)
    assert torch.equal(first, crops.at(0, 1))
    assert first.shape == (3, 32, 32)
    with pytest.raises(DataError, match="expected a picture that can be read, got 1 that cannot"):
        Crops(paths[1:2], 32, 0).at(0, 0)


def test_colours_come_through(tmp_path):
    flat = torch.tensor([0.9, 0.2, 0.4]).view(1, 3, 1, 1).expand(1, 3, 50, 70)
    write_picture(tmp_path / "flat.png", flat)
    crop = Crops([tmp_path / "flat.png"], 24, 0).at(0, 0)
    assert (crop - read_picture(tmp_path / "flat.png")[0, :, :1, :1]).abs().max() < 1e-3


def test_styles_take_turns(paths):
    data = StyleSet(Crops(paths, 16, 0), 2, rows=(4, 5, 6))
    assert [data.at(step).index.tolist() for step in range(3)] == [[4, 5], [6, 4], [5, 6]]
    assert data.at(0).style is None


def test_the_stream_goes_on_where_it_is_asked_to(paths):
    data = StyleSet(Crops(paths, 16, 0), 2, styles=Crops(paths, 24, 1 << 32))
    stream = data.stream(3)
    for step in (3, 4):
        batch, expected = next(stream), data.at(step)
        assert torch.equal(batch.content, expected.content)
        assert torch.equal(batch.style, expected.style)
        assert batch.style.shape == (2, 3, 24, 24)
        assert batch.index is None
    stream.close()


def test_a_large_picture_is_kept_small(tmp_path):
    write_picture(tmp_path / "large.png", picture(0, 300, 500))
    crops = Crops([tmp_path / "large.png"], 32, 0)
    crops.at(0, 0)
    assert [tuple(kept.shape) for kept in crops._kept.values()] == [(3, 64, 107)]
