"""The files an evaluation leaves in a folder, whether a fit or `segue evaluate` made it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from segue.durable import write_text
from segue.infer.counts import FILE, save_counts
from segue.infer.evaluate import Evaluation
from segue.report.inputs import ReportInputs
from segue.report.page import write_report
from segue.report.pictures import save_examples, save_worst
from segue.report.plots import save_confusion
from segue.report.reliability import save_reliability


def write_evaluation(folder: Path, record: dict[str, Any], evaluation: Evaluation, inputs: ReportInputs) -> None:
    """Write evaluation.json, per_image.csv, confusion.npz, suspects.json, report.html, worst/ and the other pictures.

    `record` is the content of evaluation.json. Files of an earlier evaluation are replaced. Raises `RunError` when one
    cannot be written.
    """
    write_text(folder / "evaluation.json", json.dumps(record, indent=1, allow_nan=False) + "\n")
    write_text(folder / "per_image.csv", evaluation.csv())
    save_counts(folder / FILE, evaluation.counts())
    if evaluation.label_errors is not None:
        suspects = evaluation.label_errors.summary(evaluation.ids, inputs.classes.names)
        write_text(folder / "suspects.json", json.dumps(suspects, indent=1, allow_nan=False) + "\n")
    save_confusion(folder / "confusion.png", inputs.matrix, inputs.classes.names)
    calibration = inputs.summary.get("calibration")
    if calibration and calibration["before"]["ece"] is not None:
        save_reliability(folder / "reliability.png", calibration)
    save_examples(folder / "val_pred.jpg", inputs.random or inputs.worst, inputs.classes)
    shutil.rmtree(folder / "worst", ignore_errors=True)  # an earlier evaluation may have drawn others
    save_worst(folder / "worst", inputs.worst, inputs.classes)
    write_report(folder / "report.html", inputs)
