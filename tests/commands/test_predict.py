import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import segue.commands.predict as command
from fakes import save_image, scene
from segue.configs import PredictConfig
from segue.errors import RunError, UsageError
from segue.infer.segmenter import Segmenter
from tiny_model import write_run


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("trained") / "run")


@pytest.fixture
def photos(tmp_path):
    for number, name in enumerate(("a/x.png", "b/x.png", "b/y.jpg")):
        save_image(tmp_path / "photos" / name, scene(number)[0])
    return tmp_path / "photos"


def run(trained, photos, tmp_path, **options):
    return command.run(PredictConfig(run=trained, paths=(photos,), out=tmp_path / "out", device="cpu", **options))


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_every_image_gets_a_mask_and_an_overlay(trained, photos, tmp_path):
    result = run(trained, photos, tmp_path)
    assert result.exit_code == 0
    assert files(tmp_path / "out") == [
        "a/x.png", "a/x_overlay.jpg", "b/x.png", "b/x_overlay.jpg", "b/y.png", "b/y_overlay.jpg",
    ]  # fmt: skip
    for name in ("a/x.png", "b/x.png", "b/y.jpg"):
        with Image.open((tmp_path / "out" / name).with_suffix(".png")) as mask:
            assert mask.mode == "P"
            np.testing.assert_array_equal(np.asarray(mask), Segmenter.load(trained, "cpu").predict(photos / name).mask)


def test_the_record_is_json_and_its_shares_sum_to_one(trained, photos, tmp_path):
    content = json.loads(json.dumps(run(trained, photos, tmp_path).to_json()))
    assert len(content["images"]) == 3
    assert sum(content["images"][0]["shares"].values()) == pytest.approx(1, abs=1e-4)
    assert (content["images"][0]["height"], content["images"][0]["width"]) == (48, 64)
    assert content["failed"] == []


def test_probabilities_and_overlays_are_a_choice(trained, photos, tmp_path):
    run(trained, photos, tmp_path, overlay=False, probabilities=True)
    assert files(tmp_path / "out") == ["a/x.npz", "a/x.png", "b/x.npz", "b/x.png", "b/y.npz", "b/y.png"]


def test_what_cannot_be_read_is_one_line_each_and_the_others_are_done(trained, photos, tmp_path):
    (photos / "a" / "empty.png").write_bytes(b"")
    (photos / "b" / "cut.png").write_bytes((photos / "b" / "x.png").read_bytes()[:500])
    np.save(photos / "seven.npy", np.zeros((4, 4, 7), np.uint8))
    result = run(trained, photos, tmp_path)
    assert result.exit_code == 1
    assert len(result.images) == 3
    assert len(result.failed) == 3
    for name, line in zip(("seven.npy", "empty.png", "cut.png"), result.failed, strict=True):
        assert name in line.split(":")[0]
        assert "\n" not in line
    assert not [name for name in files(tmp_path / "out") if "empty" in name or "cut" in name or "seven" in name]
    assert result.lines()[-1].startswith("3 images done")


def test_a_path_that_is_not_there_is_reported_and_the_others_are_done(trained, photos, tmp_path):
    paths = (photos / "gone.png", photos / "a")
    result = command.run(PredictConfig(run=trained, paths=paths, out=tmp_path / "out", device="cpu"))
    assert (result.exit_code, len(result.images), len(result.failed)) == (1, 1, 1)


@pytest.mark.parametrize("out", ["photos", "photos/../photos"])
def test_writing_into_the_input_folder_is_refused(trained, photos, tmp_path, out):
    before = files(photos)
    with pytest.raises(UsageError, match="folder of its own"):
        command.run(PredictConfig(run=trained, paths=(photos,), out=tmp_path / out, device="cpu"))
    assert files(photos) == before


def test_an_input_is_never_replaced(trained, tmp_path):
    inner, outer = tmp_path / "in" / "in" / "x.png", tmp_path / "in" / "x.png"
    for number, path in enumerate((inner, outer)):
        save_image(path, scene(number)[0])
    content = outer.read_bytes()
    with pytest.raises(UsageError, match="itself an input"):  # in/in/x.png would become in/x.png
        command.run(PredictConfig(run=trained, paths=(inner, outer), out=tmp_path, device="cpu"))
    assert outer.read_bytes() == content


def test_a_second_run_gives_the_same_bytes(trained, photos, tmp_path):
    run(trained, photos, tmp_path, probabilities=True)
    first = {name: (tmp_path / "out" / name).read_bytes() for name in files(tmp_path / "out") if ".npz" not in name}
    run(trained, photos, tmp_path, probabilities=True, batch=4)
    assert first == {name: (tmp_path / "out" / name).read_bytes() for name in first}


def test_tiles_are_used_when_asked_for(trained, photos, tmp_path):
    whole = run(trained, photos, tmp_path).to_json()
    tiled = run(trained, photos, tmp_path, tile=64, overlap=0.5).to_json()
    assert [i["height"] for i in whole["images"]] == [i["height"] for i in tiled["images"]]


def test_a_dry_run_lists_and_writes_nothing(trained, photos, tmp_path):
    result = run(trained, photos, tmp_path, dry_run=True)
    assert not (tmp_path / "out").exists()
    assert str(tmp_path / "out" / "a" / "x.png") in result.lines()
    with pytest.raises(RunError):
        run(photos, photos, tmp_path, dry_run=True)


def test_no_path_is_wrong_usage(trained, tmp_path):
    with pytest.raises(UsageError, match="got none"):
        command.run(PredictConfig(run=trained, out=tmp_path / "out"))


@pytest.mark.parametrize("out", ["taken", "taken/below"])
def test_an_output_folder_that_cannot_be_made_is_one_line(trained, photos, tmp_path, out):
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(RunError, match=r"expected a folder that can be written, got .*: use another --out"):
        command.run(PredictConfig(run=trained, paths=(photos,), out=tmp_path / out, device="cpu"))


def test_what_cannot_be_written_is_one_line_each_and_the_others_are_done(trained, photos, tmp_path):
    save_image(photos / f"{'long' * 60}.png", scene(3)[0])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").write_bytes(b"")
    (tmp_path / "out" / "b" / "y.png").mkdir(parents=True)
    result = run(trained, photos, tmp_path)
    assert (result.exit_code, len(result.images)) == (1, 1)
    assert [Path(line.split(":")[0]).name for line in result.failed] == [f"{'long' * 60}.png", "x.png", "y.jpg"]
    assert (tmp_path / "out" / "b" / "x_overlay.jpg").is_file()
    assert not [name for name in files(tmp_path / "out") if name.endswith(".tmp")]
