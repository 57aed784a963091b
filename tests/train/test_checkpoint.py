"""Resume points survive kills, full disks and damage."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import torch

from segue import durable
from segue.durable import sha256_of
from segue.errors import RunError
from segue.train.checkpoint import best_path, load_newest, read_manifest, save_checkpoint, save_tensors


def save(folder: Path, step: int, best: int = 0) -> Path:
    return save_checkpoint(folder, step, best, {"model.w": torch.full((64,), float(step))}, {"step": step})


def test_a_resume_point_comes_back_bit_by_bit(tmp_path):
    tensors = {
        "model.w": torch.randn(3, 5).to(memory_format=torch.contiguous_format),
        "average.n": torch.tensor(7, dtype=torch.int64),
        "optim.w.step": torch.tensor(3.0),
        "half": torch.randn(4).to(torch.bfloat16),
    }
    save_checkpoint(tmp_path, 5, 0, tensors, {"step": 5, "loss": 0.1 + 0.2})
    loaded = load_newest(tmp_path)
    assert loaded.state == {"step": 5, "loss": 0.1 + 0.2}
    assert all(torch.equal(tensors[name], loaded.tensors[name]) for name in tensors)


def test_the_last_two_and_their_best_are_kept(tmp_path):
    for step, best in ((1, 1), (2, 1), (3, 3), (4, 3)):
        if best == step:
            save_tensors(best_path(tmp_path, step), {"w": torch.zeros(1)}, {})
        save(tmp_path, step, best)
    assert sorted(path.name for path in tmp_path.glob("*.safetensors")) == [
        "best-00000003.safetensors",
        "step-00000003.safetensors",
        "step-00000004.safetensors",
    ]


@pytest.mark.parametrize("damage", ["truncate", "empty", "flip", "folder", "gone"])
def test_a_damaged_newest_is_named_and_passed_over(tmp_path, caplog, damage):
    save(tmp_path, 1)
    newest = save(tmp_path, 2)
    data = newest.read_bytes()
    if damage == "truncate":
        newest.write_bytes(data[: len(data) // 2])
    elif damage == "empty":
        newest.write_bytes(b"")
    elif damage == "flip":
        newest.write_bytes(data[:-3] + bytes([data[-3] ^ 4]) + data[-2:])
    else:
        newest.unlink()
        if damage == "folder":
            newest.mkdir()
    with caplog.at_level("WARNING", logger="segue"):
        assert load_newest(tmp_path).state["step"] == 1
    assert newest.name in caplog.text


def test_nothing_intact_is_an_error(tmp_path):
    save(tmp_path, 1).write_bytes(b"")
    with pytest.raises(RunError, match="found none that is intact"):
        load_newest(tmp_path)


def test_a_damaged_manifest_is_an_error(tmp_path):
    save(tmp_path, 1)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(RunError, match="damaged"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("operation", ["write", "fsync", "rename"])
def test_a_full_disk_leaves_the_previous_point_and_no_litter(tmp_path, monkeypatch, operation):
    save(tmp_path, 1)
    before = sha256_of(tmp_path / "step-00000001.safetensors")

    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if operation == "write":
        monkeypatch.setattr("segue.train.checkpoint.save_file", full)
    elif operation == "fsync":
        monkeypatch.setattr(durable.os, "fsync", full)
    else:
        monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(RunError, match=r"expected room for .* MB free: the previous file is untouched"):
        save(tmp_path, 2)
    monkeypatch.undo()
    assert load_newest(tmp_path).state["step"] == 1
    assert sha256_of(tmp_path / "step-00000001.safetensors") == before
    assert not list(tmp_path.glob(".*"))


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="mounting a small disk needs root")
def test_a_disk_that_is_really_full(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        save(disk, 1)
        with pytest.raises(RunError, match="MB free"):
            save_checkpoint(disk, 2, 0, {"w": torch.zeros(100_000)}, {"step": 2})
        assert load_newest(disk).state["step"] == 1
        save(disk, 3)
        assert load_newest(disk).state["step"] == 3
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_folder_that_may_not_be_written_is_named(tmp_path, monkeypatch):
    def denied(*_args: object, **_kwargs: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("segue.train.checkpoint.save_file", denied)
    with pytest.raises(RunError, match="check its permissions"):
        save(tmp_path, 1)


@pytest.mark.slow
def test_kills_in_the_middle_of_saving_never_cost_the_newest_valid_point(tmp_path):
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        import torch
        from segue.train.checkpoint import save_checkpoint
        tensors = {"w": torch.randn(2_000_000)}
        print("ready", flush=True)
        for step in range(1, 100_000):
            save_checkpoint(Path(sys.argv[1]), step, 0, tensors, {"step": step})
        """
    )
    for attempt in range(12):
        process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.15 + 0.013 * attempt)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        if (tmp_path / "manifest.json").exists():
            newest = read_manifest(tmp_path)[-1]
            assert load_newest(tmp_path).state["step"] == newest["step"]
    assert (tmp_path / "manifest.json").exists()
