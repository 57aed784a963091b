"""Milliseconds of each loss, forward and backward, on one thread: a batch of 8 crops of 240x320 with 12 classes.

Logits and labels are smooth random fields, every class in every crop, the first rows ignored. Rounds go over all losses
in turn, and processor time is counted; the median of each is printed.

    OMP_NUM_THREADS=1 python benchmarks/loss_speed.py --rounds 7
"""

import argparse
import json
import statistics
import time

import torch
from torch.nn.functional import interpolate

from segue.losses import LOSSES


def main() -> None:
    """One JSON line with the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    field = interpolate(2 * torch.randn(8, 12, 6, 8), (240, 320), mode="bilinear")
    labels, logits = field.argmax(1), field + torch.randn_like(field)
    labels[:, :5] = 255
    times: dict[str, list[float]] = {name: [] for name in LOSSES}
    for _ in range(given.rounds + 1):
        for name in LOSSES:
            leaf = logits.clone().requires_grad_()
            began = time.process_time()
            LOSSES[name](leaf, labels).backward()
            times[name].append(1000 * (time.process_time() - began))
    medians = {name: round(statistics.median(found[1:])) for name, found in times.items()}
    print(json.dumps({"milliseconds": medians, "rounds": given.rounds, "torch": torch.__version__}))


if __name__ == "__main__":
    main()
