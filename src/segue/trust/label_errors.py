"""Suspected label errors: patches whose label a confident network contradicts, found while images go by.

A pixel is suspect when the network's first choice is not its label, and it gives that class at least as much as it
gives it on average where the labels agree (confident learning, Northcutt et al. 2021,
https://arxiv.org/abs/1911.00068; for segmentation Lad and Mueller 2023, https://arxiv.org/abs/2307.05080, cleanlab).
What a person can check is a patch, not a pixel, so suspects are whole connected components (Rottmann and Reese 2023,
https://arxiv.org/abs/2207.06104).

Deviations. cleanlab wants the probabilities of all images in memory and, to make them smaller, averages class ids,
which invents classes; here every pixel counts at its own size, and of an image only what may become a suspect stays. A
pixel whose first choice falls short of its class's average is never suspect (cleanlab goes on to lesser choices).
Unlabelled pixels take no part. Components are ranked by the evidence against their label, images by their component
with the most. It is the product of three: the log of how much more probable the first choice is than the label, on
average over the pixels (what a network merely mistakes it gives some probability, a wrong label mostly none); the
square root of the component's share of the image (neighbouring pixels err together, so that a hundred say less than a
hundred times what one says); and the surprise, -log of how often the network takes the one class for the other in the
other images (pavement for road: a weakness of the network rather than an error of the label). In
`benchmarks/planted_label_errors.md` that finds more planted errors than the sum of 1 - probability (Rottmann and Reese)
and than the soft minimum of the probabilities (Lad and Mueller).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64, UInt8
from torch import Tensor

from segue.data.classes import IGNORE
from segue.metrics.confusion import confusion, number
from segue.trust.regions import regions

SMALLEST = 50  # pixels of a component
CORE = 5  # pixels: side of the square a component must hold; what is thinner is a contour drawn a little off
LISTED = 50  # components and images in the record
LEAST = 1e-4  # the smallest probability of a label that counts as evidence: below it, networks are not calibrated
MOST_PIXELS = 4 * 2**20  # pixels of possible components kept of all images together: about 70 MB


@dataclass(frozen=True)
class Suspect:
    """A component of the image number `image`, labelled `given` where the network sees `suspected`.

    `score` is the evidence against its label, `box` its first row and column and those past its last, and `positions`
    (row * width + column) are its pixels in reading order.
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
    of the images (that of their worst component; 0 where nothing is suspect), `suspects` the worst components, worst
    first. `complete` says that nothing worse than the last of them was given up for memory.
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
    """Connected pixels of one image with the same label and the same other first choice: what may be suspect.

    The image is `width` wide, has `labelled` pixels, `of_given` of them with this label and `confused` with this first
    choice besides.
    """

    image: int
    given: int
    suspected: int
    width: int
    labelled: int
    of_given: int
    confused: int
    positions: Int64[np.ndarray, " pixels"]
    evidence: Float32[np.ndarray, " pixels"]
    surest: Float32[np.ndarray, " pixels"]

    def score(self, chosen: Int64[np.ndarray, " chosen"], surprise: float) -> float:
        """The evidence in some of the pixels, by their places in `positions`."""
        evidence = self.evidence[chosen].astype(np.float64)
        return float(evidence.mean() * math.sqrt(evidence.size / self.labelled) * surprise)

    @cached_property
    def most(self) -> float:
        """A bound on the score of any component within, at a surprise of 1."""
        return float(self.evidence.max() * math.sqrt(self.evidence.size / self.labelled))


class Suspicions:
    """Gathers the evidence of images one by one, in bounded memory.

    The thresholds are known only after the last image. Until then every patch on which the network disagrees with the
    labels may be suspect; where they become too many, those with the least evidence are given up.
    """

    def __init__(self, classes: int, smallest: int = SMALLEST, core: int = CORE, most: int = MOST_PIXELS) -> None:
        self._smallest, self._core, self._most = smallest, core, most
        self._sums, self._confusion = np.zeros(classes), np.zeros((classes, classes), np.int64)
        self._images = 0
        self._patches: list[_Patch] = []
        self._given_up = 0.0  # the largest `most` of a patch that was

    def add(self, image: ImageEvidence) -> None:
        """Take in one image, of which all bands were seen."""
        known = image.truth != IGNORE
        labels, given, classes = image.truth[known], image.given[known], self._sums.size
        own = confusion(image.truth, image.first, classes)
        self._confusion += own
        self._sums += np.bincount(labels, weights=given, minlength=classes)
        differs = known & (image.first != image.truth)
        codes = np.where(differs, image.truth.astype(np.int64) * classes + image.first, -1)
        for positions in regions(codes, self._smallest, self._core):
            pair = divmod(int(codes.flat[positions[0]]), classes)
            surest = image.surest.ravel()[positions]
            evidence = np.log(surest / np.maximum(image.given.ravel()[positions], LEAST))
            counts = labels.size, int(own[pair[0]].sum()), int(own[pair])
            self._patches.append(_Patch(self._images, *pair, codes.shape[1], *counts, positions, evidence, surest))
        self._images += 1
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
        counts = self._confusion.sum(axis=1)
        thresholds = np.where(counts > 0, self._sums / np.maximum(counts, 1), np.nan)
        every = [one for patch in self._patches for one in self._confident(patch, float(thresholds[patch.suspected]))]
        every.sort(key=lambda one: (-one.score, one.image, one.box))
        scores = np.zeros(self._images)
        for one in every:
            scores[one.image] = max(scores[one.image], one.score)
        lowest = every[count - 1].score if len(every) >= count else 0.0
        given_up = self._given_up * math.log(counts.sum() + counts.size)  # the largest surprise there can be
        return LabelErrors(thresholds, scores, tuple(every[:count]), given_up <= lowest)

    def _surprise(self, patch: _Patch) -> float:
        """How unusual this confusion is in the other images; one more of each is counted, for those never seen."""
        confused = self._confusion[patch.given, patch.suspected] - patch.confused
        labelled = self._confusion[patch.given].sum() - patch.of_given
        return -math.log((confused + 1) / (labelled + self._sums.size))

    def _confident(self, patch: _Patch, threshold: float) -> list[Suspect]:
        """The components of a patch's pixels that reach the threshold of the class the network sees."""
        rows, columns = np.divmod(patch.positions, patch.width)
        top, left = int(rows.min()), int(columns.min())
        codes = np.full((int(rows.max()) - top + 1, int(columns.max()) - left + 1), -1, np.int64)
        sure = patch.surest >= threshold
        codes[rows[sure] - top, columns[sure] - left] = 0
        found, surprise = [], self._surprise(patch)
        for part in regions(codes, self._smallest, self._core):
            down, right = np.divmod(part, codes.shape[1])
            positions = (down + top) * patch.width + right + left
            score = patch.score(np.searchsorted(patch.positions, positions), surprise)
            box = (down.min() + top, right.min() + left, down.max() + top + 1, right.max() + left + 1)
            top_left_bottom_right = (int(box[0]), int(box[1]), int(box[2]), int(box[3]))
            found.append(Suspect(patch.image, patch.given, patch.suspected, score, top_left_bottom_right, positions))
        return found
