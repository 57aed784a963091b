"""What is judged: anything that makes a picture of a content and a style. The baselines that need no network are here.

A method that paints is one more `Method`; nothing else has to know of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from segue.data.augment.fda import amplitude_of, exchanged
from segue.style.colours import coral
from segue.style.evaluation.measures import COLOUR, FDA, IDENTITY, STYLE
from segue.style.picture import resized

Picture = Float[Tensor, "1 3 _ _"]
Tell = Callable[[float], None]  # told the share of a picture that is painted
Paint = Callable[[Picture, Picture, str, Tell], Picture]
BETA = 0.05  # of FDA, in waves per pixel: the middle one of the three that its authors try


@dataclass(frozen=True)
class Method:
    """A way to paint under a `name`; `curve` joins those that differ in strength alone.

    `paint(content, style, name, tell)`, with the style's name, gives a picture of the content's size, values 0 to 1.
    `work` says about how many passes through a small network that takes, for the estimate of the time. `network` and
    `network_sha256` are what it was optimised or trained with, `parts` names and SHA-256 of networks that are a part of
    what paints; none of them must judge it. `sha256` is that of the weights it paints with.
    """

    name: str
    paint: Paint
    about: str
    work: float = 1.0
    network: str = ""
    network_sha256: str = ""
    sha256: str = ""
    curve: str = ""
    parts: tuple[str, ...] = ()

    @property
    def painted_with(self) -> frozenset[str]:
        """Names and SHA-256 of the networks that must not judge it."""
        return frozenset({self.network, self.network_sha256, self.sha256, *self.parts} - {""})


def baselines() -> dict[str, Method]:
    """The ones without a network: what is left alone, replaced, or given the style's colours."""
    found = (
        Method(IDENTITY, _identity, "the content as it is"),
        Method(STYLE, _style, "the style itself, stretched to the content's size"),
        Method(COLOUR, _colour, "the content with the mean and the covariance of the style's colours (CORAL)"),
        Method(FDA, _fda, f"the content with the style's slow waves (FDA, beta {BETA:g})"),
    )
    return {method.name: method for method in found}


def _identity(content: Picture, style: Picture, name: str, tell: Tell) -> Picture:
    return content


def _style(content: Picture, style: Picture, name: str, tell: Tell) -> Picture:
    return resized(style, (content.shape[2], content.shape[3]))


def _colour(content: Picture, style: Picture, name: str, tell: Tell) -> Picture:
    return coral(content, style)


def _fda(content: Picture, style: Picture, name: str, tell: Tell) -> Picture:
    one, other = (_levels(each) for each in (content, resized(style, (content.shape[2], content.shape[3]))))
    changed = np.clip(exchanged(one, amplitude_of(other), BETA), 0, 255) / 255
    return torch.from_numpy(changed).permute(2, 0, 1)[None].contiguous().to(content)


def _levels(picture: Picture) -> np.ndarray:
    return (picture[0].permute(1, 2, 0).cpu().numpy() * 255).astype(np.float32)
