"""`segue doctor` from the command line to exit code, JSON, repaired copy; no traceback for any input."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from segue.cli import main
from segue.commands.doctor import run
from segue.configs import DataConfig, DoctorConfig
from segue.data.prepare import prepare
from segue.errors import DataError, UsageError


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(6):
        image = rng.integers(0, 255, (4, 6, 3)).astype(np.uint8).repeat(8, 0).repeat(8, 1)
        mask = np.zeros((32, 48), np.uint8)
        mask[8:20, 10 : 20 + i], mask[22:30, 30:44] = 1, 2
        for kind, pixels in (("images", image), ("masks", mask)):
            (tmp_path / "data" / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / "data" / kind / f"{i}.png")
    return tmp_path / "data"


def shift(data):
    path = data / "masks" / "3.png"
    Image.fromarray(np.asarray(Image.open(path)) + 1).save(path)
    return path


def test_sound_data_exits_0_and_says_so(data, capsys):
    assert main(["doctor", str(data)]) == 0
    assert capsys.readouterr().out.startswith("no problem found in 6 images (6 labelled), 12 files")


def test_errors_exit_1_and_name_file_value_and_remedy(data, capsys):
    shift(data)
    assert main(["doctor", str(data)]) == 1
    out = capsys.readouterr().out
    assert "error MASK_OFF_BY_ONE (1)" in out
    assert "3.png: expected 0 to 3 (or 255), got 1 to 3" in out
    assert "do: subtract one (segue doctor --fix does it)" in out


def test_json_lists_each_finding_with_its_counts(data, capsys):
    path = shift(data)
    assert main(["doctor", str(data), "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert result["counts"] == {"error": 1, "warning": 0, "info": 0}
    assert result["problems"] == [
        {
            "code": "MASK_OFF_BY_ONE",
            "severity": "error",
            "path": str(path),
            "message": "expected 0 to 3 (or 255), got 1 to 3",
            "remedy": "subtract one",
            "fixable": True,
        }
    ]


def test_fix_exits_0_and_leaves_a_record_and_a_sound_copy(data, tmp_path, capsys):
    shift(data)
    out = tmp_path / "out"
    assert main(["doctor", str(data), "--fix", str(out)]) == 0
    record = json.loads((out / "doctor.json").read_text())
    assert [action["code"] for action in record["fixed"]["actions"]] == ["MASK_OFF_BY_ONE"]
    assert record["fixed"]["after"]["counts"] == {"error": 0, "warning": 0, "info": 0}
    assert main(["doctor", str(out)]) == 0
    assert "1 repairs, listed in" in capsys.readouterr().out


def test_dry_run_says_what_it_would_do_and_writes_nothing(data, tmp_path, capsys):
    shift(data)
    before = sorted(tmp_path.rglob("*"))
    assert main(["doctor", str(data), "--fix", str(tmp_path / "out"), "--dry-run"]) == 1
    assert "1 repairs would be made; dry run: nothing was written" in capsys.readouterr().out
    assert sorted(tmp_path.rglob("*")) == before


def test_out_writes_the_findings_to_a_file(data, tmp_path):
    shift(data)
    run(DoctorConfig(paths=(data,), out=tmp_path / "found.json"))
    assert json.loads((tmp_path / "found.json").read_text())["counts"]["error"] == 1


def test_two_folders_are_examined_like_one(data):
    assert run(DoctorConfig(paths=(data / "images", data / "masks"))).problems == ()


def test_ignore_makes_a_value_known(data):
    path = data / "masks" / "3.png"
    mask = np.array(Image.open(path))
    mask[:3, :3] = 77
    Image.fromarray(mask).save(path)
    assert [found.code for found in run(DoctorConfig(paths=(data,))).errors] == ["MASK_UNKNOWN_VALUE"]
    assert run(DoctorConfig(paths=(data,), ignore=(77,))).errors == ()


def test_max_pixels_is_the_limit(data):
    found = run(DoctorConfig(paths=(data,), max_pixels=32 * 48 - 1)).errors
    assert {problem.code for problem in found} == {"IMG_BOMB", "SET_EMPTY"}


def test_no_path_is_wrong_usage_and_a_missing_one_a_data_error(tmp_path):
    with pytest.raises(UsageError, match="expected a folder"):
        run(DoctorConfig())
    with pytest.raises(DataError, match="nothing there"):
        run(DoctorConfig(paths=(tmp_path / "nowhere",)))
    assert main(["doctor"]) == 2
    assert main(["doctor", str(tmp_path / "nowhere")]) == 1


def test_data_without_a_validation_part_is_judged_by_the_split_fit_would_make(data):
    for path in sorted((data / "masks").iterdir())[1:]:
        mask = np.array(Image.open(path))
        Image.fromarray(np.where(mask == 2, 0, mask)).save(path)
    found = run(DoctorConfig(paths=(data,)))
    assert {sample.split for sample in found.samples} == {"train", "val"}
    assert "CLASS_ABSENT" in {problem.code[:12] for problem in found.warnings}
    fits = prepare((data,), DataConfig(), 0, lambda share, text: None)
    assert found.problems == fits.findings


def test_too_little_to_split_is_judged_as_it_is(data):
    for kind in ("images", "masks"):
        for path in sorted((data / kind).iterdir())[1:]:
            path.unlink()
    assert {sample.split for sample in run(DoctorConfig(paths=(data,))).samples} == {""}
