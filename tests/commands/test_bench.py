"""`segue bench` from the command line, on data and on a run: what it says, writes and refuses."""

import dataclasses
import json

import pytest

import segue
from fakes import write_folders
from segue.cli import main
from segue.commands.bench import LABELS, BenchResult
from segue.configs import DataConfig, FitConfig, ModelConfig, OptimConfig, TrainConfig, TransferConfig

TINY = [
    "--model.encoder", "test_resnet", "--model.decoder", "fcn", "--transfer.mode", "scratch", "--data.size", "32x32",
    "--optim.batch", "2", "--train.threads", "1", "--train.precision", "fp32", "--steps", "20",
]  # fmt: skip
ALWAYS = {"read", "crop_cached", "crop_uncached", "step", "forward", "backward", "update", "validation"} | {
    "training_cached", "decode", "network", "mask", "overlay",
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_folders(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    return segue.fit(
        data,
        out=tmp_path_factory.mktemp("runs") / "run",
        steps=2,
        data=DataConfig(size=(32, 32), workers=0),
        model=ModelConfig(encoder="test_resnet", decoder="fcn"),
        transfer=TransferConfig(mode="scratch"),
        optim=OptimConfig(batch=2),
        train=TrainConfig(threads=1, precision="fp32", validations=1),
    ).run


@pytest.fixture(scope="module")
def measured(run):
    return segue.bench(run, seconds=1)


def files_below(folder):
    return {path.relative_to(folder): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_data_are_measured_and_nothing_but_the_asked_file_is_written(data, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = files_below(data)
    assert (
        main(["bench", str(data), *TINY, "--seconds", "1", "--data.workers", "2", "--out", "bench.json", "--json"]) == 0
    )
    printed = json.loads(capsys.readouterr().out)
    assert files_below(data) == before
    assert [path.name for path in tmp_path.iterdir()] == ["bench.json"]
    assert json.loads((tmp_path / "bench.json").read_text()) == printed
    both = {"crops_cached", "crops_uncached", "training_uncached"}  # two threads; a tenth of the crops are first ones
    assert set(printed["figures"]) == ALWAYS | both
    for one in printed["figures"].values():
        assert one["seconds"] > 0
        assert one["repeats"] >= 3
    assert printed["setting"]["from_memory"] == pytest.approx(1 - 4 / 40)
    assert printed["config"]["steps"] == 20
    assert printed["config"]["model"]["encoder"] == "test_resnet"
    assert set(printed["bottleneck"]) == set(printed["verdict"]) == {"training", "predicting"}
    assert printed["bottleneck"]["training"] in printed["verdict"]["training"]
    assert printed["fit"]["steps"] == 20
    assert printed["fit"]["seconds"] > printed["fit"]["training"] > 0
    assert 0 <= printed["training"]["lost"] < 1
    assert 0 < printed["training"]["share_of_ceiling"] < 1


def test_a_run_is_measured_with_its_own_options_and_network(run, capsys):
    before = files_below(run)
    assert main(["bench", str(run), "--seconds", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert files_below(run) == before
    assert lines[0].split() == ["measured", "images/s", "ms", "an", "image", "spread", "repeats"]
    for name in ALWAYS - {"training_cached"}:
        assert sum(line.startswith(f"{LABELS[name]}  ") for line in lines) == 1, name
    assert any(line.startswith("cpu, fp32; cores ") and "loader threads 0" in line for line in lines)
    assert sum("GFLOP an image, forward and backward" in line for line in lines) == 1
    assert lines[-3].startswith("training: the bottleneck is ")
    assert lines[-2].startswith("predicting: the bottleneck is ")
    assert lines[-1].startswith("a fit like this: about ")
    assert ": 2 steps " in lines[-1]


def test_python_users_get_the_same_and_the_options_of_a_run_can_be_changed(run, measured, capsys):
    command = ["bench", "--config", str(run / "config.yaml"), "--optim.batch", "4", "--dry-run", "--json"]
    assert main(command) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["figures"] == {}
    assert printed["fit"] is printed["setting"] is printed["training"] is None
    assert (printed["config"]["optim"]["batch"], printed["config"]["data"]["workers"]) == (4, 0)
    assert measured.verdicts["predicting"].sentence in measured.lines()
    assert measured.config.optim.batch == 2


def test_what_is_decided_is_what_fit_decides(data, capsys):
    options = ["--transfer.mode", "scratch", "--model.encoder", "test_resnet", "--json", "--dry-run"]
    assert main(["fit", str(data), *options]) == 0
    decided = json.loads(capsys.readouterr().out)["config"]
    assert main(["bench", str(data), *options]) == 0
    config = json.loads(capsys.readouterr().out)["config"]
    differ = {name for name, value in decided.items() if config[name] != value}
    assert differ == {"json", "dry_run"}


@pytest.mark.slow
def test_a_run_of_folds_trains_one_of_them_and_predicts_with_all(data, tmp_path, capsys):
    folder = tmp_path / "run"
    options = ["--folds", "2", "--train.validations", "1", "--data.workers", "0", "--no-configure"]
    assert main(["fit", str(data), "--out", str(folder), *options, *TINY]) == 0
    capsys.readouterr()
    assert main(["bench", str(folder), "--seconds", "1", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["fit"]["folds"] == printed["config"]["folds"] == 2
    assert printed["fit"]["seconds"] > 2 * printed["fit"]["training"]


def test_a_dry_run_says_so(data, capsys):
    assert main(["bench", str(data), *TINY, "--dry-run"]) == 0
    assert capsys.readouterr().out == "data and options are in order; dry run: nothing was measured\n"


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ([], 2, "expected a folder with images and masks, or a run, got none"),
        (
            ["RUN", "--data.workers", "3"],
            2,
            "measured with its own options, got others beside it: to change them, segue",
        ),
        (["RUN", "--optim.batch", "8"], 2, "expected a run alone"),  # the default, but not this run's
        (["RUN", "DATA"], 2, "expected a run alone"),
        (["STOPPED"], 1, "expected a finished run: finish it with segue fit --resume"),
        (["MODEL"], 1, "expected a run folder, it has no config.yaml"),
        (["NOWHERE"], 1, "nowhere: expected"),
        (["DATA", "--seconds", "0"], 2, "seconds: expected 1 to 86400, got 0"),
        (["DATA", "--steps", "5", "--minutes", "5"], 2, "expected --steps or --minutes, got both"),
        (["DATA", "--model.encoder", "resnet999"], 2, "resnet999"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(options, code, message, run, data, tmp_path, capsys):
    stopped = tmp_path / "stopped"
    stopped.mkdir()
    for name in ("config.yaml", "data.json"):
        (stopped / name).write_bytes((run / name).read_bytes())
    places = {"RUN": run, "DATA": data, "STOPPED": stopped, "MODEL": run / "model", "NOWHERE": tmp_path / "nowhere"}
    assert main(["bench", *(str(places.get(word, word)) for word in options)]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = [line for line in printed.err.splitlines() if line.startswith("segue: ")]
    assert len(lines) == 1
    assert message in lines[0]


def test_peaks_of_memory_and_a_busy_machine_are_said_where_they_are_known(measured):
    known = dataclasses.replace(measured, peak=2_100_000_000, device_peak=900_000_000, memory=16_000_000_000)
    assert "most memory at once: process 2.1 GB, accelerator 0.9 GB; there are 16.0 GB" in known.lines()
    unknown = dataclasses.replace(measured, peak=None, device_peak=None, disturbed="it was busy")
    assert not any(line.startswith("most memory") for line in unknown.lines())
    assert "caution: it was busy" in unknown.lines()


def test_a_result_of_nothing_is_plain_json():
    empty = BenchResult(FitConfig(), {}, None, {}, None, None, "", None, None, 10, 0.5)
    assert json.loads(json.dumps(empty.to_json()))["memory"] == {"peak": None, "device_peak": None, "there_is": 10}
