"""Suspected label errors: patches whose label a confident network contradicts, found while images go by.

A pixel is suspect when the network's first choice is not its label, and it gives that class at least as much as it
gives it on average where the labels agree (confident learning, Northcutt et al. 2021,
https://arxiv.org/abs/1911.00068; for segmentation Lad and Mueller 2023, https://arxiv.org/abs/2307.05080, cleanlab).
What a person can check is a patch, not a pixel, so suspects are whole connected components (Rottmann and Reese 2023,
https://arxiv.org/abs/2207.06104).

Deviations. cleanlab wants the probabilities of all images in memory and, to make them smaller, averages class ids,
which invents classes; here every pixel counts at its own size, and of an image only what may become a suspect stays. A
pixel whose first choice falls short of its class's average is never suspect (cleanlab goes on to lesser choices).
Unlabelled pixels take no part. Components are ranked by the evidence against their label, the sum over their pixels of
the log of how much more probable the first choice is than the label, and images by their component with the most, per
labelled pixel. In `benchmarks/planted_label_errors.md` that finds more planted errors than the sum of 1 - probability
(Rottmann and Reese) and than the soft minimum of the probabilities (Lad and Mueller): what a network merely mistakes,
it gives some probability; a label that is wrong mostly none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64, UInt8
from torch import Tensor

from segue.data.classes import IGNORE
from segue.metrics.confusion import number
from segue.trust.regions import regions

SMALLEST = 50  # pixels of a component
CORE = 5  # pixels: side of the square a component must hold; what is thinner is a contour drawn a little off
LISTED = 50  # components and images in the record
LEAST = 1e-4  # the smallest probability of a label that counts as evidence: below it, networks are not calibrated
MOST_PIXELS = 4 * 2**20  # pixels of possible components kept of all images together: about 70 MB


@dataclass(frozen=True)
class Suspect:
    """A component of the image number `image`, labelled `given` where the network sees `suspected`.

    `score` is the evidence against its label in nats, `box` its first row and column and those past its last, and
    `positions` (row * width + column) are its pixels in reading order.
    """

    image: int
    given: int
    suspected: int
    score: float
    box: tuple[int, int, int, int]
    positions: Int64[np.ndarray, " pixels"]


@dataclass(frozen=True)
class LabelErrors:
    """What is suspect in a set of images.

    `thresholds` are the mean probabilities of each class where it is the label (NaN where it never is), `scores` those
    of the images (of their worst component, per labelled pixel; 0 where nothing is suspect), `suspects` the worst
    components, worst first. `complete` says that nothing worse than the last of them was given up for memory.
    """

    thresholds: Float64[np.ndarray, " classes"]
    scores: Float64[np.ndarray, " images"]
    suspects: tuple[Suspect, ...]
    complete: bool = True

    def summary(self, ids: Sequence[str], names: Sequence[str]) -> dict[str, Any]:
        """Everything as JSON types, images by `ids` and classes by `names`; the most suspect `LISTED` images."""
        order = [int(i) for i in np.argsort(-self.scores, kind="stable") if self.scores[i] > 0]
        return {
            "components": [
                {
                    "image": ids[one.image],
                    "given": names[one.given],
                    "suspected": names[one.suspected],
                    "pixels": int(one.positions.size),
                    "score": round(one.score, 3),
                    "box": dict(zip(("top", "left", "bottom", "right"), one.box, strict=True)),
                }
                for one in self.suspects
            ],
            "complete": self.complete,
            "images": [{"image": ids[i], "score": round(float(self.scores[i]), 6)} for i in order[:LISTED]],
            "thresholds": {name: number(float(t)) for name, t in zip(names, self.thresholds, strict=True)},
        }


class ImageEvidence:
    """What one image says about its labels, taken from bands of rows whose order does not matter.

    `given` is the probability of each pixel's label, `first` the network's first choice and `surest` its probability.
    The probabilities are those of the network as it is: thresholds come from the same ones, so a temperature would
    change little, and a fit knows it only after its evaluation.
    """

    def __init__(self, truth: UInt8[np.ndarray, "height width"]) -> None:
        self.truth = truth
        self.given, self.surest = (np.ones(truth.shape, np.float32) for _ in range(2))
        self.first = truth.copy()

    def take(self, top: int, logits: Float32[Tensor, "classes rows width"]) -> None:
        """Look at the rows from `top` on."""
        rows = slice(top, top + logits.shape[1])
        labels = torch.from_numpy(self.truth[rows].astype(np.int64)).to(logits.device)
        shares = torch.softmax(logits, 0)
        surest, first = shares.max(0)
        given = shares.gather(0, labels.where(labels != IGNORE, 0)[None])[0]
        self.given[rows], self.surest[rows] = given.cpu().numpy(), surest.cpu().numpy()
        self.first[rows] = first.to(torch.uint8).cpu().numpy()


@dataclass(frozen=True)
class _Patch:
    """Connected pixels of one image with the same label and the same other first choice: what may be suspect."""

    image: int
    given: int
    suspected: int
    width: int
    positions: Int64[np.ndarray, " pixels"]
    evidence: Float32[np.ndarray, " pixels"]
    surest: Float32[np.ndarray, " pixels"]

    @property
    def most(self) -> float:
        """A bound on the score of any component within."""
        return float(self.evidence.sum(dtype=np.float64))


class Suspicions:
    """Gathers the evidence of images one by one, in bounded memory.

    The thresholds are known only after the last image. Until then every patch on which the network disagrees with the
    labels may be suspect; where they become too many, those with the least evidence are given up.
    """

    def __init__(self, classes: int, smallest: int = SMALLEST, core: int = CORE, most: int = MOST_PIXELS) -> None:
        self._smallest, self._core, self._most = smallest, core, most
        self._sums, self._counts = np.zeros(classes), np.zeros(classes, np.int64)
        self._labelled: list[int] = []  # pixels of each image
        self._patches: list[_Patch] = []
        self._given_up = 0.0  # the largest `most` of a patch that was

    def add(self, image: ImageEvidence) -> None:
        """Take in one image, of which all bands were seen."""
        known = image.truth != IGNORE
        labels, given, classes = image.truth[known], image.given[known], self._counts.size
        self._counts += np.bincount(labels, minlength=classes)
        self._sums += np.bincount(labels, weights=given, minlength=classes)
        differs = known & (image.first != image.truth)
        codes = np.where(differs, image.truth.astype(np.int64) * classes + image.first, -1)
        for positions in regions(codes, self._smallest, self._core):
            pair = divmod(int(codes.flat[positions[0]]), classes)
            surest = image.surest.ravel()[positions]
            evidence = np.log(surest / np.maximum(image.given.ravel()[positions], LEAST))
            self._patches.append(_Patch(len(self._labelled), *pair, codes.shape[1], positions, evidence, surest))
        self._labelled.append(labels.size)
        self._stay_within_memory()

    def _stay_within_memory(self) -> None:
        held = sum(patch.positions.size for patch in self._patches)
        if held <= self._most:
            return
        self._patches.sort(key=lambda patch: -patch.most)
        while held > self._most and len(self._patches) > 1:
            last = self._patches.pop()
            held -= last.positions.size
            self._given_up = max(self._given_up, last.most)

    def label_errors(self, count: int = LISTED) -> LabelErrors:
        """The `count` components with the most evidence, now that all images were seen."""
        seen = self._counts > 0
        thresholds = np.where(seen, self._sums / np.maximum(self._counts, 1), np.nan)
        every = [one for patch in self._patches for one in self._confident(patch, float(thresholds[patch.suspected]))]
        every.sort(key=lambda one: (-one.score, one.image, one.box))
        scores = np.zeros(len(self._labelled))
        for one in every:
            scores[one.image] = max(scores[one.image], one.score / self._labelled[one.image])
        lowest = every[count - 1].score if len(every) >= count else 0.0
        return LabelErrors(thresholds, scores, tuple(every[:count]), self._given_up <= lowest)

    def _confident(self, patch: _Patch, threshold: float) -> list[Suspect]:
        """The components of a patch's pixels that reach the threshold of the class the network sees."""
        rows, columns = np.divmod(patch.positions, patch.width)
        top, left = int(rows.min()), int(columns.min())
        codes = np.full((int(rows.max()) - top + 1, int(columns.max()) - left + 1), -1, np.int64)
        sure = patch.surest >= threshold
        codes[rows[sure] - top, columns[sure] - left] = 0
        found = []
        for part in regions(codes, self._smallest, self._core):
            down, right = np.divmod(part, codes.shape[1])
            positions = (down + top) * patch.width + right + left
            score = float(patch.evidence[np.searchsorted(patch.positions, positions)].sum(dtype=np.float64))
            box = (down.min() + top, right.min() + left, down.max() + top + 1, right.max() + left + 1)
            top_left_bottom_right = (int(box[0]), int(box[1]), int(box[2]), int(box[3]))
            found.append(Suspect(patch.image, patch.given, patch.suspected, score, top_left_bottom_right, positions))
        return found
