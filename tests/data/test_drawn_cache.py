"""Masks drawn once: what is kept, where, and that nothing half-written is ever taken."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import numpy as np
import pytest

from segue.data.drawn import cache
from segue.data.drawn.cache import (
    BrokenAnnotationError,
    Drawing,
    Job,
    cache_folder,
    draw_missing,
    drawn_folder,
    is_whole,
    mask_path,
)
from segue.data.image import mask_palette, read_mask
from segue.errors import DataError

PALETTE = ((0, 0, 0), (255, 0, 0))


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGUE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Pencil:
    """Draws masks and counts how often it was asked to."""

    def __init__(self) -> None:
        self.drawn: list[str] = []

    def job(self, name: str, findings=(), broken: bool = False) -> Job:
        def draw() -> Drawing:
            self.drawn.append(name)
            if broken:
                raise BrokenAnnotationError("ANN_FILE", "damaged")
            return Drawing(np.array([[0, 1, 255]], np.uint8), tuple(findings))

        return Job(name, Path(f"{name}.jpg"), draw)


def test_masks_are_drawn_once_and_hold_what_was_drawn(caplog):
    pencil, folder = Pencil(), drawn_folder([b"content"])
    with caplog.at_level(logging.INFO, logger="segue"):
        for _ in range(2):
            assert draw_missing(folder, [pencil.job("train/a"), pencil.job("train/b")], PALETTE, "a set") == []
    assert sorted(pencil.drawn) == ["train/a", "train/b"]
    assert caplog.text.count("drawing 2 masks of a set (once: they are kept in") == 1
    assert read_mask(mask_path(folder, "train/a")).tolist() == [[0, 1, 255]]
    assert mask_palette(mask_path(folder, "train/a"))[1] == (255, 0, 0)
    assert {path.name for path in folder.rglob("*") if path.is_file()} == {"a.png", "b.png"}


def test_other_content_and_another_way_of_drawing_have_a_folder_of_their_own(place, monkeypatch):
    folder = drawn_folder([b"ab", b"c"])
    assert folder.parent == place / "drawn"
    assert drawn_folder([b"ab", b"c"]) == folder
    assert len({folder, drawn_folder([b"a", b"bc"]), drawn_folder([b"abc"])}) == 3
    monkeypatch.setattr(cache, "DRAWING", 99)
    assert drawn_folder([b"ab", b"c"]) != folder


def test_a_mask_that_was_cut_short_is_drawn_again():
    pencil, folder = Pencil(), drawn_folder([b"content"])
    draw_missing(folder, [pencil.job("a")], PALETTE, "a set")
    path = mask_path(folder, "a")
    whole = path.read_bytes()
    for damaged in (b"", whole[:5], whole[:-1]):
        path.write_bytes(damaged)
        assert not is_whole(path)
        draw_missing(folder, [pencil.job("a")], PALETTE, "a set")
        assert path.read_bytes() == whole
    assert len(pencil.drawn) == 4


def test_an_interrupted_drawing_leaves_whole_masks_only_and_goes_on(monkeypatch):
    pencil, folder = Pencil(), drawn_folder([b"content"])
    jobs = [pencil.job(f"{number:02d}") for number in range(20)]
    real = Path.replace

    def power_cut(self: Path, target: Path) -> Path:
        if Path(target).name >= "10.png":
            raise KeyboardInterrupt
        return real(self, target)

    monkeypatch.setattr(Path, "replace", power_cut)
    with pytest.raises(KeyboardInterrupt):
        draw_missing(folder, jobs, PALETTE, "a set")
    monkeypatch.undo()
    assert all(is_whole(path) for path in folder.iterdir())
    draw_missing(folder, jobs, PALETTE, "a set")
    assert len(list(folder.iterdir())) == 20


def test_findings_are_told_again_without_drawing_again():
    pencil, folder = Pencil(), drawn_folder([b"content"])
    job = pencil.job("a", findings=[("ANN_SHAPE", "shape 3: a line")])
    for _ in range(2):
        (found,) = draw_missing(folder, [job], PALETTE, "a set")
        assert (found.code, found.severity, found.path, found.message) == (
            "ANN_SHAPE", "warning", Path("a.jpg"), "shape 3: a line",
        )  # fmt: skip
    assert pencil.drawn == ["a"]


def test_an_annotation_that_cannot_be_drawn_leaves_a_finding_and_no_mask():
    pencil, folder = Pencil(), drawn_folder([b"content"])
    for _ in range(2):
        (found,) = draw_missing(folder, [pencil.job("a", broken=True)], PALETTE, "a set")
        assert (found.code, found.severity, found.message) == ("ANN_FILE", "error", "damaged")
    assert not mask_path(folder, "a").exists()


def test_a_cache_that_cannot_be_written_is_one_line(place):
    place.write_text("a file where the folder should be")
    with pytest.raises(DataError, match=r"cannot keep drawn masks here .*set SEGUE_CACHE to a folder with room"):
        draw_missing(drawn_folder([b"x"]), [Pencil().job("a")], PALETTE, "a set")


@pytest.mark.parametrize(
    ("system", "variables", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/somewhere"}, Path("/somewhere/segue")),
        ("linux", {}, Path("/me/.cache/segue")),
        ("darwin", {}, Path("/me/Library/Caches/segue")),
        ("win32", {"LOCALAPPDATA": "/me/local"}, Path("/me/local/segue/cache")),
        ("linux", {"SEGUE_CACHE": "/told"}, Path("/told")),
    ],
)
def test_the_cache_lies_where_the_system_keeps_caches(monkeypatch, system, variables, expected):
    for name in ("SEGUE_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(Path, "home", lambda: Path("/me"))
    assert cache_folder() == expected
