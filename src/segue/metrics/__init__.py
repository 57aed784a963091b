"""Scores: pure functions on counts and on surfaces.

`METRICS` are the further scores of `segue evaluate --metrics`, each a `Metric`. To add one: a file here, a row below;
`tests/metrics/test_metric_rows.py` says what it has to do.
"""

from __future__ import annotations

from segue.table import Table

METRICS = Table(
    "metric",
    __name__,
    iou="rates:iou",
    f1="rates:f1",
    precision="rates:precision",
    sensitivity="rates:sensitivity",
    tpr="rates:sensitivity",
    specificity="rates:specificity",
    fpr="rates:false_positive_rate",
    kappa="rates:kappa",
    hd="surface_scores:hd",
    hd95="surface_scores:hd95",
    assd="surface_scores:assd",
    nsd="surface_scores:nsd",
    boundary_iou="boundary_iou:boundary_iou",
    trimap_iou="trimap:trimap_iou",
)
