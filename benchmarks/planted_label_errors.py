"""Which masks are wrong? Corrupts some masks of a data set, trains on it, and looks for the corrupted ones.

    python benchmarks/planted_label_errors.py DATA WEIGHTS.pth --images 2000 --seeds 0 --out planted_label_errors.jsonl
    python benchmarks/planted_label_errors.py --show planted_label_errors.jsonl

DATA is any data set that `segue fit` takes, WEIGHTS timm's mobilenetv2_100 trained on ImageNet. Of the masks for
training `SHARE` are corrupted, then a network is trained on `--images` of them, fine-tuned and otherwise as `segue fit`
decides. Of the validation masks `SHARE` are corrupted at a time, until every one was, and each time all are ranked as
`segue evaluate` does it. A corrupted mask has one connected patch of `SMALLEST` to `LARGEST` of the image relabelled:
as a class drawn at random ("swapped"), or as what is most frequent around it ("dropped").
"""

import argparse
import dataclasses
import os
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from jobs import add_options, part_of, read, run_missing
from PIL import Image
from plan import add_data_options, decided
from scipy.ndimage import binary_dilation, label

SHARE = 0.05
SMALLEST, LARGEST = 0.005, 0.3
MEDIUM = 0.02  # of the image: a patch is large from here on
KINDS = ("swapped", "dropped")
PUBLISHED = ("softmin", "doubt")
IGNORE = 255


