"""A model against labelled images: one confusion matrix per image, further metrics if asked, and what follows."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Int64, UInt8
from numpy.typing import NDArray
from torch import Tensor

from segue.data.classes import Classes
from segue.data.index import Sample
from segue.data.loader import read_sample
from segue.errors import DataError
from segue.infer.ahead import ahead
from segue.infer.counts import Counts
from segue.infer.out_of_fold import Judge
from segue.infer.segmenter import Prepared, Watch
from segue.metrics.case import Case, Measure
from segue.metrics.confusion import confusion, number, scores
from segue.metrics.measured import Measured
from segue.metrics.metric import Metric
from segue.metrics.studentised import miou_interval
from segue.metrics.units import resampling_units
from segue.trust.label_errors import ImageEvidence, LabelErrors, Suspicions
from segue.trust.look import Look
from segue.trust.sample import ImageSampler, PixelSample, joined, pixels_per_image

Seen = tuple[Sample, NDArray[np.uint8], NDArray[np.uint8], ImageEvidence]  # with its labels, the classes seen, evidence


@dataclass(frozen=True)
class Evaluation:
    """Confusion matrices (rows truth) of the images `ids`, which belong to `groups` ("" is a group of its own).

    `measured` holds the further metrics that were asked for, by name, in lengths of `measure`; `sample` the logits of
    labelled pixels, to measure calibration on, and `label_errors` where the labels themselves are suspect. `looks` is
    what was seen of each image.
    """

    ids: tuple[str, ...]
    groups: tuple[str, ...]
    matrices: Int64[np.ndarray, "images classes classes"]
    classes: Classes
    seconds: float
    measured: Mapping[str, Measured] = field(default_factory=dict)
    measure: Measure = field(default_factory=Measure)
    sample: PixelSample | None = None
    label_errors: LabelErrors | None = None
    looks: tuple[Look, ...] = ()

    @property
    def matrix(self) -> Int64[np.ndarray, "classes classes"]:
        """The confusion matrix of all images together."""
        return np.asarray(self.matrices.sum(axis=0))

    def summary(self, resamples: int = 1000, seed: int = 0) -> dict[str, Any]:
        """Every score as JSON types; the keys are stable.

        `miou` is that of all pixels together, with `interval`, its 95 % bootstrap interval over `interval_unit`
        ("images" or "groups", `interval_units` of them); `interval_caution` says why it is not to be trusted, or is
        None. Undefined numbers are None. Where further metrics were asked for, `metrics` has `Measured.summary` of each
        and `measure` what their lengths mean.
        """
        units = resampling_units(len(self.ids), self.groups)
        interval = miou_interval(self.matrices, units, resamples=resamples, seed=seed)
        names = self.classes.names
        further = {name: one.summary(names, units, resamples, seed) for name, one in self.measured.items()}
        return (
            scores(self.matrix).summary(names)
            | {
                "n_images": len(self.ids),
                "interval": [number(interval.low), number(interval.high)],
                "interval_unit": interval.unit,
                "interval_units": interval.units,
                "interval_caution": interval.caution or None,
                "seconds": round(self.seconds, 3),
            }
            | ({"metrics": further, "measure": asdict(self.measure)} if further else {})
        )

    def counts(self) -> Counts:
        """What a comparison with another run needs of this one."""
        return Counts(self.ids, self.groups, self.classes.names, self.matrices)

    def image_mious(self) -> list[float]:
        """The mean IoU of each image over the classes its truth holds; NaN where nothing is labelled."""
        return [_image_miou(matrix) for matrix in self.matrices]

    def worst(self, count: int) -> tuple[str, ...]:
        """Ids of the `count` images with the lowest `image_mious`, worst first; unlabelled ones are left out."""
        ranked = sorted((miou, name) for miou, name in zip(self.image_mious(), self.ids, strict=True) if miou == miou)
        return tuple(name for _, name in ranked[:count])

    def csv(self) -> str:
        """One row per image: id, group, miou over the classes present, pixel accuracy, labelled pixels, IoU by class.

        A class that is neither in the image nor predicted there has an empty cell. Each further metric adds a column
        for all classes together and one for each class.
        """
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        names = self.classes.names
        further = [label for metric in self.measured for label in (metric, *(f"{metric} {name}" for name in names))]
        rows.writerow(["id", "group", "miou", "pixel_accuracy", "pixels", *(f"iou {name}" for name in names), *further])
        values = np.concatenate([np.empty((len(self.ids), 0)), *(one.of_images() for one in self.measured.values())], 1)
        for i, (miou, matrix) in enumerate(zip(self.image_mious(), self.matrices, strict=True)):
            one = scores(matrix)
            numbers = (miou, one.pixel_accuracy, *one.class_iou, *values[i])
            cells = ["" if value != value else f"{value:.6f}" for value in numbers]
            rows.writerow([self.ids[i], self.groups[i], *cells[:2], int(matrix.sum()), *cells[2:]])
        return text.getvalue()


def evaluate(
    segmenter: Judge,
    samples: Sequence[Sample],
    classes: Classes | None = None,
    progress: Callable[[float, str], None] | None = None,
    metrics: Mapping[str, Metric] | None = None,
    measure: Measure | None = None,
) -> Evaluation:
    """Predict every sample at its own size and count pixels.

    Args:
        segmenter: the model, or one for each fold.
        samples: labelled images.
        classes: the mask values of the model's classes in these samples, where they differ from the model's own.
        progress: called after every image with the share done and the image's id.
        metrics: what else to compute, by name (`segue.metrics.measured.chosen`); some take longer than the network.
        measure: what the lengths in these metrics mean; pixels when not given.

    Raises:
        DataError: there is no sample, or one cannot be read, has no mask, or a value the classes do not know.
    """
    if not samples:
        raise DataError("expected at least one labelled image to evaluate on, got none")
    started = time.perf_counter()

    def load(sample: Sample) -> tuple[Prepared, UInt8[np.ndarray, "height width"]]:
        pixels, truth = read_sample(sample, classes or segmenter.classes, segmenter.info.prep)
        return segmenter.of(sample.id).prepare(pixels), truth

    matrices: list[np.ndarray] = []
    looks: list[Look] = []
    samplers: list[ImageSampler] = []
    suspicions = Suspicions(len(segmenter.classes))
    drawn = pixels_per_image(len(samples), len(segmenter.classes))
    evidence: dict[str, list[np.ndarray]] = {name: [] for name in metrics or {}}

    def seen() -> Iterator[Seen]:
        for sample, loading in ahead(load, samples):
            prepared, truth = loading.result()
            samplers.append(ImageSampler(truth, drawn, index=len(samplers)))
            labels = ImageEvidence(truth)
            predicted = segmenter.of(sample.id).segment(prepared, watch=_both(samplers[-1].take, labels.take))
            assert predicted.look is not None, "a prediction of an image has one"
            looks.append(predicted.look)
            yield sample, truth, predicted.mask, labels

    def count(image: Seen) -> None:
        sample, truth, prediction, labels = image
        suspicions.add(labels)
        matrices.append(confusion(truth, prediction, len(segmenter.classes)))
        case = Case(truth, prediction, len(segmenter.classes), measure or Measure())
        for name, metric in (metrics or {}).items():
            evidence[name].append(metric.evidence(case))
        if progress is not None:
            progress(len(matrices) / len(samples), sample.id)

    # one image is counted, on one core, while the network sees the next one
    for _, counted in ahead(count, seen(), threads=1):
        counted.result()
    return Evaluation(
        tuple(sample.id for sample in samples),
        tuple(sample.group for sample in samples),
        np.stack(matrices),
        segmenter.classes,
        time.perf_counter() - started,
        {name: Measured(metric, np.stack(evidence[name])) for name, metric in (metrics or {}).items()},
        measure or Measure(),
        joined(samplers),
        suspicions.label_errors(),
        tuple(looks),
    )


def _both(first: Watch, second: Watch) -> Watch:
    def watch(top: int, logits: Tensor) -> None:
        first(top, logits)
        second(top, logits)

    return watch


def _image_miou(matrix: Int64[np.ndarray, "classes classes"]) -> float:
    iou = scores(matrix).class_iou[matrix.sum(axis=1) > 0]
    return float(iou.mean()) if iou.size else float("nan")
