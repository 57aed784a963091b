"""A run that is killed anywhere, any number of times, ends with the bytes of one that was not.

Every run is a real `segue fit` in a process group of its own, forked from a process that has torch loaded already, and
killed by SIGKILL. What is compared: the SHA-256 of weights, averaged weights and optimiser state, the state and history
in the resume point, metrics.csv, and the number of steps actually done.
"""

import hashlib
import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from fakes import write_blocks
from segue.cli import main
from segue.train.checkpoint import load_newest

STEPS = 24
OPTIONS = [
    "--steps", str(STEPS), "--seed", "3", "--model.encoder", "test_resnet", "--model.decoder", "fcn",
    "--transfer.mode", "scratch", "--data.size", "32x32", "--optim.batch", "4", "--train.validations", "4",
    "--train.checkpoint-every", "3", "--train.patience", "1", "--train.threads", "1",
]  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_blocks(tmp_path_factory.mktemp("data"), 10)


def fingerprint(run: Path) -> dict[str, object]:
    point = load_newest(run / "checkpoints")
    digests = {}
    for name in sorted(point.tensors):
        part = name.partition(".")[0]
        digest = digests.setdefault(part, hashlib.sha256())
        digest.update(name.encode() + point.tensors[name].numpy().tobytes())
    state = {key: value for key, value in point.state.items() if key not in ("seconds", "reserve")}
    return {
        **{part: digest.hexdigest() for part, digest in digests.items()},
        "state": json.dumps(state, sort_keys=True),
        "metrics": (run / "metrics.csv").read_bytes(),
    }


def fork_fit(arguments: list[str]) -> tuple[int, int]:
    """Run `segue fit` in a forked process group; returns its id and a pipe that carries one byte per finished step."""
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(writer)
        return child, reader
    code = 70
    try:
        os.setsid()
        # a background job of a shell ignores SIGINT, and so would its tests
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.close(reader)
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        from segue.train import loop, step

        original = step.training_step

        def reporting(*args: object) -> object:
            result = original(*args)
            os.write(writer, b".")
            return result

        loop.training_step = reporting
        import segue.commands.conclude as conclusion

        conclusion.conclude = lambda *_: {
            "miou": 0.0,
            "interval": [0.0, 0.0],
            "interval_unit": "images",
            "interval_units": 0,
            "interval_caution": None,
            "n_images": 0,
        }  # pictures and report are not what this test is about
        import segue.commands.fit as fit

        fit.remove_checkpoints = lambda _: None  # its tensors are what is compared
        code = main(arguments)
    finally:
        os._exit(code)


def fit_and_kill(arguments: list[str], kill_after: int | None, delay: float = 0.0) -> tuple[int, int | None]:
    """Run to the end, or kill `delay` s after `kill_after` steps were seen: (steps seen, exit code or None)."""
    child, reader = fork_fit(arguments)
    done = 0
    while os.read(reader, 1):
        done += 1
        if done == kill_after:
            time.sleep(delay)
            os.killpg(child, signal.SIGKILL)
    os.close(reader)
    _, status = os.waitpid(child, 0)
    return done, os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else None


def run_with_cuts(data: Path, run: Path, cuts: list[tuple[int, float]], workers: list[int]) -> None:
    """`cuts` are (steps after which a sitting is killed, extra seconds); sitting i loads with `workers[i % len]`."""
    start = ["fit", str(data), "--out", str(run), *OPTIONS, "--data.workers", str(workers[0])]
    resume = ["fit", "--resume", str(run)]
    for sitting, (after, delay) in enumerate(cuts):
        arguments = resume if (run / "config.yaml").exists() else start
        _, code = fit_and_kill(arguments, after, delay)
        if code is not None:
            assert code == 0  # it was done before the kill came
            return
        config = run / "config.yaml"
        if config.exists() and len(workers) > 1:
            count = workers[(sitting + 1) % len(workers)]
            old = next(line for line in config.read_text().splitlines() if "workers:" in line)
            config.write_text(config.read_text().replace(old, f"  workers: {count}"))
    assert fit_and_kill(resume if (run / "config.yaml").exists() else start, None)[1] == 0


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """The fingerprint of a run nobody touched."""
    run = tmp_path_factory.mktemp("whole") / "run"
    steps, code = fit_and_kill(["fit", str(data), "--out", str(run), *OPTIONS, "--data.workers", "0"], None)
    assert (steps, code) == (STEPS, 0)
    return fingerprint(run)


