"""What a report is made of, as plain data: whoever has these can write one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Int64, Integer, UInt8
from numpy.typing import NDArray

from segue.data.classes import Classes
from segue.data.index import Problem
from segue.train.state import Row


@dataclass(frozen=True)
class Example:
    """One labelled image beside what the model says: decoded pixels (H, W, C), class ids, the image's own mean IoU."""

    id: str
    pixels: NDArray[Any]
    truth: UInt8[np.ndarray, "height width"]
    prediction: UInt8[np.ndarray, "height width"]
    miou: float


@dataclass(frozen=True)
class Crop:
    """A suspected label error of the image `id` with its surroundings, labelled `given`, seen as `suspected`.

    Decoded pixels (H, W, C), class ids of label and prediction, and which pixels are suspect.
    """

    id: str
    given: int
    suspected: int
    pixels: NDArray[Any]
    truth: UInt8[np.ndarray, "height width"]
    prediction: UInt8[np.ndarray, "height width"]
    suspect: Bool[np.ndarray, "height width"]


@dataclass(frozen=True)
class SplitSummary:
    """One part of the data: its images, the groups they come from, and how many pixels each class has."""

    name: str
    images: int
    groups: int
    pixels: Integer[np.ndarray, " classes"]


@dataclass(frozen=True)
class DataSummary:
    """The data set a model was trained or evaluated on.

    `findings` are the doctor's, or of the layout alone where the files were not `examined`.
    """

    root: str
    format: str
    channels: int
    splits: tuple[SplitSummary, ...]
    findings: tuple[Problem, ...] = ()
    examined: bool = True


@dataclass(frozen=True)
class ReportInputs:
    """Everything `write_report` shows. What is left empty gets no section.

    `summary` is `Evaluation.summary()`, `matrix` its confusion matrix; `pretrained` are labelled facts on the starting
    weights (what was loaded, source, licence); `config` is the resolved configuration; `command` the line that does it
    again; `seconds` the wall clock of training; `class_weights` what each class weighed in the loss, if
    weights were used; `judged` a sentence on what was scored, where it is not the model itself; `caution`
    why the score flatters, where it does.
    """

    title: str
    classes: Classes
    summary: dict[str, Any]
    matrix: Int64[np.ndarray, "classes classes"]
    command: str
    history: tuple[Row, ...] = ()
    worst: tuple[Example, ...] = ()
    random: tuple[Example, ...] = ()
    suspects: tuple[Crop, ...] = ()
    data: DataSummary | None = None
    pretrained: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    seconds: float | None = None
    class_weights: dict[str, float] = field(default_factory=dict)
    judged: str = ""
    caution: str = ""
