"""Measure every encoder of the canon and every decoder, and write what `segue list` shows of them.

    python scripts/measure_networks.py --machine "2 cores of an Intel Xeon with AVX-512, torch 2.15"
    python scripts/measure_networks.py --rounds 1 --only resnet18,fpn --machine "..."

Each number of milliseconds is the least over all rounds; in a round every network is built anew and timed three times,
so that whatever else the machine does in one minute does not fall on one network alone. What is not measured this time
keeps its row.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import json
import time
from typing import TypeVar

from segue.durable import write_text
from segue.models.canon import CANON
from segue.models.decoders import DECODERS
from segue.models.figures import FILE, DecoderFigures, EncoderFigures
from segue.models.measure import CLASSES, measure_decoder, measure_encoder

Figures = TypeVar("Figures", EncoderFigures, DecoderFigures)
HOW = (
    "one image, batch 1, float32, eager, one thread, random weights, at the size each row names; the least processor "
    "time of all repeats, taken while other work shared the machine. Of a decoder: what it adds to the encoder its row "
    f"names, from the maps to the scores of {CLASSES} classes for every pixel."
)


def main() -> None:
    """Measure round after round, writing after each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--machine", required=True, help="the machine and the version of torch, in words")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="names, separated by commas; all when not given")
    given = parser.parse_args()
    wanted = set(given.only.split(",")) - {""}
    encoders = {name: EncoderFigures(**row) for name, row in shipped("encoders").items() if name in CANON}
    decoders = {name: DecoderFigures(**row) for name, row in shipped("decoders").items() if name in DECODERS}
    for number in range(given.rounds):
        began = time.perf_counter()
        for name in (name for name in CANON if not wanted or name in wanted):
            encoders[name] = better(measure_encoder(name), encoders.get(name) if number else None)
            gc.collect()
        for name in (name for name in DECODERS if not wanted or name in wanted):
            decoders[name] = better(measure_decoder(name), decoders.get(name) if number else None)
        write(given.machine, {n: encoders[n] for n in CANON if n in encoders}, decoders)
        print(f"round {number + 1} of {given.rounds}: {time.perf_counter() - began:.0f} s", flush=True)


def shipped(kind: str) -> dict:
    """The rows written before."""
    return json.loads(FILE.read_text(encoding="utf-8"))[kind] if FILE.exists() else {}


def better(now: Figures, before: Figures | None) -> Figures:
    """What was found now, with the lesser of the two times."""
    return now if before is None else dataclasses.replace(now, ms=min(now.ms, before.ms))


def write(machine: str, encoders: dict[str, EncoderFigures], decoders: dict[str, DecoderFigures]) -> None:
    """Write the file, one row a line."""
    parts = {"encoders": encoders, "decoders": {name: decoders[name] for name in DECODERS if name in decoders}}
    lines = ["{", f' "how": {json.dumps(HOW)},', f' "machine": {json.dumps(machine)},']
    for kind, rows in parts.items():
        lines.append(f' "{kind}": {{')
        written = [f"  {json.dumps(name)}: {json.dumps(as_row(row))}" for name, row in rows.items()]
        lines += [",\n".join(written), " }" if kind == "decoders" else " },"]
    write_text(FILE, "\n".join([*lines, "}"]) + "\n")


def as_row(figures: EncoderFigures | DecoderFigures) -> dict:
    """Plain JSON; tenths of a millisecond are enough."""
    return dataclasses.asdict(figures) | {"ms": round(figures.ms, 1)}


if __name__ == "__main__":
    main()
