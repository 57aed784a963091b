"""The command line: help without torch, one line for every mistake, exit codes."""

import json
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from segue import cli
from segue.cli import VERBS, main, parse
from segue.configs import FitConfig, OptimConfig


@pytest.mark.parametrize(
    "arguments", [["--help"], ["style", "--help"], *([*verb.split(), "--help"] for verb in VERBS)], ids=" ".join
)
def test_help_names_every_flag_without_importing_torch(arguments):
    check = "finally:\n assert 'torch' not in sys.modules"
    code = f"import sys\nfrom segue.cli import main\ntry:\n main({arguments!r})\n{check}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "usage: segue" in done.stdout


def test_importing_segue_imports_nothing_heavy():
    code = "import sys, segue; assert not {'torch', 'numpy', 'PIL', 'rich', 'yaml'} & set(sys.modules), 'heavy'"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_flags_become_the_configuration():
    verb, config = parse(
        ["fit", "a", "b", "--optim.lr", "3e-4", "--data.size=64x96", "--transfer.head_fraction", "0.2"]
    )
    assert verb == "fit"
    assert [path.name for path in config.paths] == ["a", "b"]
    assert config.optim == OptimConfig(lr=3e-4)
    assert config.data.size == (64, 96)
    assert config.transfer.head_fraction == 0.2


def test_flags_win_over_the_file_and_the_file_over_the_defaults(tmp_path):
    (tmp_path / "c.yaml").write_text("steps: 7\noptim: {lr: 0.01, batch: 2}\n")
    _, config = parse(["fit", "x", "--config", str(tmp_path / "c.yaml"), "--optim.batch", "3"])
    assert (config.steps, config.optim.lr, config.optim.batch) == (7, 0.01, 3)
    assert config.seed == FitConfig().seed


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["fit", "x", "--optm.lr", "1"], 2, "did you mean --optim.lr"),
        (["fitt"], 2, "unknown verb 'fitt': did you mean fit?"),
        (["style", "optimize", "a.jpg"], 2, "unknown verb 'optimize' of segue style: did you mean optimise?"),
        (["style", "optimise"], 2, "expected a picture and one or more styles, got neither"),
        (["style", "optimise", "a.jpg", "b.jpg", "--out", "c.gif"], 2, "out: expected a picture ending in .png"),
        (["style", "optimise", "a.jpg", "b.jpg", "--style-wait", "2"], 2, "did you mean --style-weight"),
        (["style", "optimise", "/nowhere.jpg", "b.jpg"], 1, "/nowhere.jpg: expected a picture, found no such file"),
        (["fit"], 2, "expected a folder with images and masks"),
        (["fit", "/nowhere/at/all"], 1, "/nowhere/at/all"),
        (["fit", "x", "--train.device", "tpu"], 2, "expected one of auto, cpu, cuda, mps"),
        (["list", "encoderz"], 2, "expected one of encoders"),
        (["list"], 2, "expected what to list"),
        (["fit", "x", "--config", "/nowhere.yaml"], 2, "cannot be read"),
        (["evaluate"], 2, "expected"),
        (["predict", "/nowhere"], 2, "expected"),
        (["predict", "/nowhere", "x.png"], 1, "/nowhere"),
        (["doctor"], 2, "expected"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_mistakes_are_one_line_without_a_traceback(arguments, code, message, capsys):
    assert main(arguments) == code
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.startswith("segue: ")
    assert captured.err.count("\n") == 1


def test_a_group_without_a_verb_lists_its_verbs(capsys):
    assert main(["style"]) == 2
    printed = capsys.readouterr().err
    words = ", ".join(name.removeprefix("style ") for name in VERBS if name.startswith("style "))
    assert "optimise" in words
    assert printed.endswith(f"segue: expected a verb of segue style, one of {words}\n")
    assert "by optimising its pixels" in printed


def test_a_verb_of_two_words_is_parsed():
    verb, config = parse(
        ["style", "optimise", "a.jpg", "b.jpg", "c.jpg", "--style_mask", "m.png", "n.png", "--content-mask", "o.png"]
    )
    assert verb == "style optimise"
    assert (config.content.name, [path.name for path in config.styles]) == ("a.jpg", ["b.jpg", "c.jpg"])
    assert [path.name for path in config.style_mask] == ["m.png", "n.png"]
    assert parse(["style", "optimise", "a.jpg", "b.jpg", "--steps=3,2,1"])[1].steps == (3, 2, 1)


@pytest.mark.parametrize("text", ["!!python/object/apply:os.system [echo]", "- 1\n- 2", "a: [", "x" * 10, "{1: 2}"])
def test_configuration_files_that_are_none_are_refused(tmp_path, capsys, text):
    (tmp_path / "c.yaml").write_text(text)
    assert main(["fit", "x", "--config", str(tmp_path / "c.yaml")]) == 2
    assert "c.yaml: expected" in capsys.readouterr().err


def test_errors_are_json_too(capsys):
    assert main(["fit", "/nowhere/at/all", "--json"]) == 1
    error = json.loads(capsys.readouterr().out)
    assert error["exit_code"] == 1
    assert "/nowhere/at/all" in error["error"]


@pytest.mark.parametrize("kind", ["decoders", "formats", "losses", "transfer", "encoders"])
def test_listing(kind, capsys):
    assert main(["list", kind, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) >= 3
    assert all(row["name"] for row in rows)


def test_a_verb_that_processes_cannot_share_is_refused_by_the_first_of_them(monkeypatch, capsys):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    assert main(["list", "losses"]) == 2
    assert "expected torchrun with fit and predict only, got list" in capsys.readouterr().err
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(SystemExit, match="2"):
        main(["list", "losses"])
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert main(["list", "losses"]) == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["fit", "photos", "--minutes", "5"], {"given": {"paths", "minutes"}}),
        (["bench", "photos", "--minutes", "5"], {"given": {"paths", "minutes"}}),
        (["style", "optimise", "photo.jpg", "art.jpg", "--seconds", "5"], {}),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_the_clock_of_a_budget_starts_before_torch_is_imported(arguments, told, monkeypatch):
    clocks = {}

    def importing(_name):
        clocks["importing"] = time.perf_counter()
        return SimpleNamespace(run=lambda _config, **told: clocks.update(told) or done)

    done = SimpleNamespace(lines=list, exit_code=0)
    monkeypatch.setattr(cli.importlib, "import_module", importing)
    before = time.perf_counter()
    assert main(arguments) == 0
    assert before <= clocks.pop("began") <= clocks.pop("importing")
    assert clocks == told
