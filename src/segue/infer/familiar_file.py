"""`familiar.safetensors` in the model folder: what new images are compared with.

`directions` (float16, kept images x features) and `held_out` (float64, distances) are those of
`segue.trust.novelty.Familiar`, `colours` (float64, groups or images x numbers) those of the training images.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from segue.errors import RunError, WeightsError
from segue.models.artifact import FAMILIAR_NAME, ModelInfo, model_folder, read_familiar, save_familiar
from segue.trust.novelty import FEWEST, Familiar

_TYPES = {"directions": (torch.float16, 2), "held_out": (torch.float64, 1), "colours": (torch.float64, 2)}


@dataclass(frozen=True)
class Seen:
    """What a model was trained on: `familiar` in its encoder's eyes, and the `colours` (`Look.colours`) of its images.

    A row of colours is one image, or the mean of a group where images share groups.
    """

    familiar: Familiar
    colours: Float64[np.ndarray, "units colours"]


def save_seen(run: Path, seen: Seen) -> ModelInfo:
    """Write `seen` into the model folder; raises `RunError` as `save_familiar` does."""
    arrays = {"directions": seen.familiar.directions, "held_out": seen.familiar.held_out, "colours": seen.colours}
    return save_familiar(run, {name: torch.from_numpy(np.ascontiguousarray(one)) for name, one in arrays.items()})


def load_seen(run: Path, info: ModelInfo) -> Seen | None:
    """What the model of a run was trained on; None for a model of before this was kept.

    Raises:
        WeightsError: the file is missing, damaged, or holds something else.
    """
    tensors = read_familiar(run, info)
    if not tensors:
        return None
    wrong = _wrong(tensors, 2 * info.prep.channels + 1)
    if wrong:
        raise WeightsError(f"{model_folder(run) / FAMILIAR_NAME}: {wrong}: copy the whole model folder again")
    familiar = Familiar(tensors["directions"].numpy(), tensors["held_out"].numpy())
    return Seen(familiar, tensors["colours"].numpy())


def require_threshold(run: Path, seen: Seen | None) -> None:
    """Refuse to abstain where nothing tells from which distance on.

    Raises:
        RunError: the model keeps no training images, or too few held-out ones to set a threshold.
    """
    if seen is None:
        raise RunError(
            f"{run}: expected a model that knows its training images, got one of before this was kept: fit again, or "
            "leave --abstain out"
        )
    if len(seen.familiar.held_out) < FEWEST:
        raise RunError(
            f"{run}: expected {FEWEST} held-out images to set the distance from which an image is unlike, got "
            f"{len(seen.familiar.held_out)} (of images that share a group, one counts): validate with more of them, or "
            "leave --abstain out"
        )


def _wrong(tensors: dict[str, Tensor], colours: int) -> str:
    """What is wrong with the tensors of a file that may be a stranger's; empty when nothing is."""
    if set(tensors) != set(_TYPES):
        return f"expected {', '.join(_TYPES)}, got {', '.join(sorted(tensors))}"
    for name, (kind, axes) in _TYPES.items():
        if (tensors[name].dtype, tensors[name].ndim) != (kind, axes):
            return f"{name}: expected {axes} axes of {kind}, got {tuple(tensors[name].shape)} of {tensors[name].dtype}"
    if not tensors["directions"].numel():
        return "directions: expected at least one training image, got none"
    if not len(tensors["colours"]) or tensors["colours"].shape[1] != colours:
        return f"colours: expected rows of {colours} numbers, got {tuple(tensors['colours'].shape)}"
    distances = tensors["held_out"]
    if distances.numel() and not (distances.min() >= -1e-3 and distances.max() <= 2 + 1e-3):
        return "held_out: expected distances from 0 to 2, got others"
    return ""
