"""A style network timed in a process of its own, as it would run on a device: `python -m segue.speed.apart JOB`.

A process of its own, since the most memory that one held also counts what it did before; the side of ONNX Runtime does
not even import torch. JOB is a JSON file that `timed_apart` writes, and what was measured is printed as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from segue.errors import RunError
from segue.speed.memory import peak_memory

WARMING = 3  # runs that are not counted: memory is taken and kernels are chosen
MOST_SECONDS = 30.0  # after which no run is begun, whatever was asked for
FEWEST = 3  # runs that are counted, however long they take


@dataclass(frozen=True)
class Latency:
    """Milliseconds of one picture, half and 95 of 100 runs within them; and the most memory the process held."""

    p50_ms: float
    p95_ms: float
    runs: int
    peak_bytes: int | None


def timed_apart(job: Mapping[str, Any], feed: Mapping[str, np.ndarray]) -> Latency:
    """Run a job on one feed in another process.

    Args:
        job: `runs`, `threads`, and either `onnx`, the path of a file, or what `segue.speed.apart` makes of torch:
            `model`, `style` (a file of what was prepared, or None) and `strength`.
        feed: arrays by the names of the inputs.

    Raises:
        RunError: the other process failed.
    """
    with TemporaryDirectory() as folder:
        arrays, path = Path(folder) / "feed.npz", Path(folder) / "job.json"
        np.savez(arrays, **feed)  # type: ignore[arg-type]
        path.write_text(json.dumps({**job, "feed": str(arrays)}), encoding="utf-8")
        command = [sys.executable, "-P", "-m", "segue.speed.apart", str(path)]  # -P: imports nothing from where we are
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise RunError(f"expected a process that times the network, got {last[0]}: give --runs 0 to time nothing")
    return Latency(**json.loads(done.stdout.splitlines()[-1]))


def _main(path: Path) -> None:
    job = json.loads(path.read_text(encoding="utf-8"))
    with np.load(job["feed"], allow_pickle=False) as arrays:
        feed = {name: arrays[name] for name in arrays.files}
    work = _onnx(job, feed) if "onnx" in job else _torch(job, feed)
    seconds = _seconds(work, job["runs"])
    half, most = (1000 * float(np.percentile(seconds, share)) for share in (50, 95))
    found = {"p50_ms": half, "p95_ms": most, "runs": len(seconds), "peak_bytes": peak_memory()}
    sys.stdout.write(json.dumps(found) + "\n")


def _seconds(work: Callable[[], object], runs: int) -> Sequence[float]:
    for _ in range(WARMING):
        work()
    found: list[float] = []
    until = time.perf_counter() + MOST_SECONDS
    while len(found) < max(FEWEST, runs) and (len(found) < FEWEST or time.perf_counter() < until):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return found


def _onnx(job: Mapping[str, Any], feed: Mapping[str, np.ndarray]) -> Callable[[], object]:
    from segue.export.session import answer, open_session

    session = open_session(Path(job["onnx"]), job["threads"])
    return lambda: answer(session, feed)


def _torch(job: Mapping[str, Any], feed: Mapping[str, np.ndarray]) -> Callable[[], object]:
    import safetensors.torch
    import torch

    from segue.style.edge_graph import EdgeGraph
    from segue.style.model_folder import load_style_model
    from segue.train.heap import keep_freed_memory

    torch.set_num_threads(job["threads"])
    keep_freed_memory()
    network, _ = load_style_model(Path(job["model"]))
    network.to(memory_format=torch.channels_last)
    kept = None if job["style"] is None else safetensors.torch.load_file(job["style"])
    style = None if kept is None else tuple(kept[name] for name in sorted(kept, key=int))
    graph = EdgeGraph(network, style, job["strength"])
    values = [torch.from_numpy(feed[name]) for name in graph.names]

    def work() -> None:
        with torch.inference_mode():
            graph(*values)

    return work


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
