"""`segue demo`, from an empty folder to the table."""

import json

import pytest
from PIL import Image

from segue.commands import demo
from segue.configs import DemoConfig
from segue.errors import RunTakenError


@pytest.mark.slow
def test_the_demo_ends_with_three_rows_a_picture_and_a_page(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "HELD_OUT", 6)
    monkeypatch.setattr(demo, "VALIDATIONS", 2)
    result = demo.run(DemoConfig(out=tmp_path / "demo", images=4, steps=3))
    assert [row.name for row in result.rows] == ["from scratch", "frozen", "transferred"]
    for row in result.rows:
        assert 0 <= row.interval[0] <= row.miou <= row.interval[1] <= 1
        assert (row.run / "model" / "model.json").is_file()
        assert (row.run / "report.html").is_file()
        assert row.history[-1][0] == 3
    page = result.report.read_text(encoding="utf-8")
    assert all(f'href="{row.run.name}/report.html"' in page for row in result.rows)
    with Image.open(result.picture) as picture:
        assert picture.width > 1000
    assert result.to_json() == json.loads(json.dumps(result.to_json()))
    assert result.to_json()["n_images"] == 6
    assert result.lines()[-1] == f"report: {result.report}"
    assert any("transferred" in line and "–" in line for line in result.lines())


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(RunTakenError, match="holds files: use another --out"):
        demo.run(DemoConfig(out=tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_the_default_folder_gets_a_number_when_it_is_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = [demo._new_folder(DemoConfig().out).name for _ in range(3)]
    assert names == ["segue-demo", "segue-demo-2", "segue-demo-3"]
