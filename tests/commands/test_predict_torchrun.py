"""`segue predict` under torchrun: two real processes do what one does, to the byte."""

import dataclasses
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import save_image, scene
from rasters import write_raster
from segue.cli import main
from segue.commands.dealing import dealt
from segue.infer.familiar_file import Seen, save_seen
from segue.infer.segmenter import Segmenter
from segue.trust.novelty import familiar
from tiny_model import tiny_info, write_run
from two_processes import run_script


@given(st.dictionaries(st.integers(0, 50), st.integers(0, 10**6)), st.integers(1, 5))
def test_every_thing_is_dealt_once_in_its_order_and_no_part_is_much_larger(sizes, parts):
    found = dealt(sizes, parts)
    assert len(found) == parts
    assert sorted(thing for part in found for thing in part) == sorted(sizes)
    assert all(part == [thing for thing in sizes if thing in part] for part in found)
    loads = [sum(sizes[thing] + 1 for thing in part) for part in found]
    assert max(loads) - min(loads) <= max(sizes.values(), default=0) + 1


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A run that knows its training images; two folders with pictures, a raster and two files that are none."""
    folder = tmp_path_factory.mktemp("work")
    run = write_run(folder / "run")
    segmenter = Segmenter.load(run, "cpu")
    looks = [segmenter.predict(scene(100 + number)[0]).look for number in range(40)]
    known = familiar(np.concatenate([look.features for look in looks[:20]]), [look.features for look in looks[20:]])
    save_seen(run, Seen(known, np.stack([look.colours for look in looks])))
    for number in range(7):
        save_image(folder / "photos" / "ab"[number % 2] / f"{number}.png", scene(number, (48 + 9 * number, 64))[0])
    for name in ("a/broken.png", "b/2broken.jpg"):
        (folder / "photos" / name).write_bytes(b"no image")
    write_raster(folder / "photos" / "scene.tif", scene(50, (150, 210))[0], nodata=7, compress="deflate")
    return run, folder / "photos"


def torchrun(*arguments, killed="none", lines_like="segue: "):
    """Standard output, Segue's own lines (or others) on standard error, and the exit code."""
    output, errors, code = run_script("predict_in_processes.py", killed, *map(str, arguments), timeout=300)
    return output, [line for line in errors.splitlines() if re.match(lines_like, line)], code


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_two_processes_write_what_one_writes_to_the_byte_and_speak_with_one_voice(work, tmp_path, monkeypatch, capsys):
    run, photos = work
    monkeypatch.chdir(tmp_path)
    options = ["predict", str(run), str(photos), "missing.png", "--out", "out", "--uncertainty", "--probabilities"]
    options += ["--json", "--device", "cpu"]
    assert main(options) == 1
    expected = json.loads(capsys.readouterr().out)
    wanted = contents(tmp_path / "out")
    shutil.rmtree(tmp_path / "out")
    output, lines, code = torchrun(*options)
    assert code == 1  # three paths stand for no image, and that is the result's code
    assert lines == []
    found = json.loads(output)
    assert len(found["failed"]) == 3
    assert found["domain_gap"]["images"] == 8
    assert {**found, "seconds": 0} == {**expected, "seconds": 0}
    files = contents(tmp_path / "out")
    assert files.keys() == wanted.keys()
    assert [name for name in files if files[name] != wanted[name]] == []


@pytest.mark.slow
def test_images_left_out_and_more_processes_than_images(work, tmp_path):
    run, _ = work
    save_image(tmp_path / "noise.png", np.random.default_rng(0).integers(0, 256, (50, 60, 3), np.uint8))
    one = ["--out", tmp_path / "out", "--abstain", "--device", "cpu", "--json"]
    output, lines, code = torchrun("predict", run, tmp_path / "noise.png", *one)
    assert (code, lines) == (0, [])
    assert json.loads(output)["images"][0]["left_out"]
    assert list(contents(tmp_path / "out")) == ["predictions.csv"]


@pytest.mark.slow
def test_what_each_process_has_to_say_of_its_rasters_is_said(tmp_path):
    info = tiny_info()
    run = write_run(
        tmp_path / "run", dataclasses.replace(info, prep=dataclasses.replace(info.prep, ranges=((300.0, 9000.0),) * 3))
    )
    for name in "ab":
        write_raster(tmp_path / "dark" / f"{name}.tif", np.zeros((40, 50, 3), np.float32) + 0.1)
    command = ["predict", run, tmp_path / "dark", "--out", tmp_path / "out", "--device", "cpu"]
    _, said, code = torchrun(*command, lines_like=".* of its values lie outside")
    assert code == 0
    assert [Path(line.partition(":")[0]).name for line in said] == ["a.tif", "b.tif"]


@pytest.mark.slow
def test_a_dry_run_and_what_is_wrong_are_said_once(work, tmp_path):
    run, photos = work
    output, lines, code = torchrun("predict", run, photos / "a" / "0.png", "--out", tmp_path / "out", "--dry-run")
    assert (output.count("dry run"), lines, code) == (1, [], 0)
    _, lines, code = torchrun("predict", run, photos, "--out", photos)
    assert code == 1  # torchrun's own
    (line,) = lines
    assert "expected a folder of its own" in line
    shutil.copytree(run, tmp_path / "damaged")
    weights = tmp_path / "damaged" / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-9] + b"123456789")
    _, lines, _ = torchrun("predict", tmp_path / "damaged", photos, "--out", tmp_path / "out")
    assert len(lines) == 1
    assert "model.safetensors" in lines[0]


@pytest.mark.slow
def test_a_killed_process_ends_all_with_one_line_and_files_are_whole_or_absent(work, tmp_path):
    run, photos = work
    _, lines, code = torchrun("predict", run, photos, "--out", tmp_path / "out", "--device", "cpu", killed="1")
    assert code == 1
    (line,) = lines
    assert "another of the processes ended" in line
    assert not [name for name in contents(tmp_path / "out") if name.endswith(".tmp")]
    assert not (tmp_path / "out" / "predictions.csv").exists()