def corrupted(mask: np.ndarray, classes: int, kind: str, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The mask with one patch relabelled, and where that is; nowhere when no patch has the right size."""
    found = []
    for number in np.unique(mask[mask != IGNORE]):
        parts, count = label(mask == number, np.ones((3, 3)))
        sizes = np.bincount(parts.ravel(), minlength=count + 1)
        wanted = (sizes >= SMALLEST * mask.size) & (sizes <= LARGEST * mask.size)
        found += [(number, parts == part) for part in np.flatnonzero(wanted) if part]
    if not found:
        return mask, np.zeros(mask.shape, bool)
    number, patch = found[random.integers(len(found))]
    around = mask[binary_dilation(patch, np.ones((3, 3)), 3) & ~patch & (mask != IGNORE) & (mask != number)]
    others = [other for other in range(classes) if other != number]
    other = random.choice(others) if kind == "swapped" or not around.size else np.bincount(around).argmax()
    return np.where(patch, np.uint8(other), mask), patch


def planted(data, prep, folder: Path, random: np.random.Generator):
    """The data set with `SHARE` of its training masks corrupted; these are written to `folder`."""
    train = data.of("train")
    values = mask_values(data, prep)
    replaced = {}
    for count, place in enumerate(sorted(random.choice(len(train), round(SHARE * len(train)), replace=False))):
        sample = train[place]
        mask, patch = corrupted(truth_of(sample, data, prep), len(data.classes), KINDS[count % 2], random)
        raw = np.asarray(Image.open(sample.mask)).copy()
        raw[patch] = [values[number] for number in mask[patch]]
        path = folder / f"{place}.png"
        Image.fromarray(raw).save(path)
        replaced[sample.id] = dataclasses.replace(sample, mask=path)
    return dataclasses.replace(data, samples=tuple(replaced.get(sample.id, sample) for sample in data.samples))


def mask_values(data, prep) -> dict[int, object]:
    """A value in the mask files for every class."""
    values: dict[int, object] = {}
    for sample in data.of("train"):
        raw, mask = np.asarray(Image.open(sample.mask)), truth_of(sample, data, prep)
        for number in set(np.unique(mask).tolist()) - {*values, IGNORE}:
            row, column = np.argwhere(mask == number)[0]
            values[number] = raw[row, column]
        if len(values) == len(data.classes):
            break
    return values


def truth_of(sample, data, prep) -> np.ndarray:
    """The mask as class numbers."""
    from segue.data.loader import read_sample

    return read_sample(sample, data.classes, prep)[1]


def logits_of(segmenter, sample, data):
    """The mask of an image, and the network's logits for it in half precision."""
    from segue.data.loader import read_sample

    pixels, truth = read_sample(sample, data.classes, segmenter.info.prep)
    found = np.empty((len(data.classes), *truth.shape), np.float16)

    def keep(top, logits):
        found[:, top : top + logits.shape[1]] = logits.cpu().numpy()

    segmenter.segment(segmenter.prepare(pixels), watch=keep)
    return truth, found


def ranked(images: list, masks: list[np.ndarray]):
    """What is suspect when these are the masks of the images."""
    import torch

    from segue.trust.label_errors import ImageEvidence, Suspicions

    suspicions = Suspicions(images[0][1].shape[0])
    for (_, logits), mask in zip(images, masks, strict=True):
        evidence = ImageEvidence(mask)
        evidence.take(0, torch.from_numpy(logits).float())
        suspicions.add(evidence)
    return suspicions.label_errors()


def hunt(images: list, kind: str, random: np.random.Generator) -> list[dict]:
    """For every validation image that could be corrupted: how much of it was, and how it was found."""
    classes, count = images[0][1].shape[0], len(images)
    wrong = [corrupted(truth, classes, kind, random) for truth, _ in images]
    clean = [published(logits, truth) for truth, logits in images]
    spoilt = [published(logits, mask) for (mask, _), (_, logits) in zip(wrong, images, strict=True)]
    possible = random.permutation([i for i, (_, patch) in enumerate(wrong) if patch.any()])
    rows = []
    for some in np.array_split(possible, max(1, round(len(possible) / max(1, SHARE * count)))):
        masks = [wrong[i][0] if i in some else truth for i, (truth, _) in enumerate(images)]
        found = ranked(images, masks)
        right = np.delete(found.scores, some)
        for i in some:
            others = {
                name: above(spoilt[i][name], [clean[j][name] for j in range(count) if j not in some])
                for name in PUBLISHED
            }
            places = {rank for rank, one in enumerate(found.suspects) if one.image == i and hit(one, wrong[i][1])}
            rows.append(
                {
                    "patch": round(float(wrong[i][1].mean()), 4),
                    "above": above(found.scores[i], right),
                    **others,
                    "listed": bool(places),
                    "first20": any(place < 20 for place in places),
                }
            )
    return rows


def above(score: float, others) -> float:
    """The share of the others that are less suspect: its mean over corrupted images is the area under the curve."""
    return float(np.mean(np.less(others, score)) + np.mean(np.equal(others, score)) / 2)


def published(logits: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """Scores of an image by others: the soft minimum of its labels' probabilities, the doubt in its worst component.

    Lad and Mueller 2023 (https://arxiv.org/abs/2307.05080) with softness 0.1, negated; Rottmann and Reese 2023
    (https://arxiv.org/abs/2207.06104), the sum of 1 - probability of the label.
    """
    import torch

    from segue.trust.label_errors import CORE, SMALLEST
    from segue.trust.regions import regions

    shares = torch.softmax(torch.from_numpy(logits).float(), 0).numpy()
    known = mask != IGNORE
    labels = np.where(known, mask, 0).astype(np.int64)
    given, first = np.take_along_axis(shares, labels[None], 0)[0], shares.argmax(0)
    weights = np.exp((1 - given[known].astype(np.float64)) / 0.1)
    codes = np.where(known & (first != labels), labels * len(shares) + first, -1)
    doubt = max((float((1 - given.ravel()[part]).sum()) for part in regions(codes, SMALLEST, CORE)), default=0.0)
    return {"softmin": -float((given[known] * weights).sum() / weights.sum()), "doubt": doubt}


def hit(suspect, patch: np.ndarray) -> bool:
    """Whether most of a suspect component lies in the patch that was relabelled."""
    return bool(patch.ravel()[suspect.positions].mean() > 0.5)


def train(path: Path, weights: Path, mask_name: str, pixels: int | None, images: int, seed: int) -> dict:
    """Corrupt, train, corrupt again, and look; the row to write."""
    from segue.commands.fit import train_on
    from segue.infer.segmenter import Segmenter
    from segue.train.resolve import preprocessing

    random = np.random.default_rng(seed)
    config, _, data = decided(path, weights, mask_name, pixels, seed)
    transfer = dataclasses.replace(config.transfer, mode="staged")  # what was decided was decided on the right masks
    steps = max(1, images // config.optim.batch)
    clock = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        bad = planted(data, preprocessing(config, data, ""), Path(folder), random)
        own = dataclasses.replace(config, transfer=transfer, steps=steps, out=out)
        evaluation = train_on(own, bad, time.perf_counter()).evaluation
        segmenter = Segmenter.load(out, "cpu")
        seen = [logits_of(segmenter, sample, data) for sample in data.of("val")]
    kinds = {kind: hunt(seen, kind, random) for kind in (KINDS if len(data.classes) > 2 else KINDS[1:])}
    return {
        "data": data.root.name,
        "seed": seed,
        "images": images,
        "miou": evaluation["miou"],
        "train_images": len(data.of("train")),
        "val_images": len(seen),
        "kinds": kinds,
        "cpu_seconds": round(time.process_time() - clock, 1),
    }


def show(rows: list[dict]) -> str:
    """A line for each data set, seed and kind."""
    text = [
        "| data | seed | mIoU | kind | masks | AUROC | small patches | large patches | found among 20 | among 50 "
        "| softmin | doubt |",
        "| --- " * 12 + "|",
    ]
    for row in rows:
        for kind, found in row["kinds"].items():
            parts = [found, *([one for one in found if (one["patch"] >= MEDIUM) is large] for large in (False, True))]
            curves = [f"{statistics.mean(one['above'] for one in part):.3f}" if part else "–" for part in parts]
            listed = [f"{statistics.mean(one[key] for one in found):.0%}" for key in ("first20", "listed")]
            # the first runs were made without the published scores
            others = [f"{statistics.mean(one[n] for one in found):.3f}" if n in found[0] else "–" for n in PUBLISHED]
            cells = (
                row["data"],
                str(row["seed"]),
                f"{row['miou']:.3f}",
                kind,
                str(len(found)),
                *curves,
                *listed,
                *others,
            )
            text.append(f"| {' | '.join(cells)} |")
    return "\n".join(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_data_options(parser)
    add_options(parser, "planted_label_errors.jsonl")
    given = parser.parse_args()
    if given.show:
        print(show(read(given.show)))
        return
    options = (given.data, given.weights, given.mask_name, given.pixels, given.images)
    jobs = [
        ((given.data.name, given.images, seed), partial(train, *options, seed))
        for seed in part_of(given.seeds, given.part)
    ]
    run_missing(jobs, given.out, lambda row: (row["data"], row["images"], row["seed"]))


if __name__ == "__main__":
    main()