@pytest.mark.parametrize(("after", "workers"), [(1, 0), (8, 2), (17, 0)])
def test_one_cut(data, whole, tmp_path, after, workers):
    run_with_cuts(data, tmp_path / "run", [(after, 0.0)], [workers])
    assert fingerprint(tmp_path / "run") == whole


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("after", [1, 2, 3, 4, 5, 6, 9, 11, 13, 18, 21, 23, 24])
def test_every_kind_of_single_cut(data, whole, tmp_path, after, workers):
    delay = float(np.random.default_rng(after * 10 + workers).uniform(0, 0.05))
    run_with_cuts(data, tmp_path / "run", [(after, delay)], [workers])
    assert fingerprint(tmp_path / "run") == whole


@pytest.mark.slow
@pytest.mark.parametrize(
    "cuts", [[6, 6], [6, 1], [5, 1], [6, 3], [12, 6], [6, 6, 6, 6], [1, 1, 1, 4, 4, 4, 4, 4, 4, 4, 4]], ids=str
)
def test_chains_of_cuts_with_changing_workers(data, whole, tmp_path, cuts):
    run_with_cuts(data, tmp_path / "run", [(after, 0.01 * after) for after in cuts], [0, 2, 1])
    assert fingerprint(tmp_path / "run") == whole


@pytest.mark.slow
def test_kills_at_random_times(data, whole, tmp_path):
    generator = np.random.default_rng(1)
    run = tmp_path / "run"
    start = ["fit", str(data), "--out", str(run), *OPTIONS, "--data.workers", "2"]
    for _ in range(20):
        child, reader = fork_fit(["fit", "--resume", str(run)] if (run / "config.yaml").exists() else start)
        time.sleep(generator.uniform(0.1, 1.5))
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reader)
        if run.exists() and not (run / "config.yaml").exists():  # killed before the run existed: nothing to resume
            for path in run.iterdir():
                path.unlink()
    assert fit_and_kill(["fit", "--resume", str(run)] if (run / "config.yaml").exists() else start, None)[1] == 0
    assert fingerprint(run) == whole


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_and_leaves_and_the_run_goes_on_exactly(data, whole, tmp_path, number, code):
    run = tmp_path / "run"
    child, reader = fork_fit(["fit", str(data), "--out", str(run), *OPTIONS, "--data.workers", "1"])
    for _ in range(7):
        os.read(reader, 1)
    os.kill(child, number)
    while os.read(reader, 1):
        pass
    os.close(reader)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == code
    assert load_newest(run / "checkpoints").state["step"] >= 7
    assert fit_and_kill(["fit", "--resume", str(run)], None)[1] == 0
    assert fingerprint(run) == whole


def test_resuming_what_is_no_run_creates_nothing(tmp_path, capsys):
    assert main(["fit", "--resume", str(tmp_path / "nothing")]) == 1
    assert "expected a run folder" in capsys.readouterr().err
    assert not (tmp_path / "nothing").exists()


def test_changed_data_is_refused(data, tmp_path, capsys):
    import shutil

    copy = shutil.copytree(data, tmp_path / "data")
    run = tmp_path / "run"
    arguments = ["fit", str(copy), "--out", str(run), *OPTIONS]
    fit_and_kill(arguments, 5)
    (copy / "images" / "003.png").unlink()
    assert main(["fit", "--resume", str(run)]) == 1
    assert "003.png" in capsys.readouterr().err


def test_a_second_fit_in_the_same_folder_is_refused_with_code_3(data, tmp_path, capsys):
    run = tmp_path / "run"
    arguments = ["fit", str(data), "--out", str(run), *OPTIONS]
    child, reader = fork_fit(arguments)
    os.read(reader, 1)
    try:
        assert main(arguments) == 3
        assert main(["fit", "--resume", str(run)]) == 3
    finally:
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reader)
    capsys.readouterr()
    assert main(["fit", "--resume", str(run), "--dry-run"]) == 2
