"""Say which encoder a weights file belongs to, for the error message when it does not fit the one asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from segue.models.encoders import Encoder, create_encoder
from segue.models.naming import elements, match_names

# the files people have on disk most often; building one without memory takes 0.1 to 0.6 s, so the list stays short
COMMON = (
    "resnet18",
    "resnet34",
    "resnet50",
    "mobilenetv2_100",
    "mobilenetv3_large_100",
    "efficientnet_b0",
    "vgg16",
    "vgg16_bn",
    "densenet121",
    "convnext_tiny",
    "vit_small_patch16_224",
    "vit_base_patch16_224",
    "swin_tiny_patch4_window7_224",
)
ENOUGH = 0.9


def looks_like(tensors: Mapping[str, Tensor]) -> str | None:
    """The common encoder (with `@N` when the file ends early) whose weights these are; None when none is."""
    for name in COMMON:
        with torch.device("meta"):
            encoder = create_encoder(name)
        own = encoder.net.state_dict()
        match = match_names(own, tensors, encoder.stem().removeprefix("net."))
        if elements(match, own) >= ENOUGH * elements(own, own):
            return name
        complete = first_complete_stages(encoder, [key for key in own if key not in match])
        if complete > 1 and elements(match.values(), tensors) >= ENOUGH * elements(tensors, tensors):
            return f"{name}@{complete}"
    return None


def first_complete_stages(encoder: Encoder, missing: Sequence[str]) -> int:
    """How many stages, counted from the stem, have every weight when the tensors called `missing` are not there."""
    absent = set(missing)
    names = {id(parameter): name for name, parameter in encoder.net.named_parameters()}
    stages = encoder.stages()
    for number, stage in enumerate(stages):
        if any(names[id(parameter)] in absent for module in stage for parameter in module.parameters()):
            return number
    return len(stages)
