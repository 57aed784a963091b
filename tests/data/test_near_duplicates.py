"""Near duplicates: what was done to a picture is told, different pictures are not, and groups keep copies together."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance
from scipy.ndimage import gaussian_filter

from fakes import write_folders
from segue.configs import DataConfig
from segue.data.doctor import examine
from segue.data.doctor.likeness import SIDE, likeness
from segue.data.doctor.matching import evidence, match
from segue.data.doctor.near import find_near
from segue.data.doctor.proposing import ORDER, Candidate, Parts
from segue.data.formats import open_index
from segue.data.grouping import keep_together
from segue.data.image import read_image
from segue.data.index import Index, Sample
from segue.data.parallel import silent
from segue.data.prepare import prepare


def scene(seed: int, size: int = 128) -> Image.Image:
    """Blobs of many sizes: a made-up picture with something everywhere."""
    noise = np.random.default_rng(seed).normal(size=(size, size, 3))
    layers = [gaussian_filter(noise, (sigma, sigma, 0)) * sigma for sigma in (1.5, 4, 12)]
    return Image.fromarray(np.clip(128 + 70 * sum(layers), 0, 255).astype(np.uint8))


def compressed(picture: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


COPIES = {
    "compressed": lambda p: compressed(p, 30),
    "resized": lambda p: p.resize((70, 82)),
    "relit": lambda p: ImageEnhance.Contrast(ImageEnhance.Brightness(p).enhance(1.2)).enhance(0.7),
    "mirrored": lambda p: p.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "cropped": lambda p: p.crop((13, 31, 13 + 90, 31 + 90)),
    "cropped to another shape": lambda p: p.crop((20, 5, 20 + 80, 5 + 112)),
    "cropped, mirrored, compressed": lambda p: compressed(
        p.crop((30, 2, 30 + 95, 2 + 95)).transpose(Image.Transpose.FLIP_LEFT_RIGHT), 60
    ),
}


def seen(pictures: list[Image.Image]) -> list[bytes]:
    likes = [likeness(np.asarray(picture)) for picture in pictures]
    assert None not in likes
    return likes


@pytest.mark.parametrize("how", COPIES)
def test_copies_are_found_and_nothing_else(how):
    originals = [scene(seed) for seed in range(9)]
    copies = [COPIES[how](picture) for picture in originals[:3]]
    found = find_near(seen([*originals, *copies]))
    assert {(min(one.first, one.second), max(one.first, one.second)) for one in found} == {
        (number, 9 + number) for number in range(3)
    }
    assert all(("mirrored" in one.kind) == ("mirrored" in how) for one in found)
    assert all(("cropped" in one.kind) == ("cropped" in how) for one in found)


def test_the_place_of_a_part_is_measured_to_a_hundredth():
    whole = scene(3, 192)
    part = whole.crop((30, 60, 30 + 130, 60 + 122))
    pictures = np.frombuffer(b"".join(seen([whole, part])), np.uint8).reshape(-1, SIDE, SIDE)
    near = np.array([0.1, 0.8, 0.3, 1.0], np.float32)
    (fit,) = match(pictures, [Candidate(0, 1, False, near)], evidence(pictures))
    np.testing.assert_allclose(fit.box, [30 / 192, 160 / 192, 60 / 192, 182 / 192], atol=0.01)
    assert fit.agreement > 0.8


def test_a_part_is_described_as_the_part_alone_would_be():
    whole = np.asarray(scene(5, 96).convert("L"))
    parts = Parts()
    described = parts.describe(whole[None])[0]
    number = next(i for i in range(len(described)) if np.allclose(parts.box(i), [0.25, 1, 0.25, 1], atol=0.06))
    left, right, top, bottom = (round(float(side) * SIDE) for side in parts.box(number))
    alone = likeness(whole[top:bottom, left:right, None])
    expected = parts.describe(np.frombuffer(alone, np.uint8).reshape(1, SIDE, SIDE))[0, 0]
    assert described.shape[1] == ORDER**2
    assert described[number] @ expected > 0.97


def test_what_all_pictures_of_a_set_share_is_no_evidence():
    """The edge of a round field of view: without its weight, all pictures behind it would be one."""
    rows, columns = np.mgrid[:128, :128] - 64
    inside = (rows**2 + columns**2 < 50**2)[..., None]
    behind = [Image.fromarray((np.asarray(scene(seed)) * 0.15 + 100).astype(np.uint8) * inside) for seed in range(12)]
    assert find_near(seen(behind)) == []
    (one,) = find_near(seen([*behind, compressed(behind[4], 50)]))
    assert (one.first, one.second) in ((4, 12), (12, 4))


def test_a_place_is_found_from_afar_under_uneven_light():
    for seed in range(6):
        whole = Image.fromarray(
            (np.asarray(scene(seed, 192)) * np.linspace(0.3, 1, 192)[:, None, None]).astype(np.uint8)
        )
        pictures = np.frombuffer(b"".join(seen([whole, whole.crop((20, 36, 150, 170))])), np.uint8)
        pictures = pictures.reshape(-1, SIDE, SIDE)
        far = np.array([20, 150, 36, 170], np.float32) / 192 + np.array([0.06, -0.06, -0.06, 0.06], np.float32)
        (fit,) = match(pictures, [Candidate(0, 1, False, far)], evidence(pictures))
        np.testing.assert_allclose(np.array(fit.box) * 192, [20, 150, 36, 170], atol=1.5)


def test_plain_pictures_are_not_compared():
    assert likeness(np.full((40, 40, 3), 200, np.uint8)) is None
    assert find_near([]) == []


@pytest.mark.parametrize("at_once", [1, 7])
def test_what_is_found_does_not_depend_on_how_many_are_compared_at_a_time(at_once, monkeypatch):
    originals = [scene(seed) for seed in range(5)]
    likes = seen([*originals, *(copy(picture) for picture in originals for copy in COPIES.values())])
    found = find_near(likes)
    monkeypatch.setattr("segue.data.doctor.near._BATCH", at_once)
    again = find_near(likes)
    assert [(one.first, one.second, one.kind) for one in again] == [(one.first, one.second, one.kind) for one in found]
    assert len(found) > 5 * len(COPIES)


def test_many_images_are_compared_as_wholes(monkeypatch):
    originals = [scene(seed) for seed in range(6)]
    monkeypatch.setattr("segue.data.doctor.near.MOST", 5)
    copies = [COPIES["cropped"](originals[0]), COPIES["compressed"](originals[1])]
    (one,) = find_near(seen([*originals, *copies]))
    assert {one.first, one.second} == {1, 7}


def test_the_doctor_says_that_parts_were_not_looked_for(tmp_path, monkeypatch):
    index = open_index([write_folders(tmp_path / "data", count=4)])
    assert "SET_PARTS_UNSEEN" not in {found.code for found in examine(index).problems}
    monkeypatch.setattr("segue.data.doctor.leakage.MOST", 3)
    assert "SET_PARTS_UNSEEN" in {found.code for found in examine(index).problems}


def test_groups_of_copies_and_what_they_are_merged_with_stay_together():
    samples = tuple(
        Sample(name, Path(name), Path(name), "", group) for name, group in zip("abcdef", "112233", strict=True)
    )
    index = keep_together(Index(Path(), "folders", samples), [("b", "c"), ("a", "d")])
    assert [s.group for s in index.samples] == ["1", "1", "1", "1", "3", "3"]
    alone = Index(Path(), "folders", tuple(replace(s, group="") for s in samples))
    assert [s.group for s in keep_together(alone, [("c", "b"), ("f", "c")]).samples] == ["", "b", "b", "", "", "b"]


def test_on_request_copies_lie_on_one_side_of_the_split(tmp_path):
    root = write_folders(tmp_path / "data", count=8)
    for number, path in enumerate(sorted((root / "images").iterdir())):
        with Image.open(path) as picture:
            size = picture.size
        source = scene(number // 2).resize(size)
        (source if number % 2 == 0 else COPIES["mirrored"](source)).save(path)

    def torn(group: bool) -> int:
        data = prepare((root,), DataConfig(group_duplicates=group), 0, silent)
        return sum(found.code == "LEAK_NEAR" for found in data.findings)

    assert torn(False) > 0
    assert torn(True) == 0


def test_a_place_that_collapses_is_given_up_without_a_warning():
    pictures = np.frombuffer(b"".join(seen([scene(1), scene(2)])), np.uint8).reshape(-1, SIDE, SIDE)
    thin = np.array([0.3, 0.72, 0.3, 0.72], np.float32)
    (fit,) = match(pictures, [Candidate(0, 1, True, thin)], evidence(pictures))
    assert -1 <= fit.agreement < 0.5


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("name", ["retina", "aerial"])
def test_copies_of_real_images_are_found_and_nothing_else(shared, name):
    paths = [sample.image for sample in open_index([shared / "data" / name]).samples]
    pictures = [Image.fromarray(read_image(path)) for path in paths]
    width, height = pictures[7].size
    corner = pictures[7].crop((width // 8, height // 9, width * 7 // 8, height * 8 // 9))
    found = find_near(seen([*pictures, compressed(pictures[3], 30), corner]))
    pairs = {(min(one.first, one.second), max(one.first, one.second)) for one in found}
    assert pairs == {(3, len(paths)), (7, len(paths) + 1)}
