"""Encoders of timm's written out in torch, for predicting: importing timm takes longer than the rest of a prediction.

A twin has the tensor names of the timm network it is named after and computes the same bits; it is built where a
trained model is loaded (`segue.models.artifact`), never for training. An encoder without a twin is built by timm. To
add one: a file here, a row below, under timm's name; `tests/models/test_twins.py` compares it with timm's.
"""

from __future__ import annotations

from segue.table import Table

TWINS = Table(
    "encoder",
    __name__,
    mobilenetv2_100="mobilenetv2:MobileNetV2",
    resnet18="resnet:resnet18",
    resnet34="resnet:resnet34",
    resnet50="resnet:resnet50",
)
