"""How long the doctor takes to list, pair and walk 100 000 files, decoding aside; prints the figures as JSON.

    python benchmarks/doctor_scan.py [--files 100000] [--folder FOLDER]

Half of the files are images, half masks, in 100 folders each. They are one byte long: nothing is opened.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from segue.data.doctor.tree import check_tree
from segue.data.formats import open_index

FOLDERS = 100


def plant(root: Path, files: int) -> None:
    for kind, ending in (("images", ".jpg"), ("masks", ".png")):
        for folder in range(FOLDERS):
            place = root / kind / f"scene {folder:03d}"
            place.mkdir(parents=True)
            for number in range(files // 2 // FOLDERS):
                (place / f"frame_{number:05d}{ending}").write_bytes(b"0")


def measure(root: Path) -> dict[str, float]:
    start, cpu = time.perf_counter(), time.process_time()
    files, problems = check_tree([root])
    walked = time.perf_counter()
    index = open_index([root])
    paired = time.perf_counter()
    return {
        "files": files,
        "pairs": sum(sample.mask is not None for sample in index.samples),
        "problems": len(problems) + len(index.problems),
        "walk_seconds": round(walked - start, 2),
        "pair_seconds": round(paired - walked, 2),
        "seconds": round(paired - start, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "rss_mb": round(peak_memory() / 2**20),
    }


def peak_memory() -> int:
    """Bytes of memory held at most. Linux's getrusage also counts what the process that started this one held."""
    status = Path("/proc/self/status")
    if status.is_file():
        return next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line[:6] == "VmHWM:")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="where to put the files; a temporary folder when not given")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        plant(Path(folder), options.files)
        print(json.dumps(measure(Path(folder))))


if __name__ == "__main__":
    main()
