"""`segue download` against made archives on a local disk; nothing here touches a network."""

from __future__ import annotations

import hashlib
import json
import shlex
import tarfile

import numpy as np
import pytest

import segue
from fake_layouts import write_cityscapes
from fakes import save_image, scene, write_voc
from segue.cli import main, parse
from segue.data.downloads import catalogue
from segue.data.downloads.catalogue import Archive, DataSet
from segue.data.formats import open_index
from segue.data.prepare import prepare


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGUE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A small VOC, packed as the real one is, in the place of the catalogue's."""
    root = write_voc(tmp_path / "source" / "VOCdevkit" / "VOC2012")
    path = tmp_path / "shelf" / "VOCtrainval_11-May-2012.tar"
    path.parent.mkdir()
    with tarfile.open(path, "w") as archive:
        archive.add(root.parent, "VOCdevkit")
    real = catalogue.CATALOGUE["voc2012"]
    md5 = hashlib.md5(path.read_bytes()).hexdigest()
    made = DataSet(real.about, real.terms, real.page, 0.1, real.use, (Archive((path.as_uri(),), md5),))
    monkeypatch.setitem(catalogue.CATALOGUE, "voc2012", made)
    return path


def test_a_set_is_fetched_checked_unpacked_and_read(shelf, tmp_path, cache, capsys):
    out = tmp_path / "voc"
    assert main(["download", "voc2012", "--out", str(out), "--json"]) == 0
    said = capsys.readouterr()
    printed = json.loads(said.out)
    assert (printed["fetched"], printed["use"]) == (True, f"segue fit {out}/VOCdevkit/VOC2012")
    assert printed["files"] == sum(path.is_file() for path in out.rglob("*"))
    assert said.err.index("terms: photographs from Flickr") >= 0
    assert open_index([out / "VOCdevkit" / "VOC2012"]).format == "voc"
    assert not any(cache.rglob("*.tar"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "shelf", "source", "voc"]


def test_archives_are_kept_on_request_and_not_fetched_again(shelf, tmp_path, cache):
    assert main(["download", "voc2012", "--out", str(tmp_path / "a"), "--keep"]) == 0
    assert [path.name for path in cache.rglob("*.tar")] == [shelf.name]
    shelf.unlink()
    assert main(["download", "voc2012", "--out", str(tmp_path / "b")]) == 0
    assert not list(cache.rglob("*.tar"))


def test_the_default_place_and_python(shelf, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = segue.download("voc2012")
    assert result.out.as_posix() == "data/voc2012"
    assert (tmp_path / "data" / "voc2012" / "VOCdevkit").is_dir()


def test_a_full_folder_is_refused_before_anything_is_fetched(shelf, tmp_path, cache, capsys):
    shelf.unlink()
    assert main(["download", "voc2012", "--out", str(tmp_path / "source")]) == 1
    assert "expected a new or empty folder, found files in it" in capsys.readouterr().err
    assert not cache.exists()


def test_a_wrong_checksum_and_a_hostile_archive_leave_no_folder(shelf, tmp_path, monkeypatch, capsys):
    good = catalogue.CATALOGUE["voc2012"]
    with tarfile.open(shelf, "a") as archive:
        archive.addfile(tarfile.TarInfo("../../evil"))
    out = tmp_path / "voc"
    assert main(["download", "voc2012", "--out", str(out)]) == 1
    assert "expected the MD5" in capsys.readouterr().err
    md5 = hashlib.md5(shelf.read_bytes()).hexdigest()
    bad = DataSet(good.about, good.terms, good.page, 0.1, good.use, (Archive((shelf.as_uri(),), md5),))
    monkeypatch.setitem(catalogue.CATALOGUE, "voc2012", bad)
    assert main(["download", "voc2012", "--out", str(out)]) == 1
    assert "expected plain files and folders" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "shelf", "source"]


@pytest.mark.parametrize("name", [name for name, one in catalogue.CATALOGUE.items() if one.steps])
def test_a_set_that_has_to_be_asked_for_says_how(name, tmp_path, capsys):
    assert main(["download", name, "--out", str(tmp_path / "there")]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("terms: ")
    assert lines[3].startswith("  1. ")
    assert lines[-1] == f"use it: segue fit {tmp_path / 'there'}"
    assert not (tmp_path / "there").exists()


def test_the_layout_it_promises_is_the_layout_that_is_read(tmp_path):
    steps = " ".join(catalogue.CATALOGUE["cityscapes"].steps)
    root = write_cityscapes(tmp_path)
    assert all(f"{path.name}/" in steps for path in root.iterdir())
    assert open_index([root]).format == "cityscapes"


@pytest.mark.parametrize("name", catalogue.CATALOGUE)
def test_a_dry_run_shows_the_terms_and_fetches_nothing(name, tmp_path, capsys):
    code = main(["download", name, "--out", str(tmp_path / "x"), "--dry-run", "--json"])
    printed = json.loads(capsys.readouterr().out)
    assert (printed["dry_run"], printed["fetched"], bool(printed["terms"])) == (True, False, True)
    assert code == (0 if printed["archives"] else 1)
    assert list(tmp_path.iterdir()) == []


def test_without_a_name_and_with_a_wrong_one(capsys):
    assert main(["download"]) == 2
    assert "expected a data set, one of voc2012, camvid" in capsys.readouterr().err
    assert main(["download", "voc"]) == 2
    assert "did you mean voc2012?" in capsys.readouterr().err


def write_fastai_camvid(root):
    """camvid.tgz unpacked: masks called `{stem}_P`, the codes and the validation frames beside."""
    for number in range(6):
        image, labels = scene(number)
        name = f"{('0001TP', '0016E5')[number % 2]}_{6690 + 30 * number:06d}"
        save_image(root / "camvid" / "images" / f"{name}.png", image)
        ids = np.array([17, 5, 4, 16, 30], np.uint8)[np.where(np.arange(48)[:, None] < 3, 4, labels)]
        save_image(root / "camvid" / "labels" / f"{name}_P.png", ids)
    (root / "camvid" / "codes.txt").write_text("Animal\nArchway\n")
    (root / "camvid" / "valid.txt").write_text("0016E5_006720.png\n")


def write_pets(root):
    """images.tar.gz and annotations.tar.gz unpacked, with what else lies in them."""
    for number in range(4):
        image, labels = scene(number)
        save_image(root / "images" / f"Abyssinian_{number}.jpg", image)
        trimap = np.where(labels == 1, 1, np.where(labels == 3, 3, 2)).astype(np.uint8)
        save_image(root / "annotations" / "trimaps" / f"Abyssinian_{number}.png", trimap)
        (root / "annotations" / "trimaps" / f"._Abyssinian_{number}.png").write_bytes(b"Mac OS X")
    (root / "images" / "Abyssinian_0.mat").touch()
    (root / "annotations" / "xmls").mkdir()
    (root / "annotations" / "list.txt").touch()


@pytest.mark.parametrize(
    ("name", "write", "names"),
    [
        ("camvid", write_fastai_camvid, (31, "Road", 17)),
        ("pets", write_pets, (2, "background", 1)),
    ],
)
def test_the_command_line_that_is_promised_reads_the_set(tmp_path, name, write, names):
    write(tmp_path)
    verb, config = parse(shlex.split(catalogue.CATALOGUE[name].use.format(out=tmp_path))[1:])
    data = prepare(config.paths, config.data, 0, lambda share, text: None)
    assert (verb, len(data.classes), data.classes.names.index(names[1])) == ("fit", names[0], names[2])
    assert {finding.code for finding in data.findings} <= {
        "GROUP_ACROSS_SPLITS",
        "CLASS_ABSENT_VAL",
        "CLASS_ABSENT_TRAIN",
    }
    assert data.pixels.sum() < data.pixels.shape[0] * 48 * 64
