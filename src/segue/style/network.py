"""What every network that paints in one pass has in common, whatever its kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from segue.errors import UsageError

Prepared = tuple[Tensor, ...]  # what a network made of the styles that are asked for; only that network reads it
Strength = float | Float[Tensor, ""]  # a tensor in a graph that takes it as an input
Statistics = tuple[Tensor, ...]  # mean and spread of every normalisation, each (regions, 2, channels), float32


@dataclass(frozen=True)
class Wanted:
    """A style that is asked for: the row of a network that has learned it, or its picture; and its share of a mix."""

    row: int | None = None
    picture: Float[Tensor, "1 3 height width"] | None = None
    share: float = 1.0


class StyleNetwork(nn.Module, ABC):
    """A network that paints pictures from 0 to 1, and can be told the statistics it normalises by.

    A large picture is painted in tiles with the statistics of a small copy of it, so that tiles fit together (the idea
    of URST, https://arxiv.org/abs/2103.11784). `reach` is how many pixels away from a pixel of the result anything in
    the content still counts, statistics aside; tiles begin at multiples of `step`.
    """

    kind: ClassVar[str]  # its row in `segue.style.model_folder.KINDS`
    takes_pictures: ClassVar[bool]  # whether it paints in styles it has never seen, given as pictures
    deviations: ClassVar[bool]  # whether the spread in its statistics is a deviation; a variance if not
    reach: int
    step: int
    in_half: bool = False

    def computing_in(self, precision: str) -> StyleNetwork:
        """Itself, with convolutions in fp32 or bf16; weights, statistics and pictures stay float32."""
        self.in_half = precision == "bf16"
        return self

    def computing(self) -> torch.autocast:
        """The context that everything of the network runs in, whoever calls it."""
        return torch.autocast(next(self.parameters()).device.type, torch.bfloat16, enabled=self.in_half)

    @classmethod
    @abstractmethod
    def from_numbers(cls, numbers: dict[str, Any]) -> StyleNetwork:
        """The network with random weights, from what `numbers` gives; raises `UsageError` for what makes none."""

    @property
    @abstractmethod
    def numbers(self) -> dict[str, Any]:
        """The numbers of its architecture, as plain JSON types."""

    @abstractmethod
    def prepared(self, *regions: Sequence[Wanted]) -> Prepared:
        """The styles of one or more regions, each a mix by shares; computed once for any number of pictures.

        Raises:
            UsageError: a style is of the other sort (row, picture), or shares are below 0 or all 0.
        """

    @abstractmethod
    def stylise(
        self,
        content: Float[Tensor, "1 3 height width"],
        style: Prepared,
        strength: Strength = 1.0,
        *,
        statistics: Statistics | None = None,
        maps: Float[Tensor, "regions height width"] | None = None,
    ) -> Float[Tensor, "1 3 height width"]:
        """The content painted: any size from 1 pixel on, values from 0 to 1, and with strength 0 the content itself.

        `statistics` stand in place of the content's own. `maps` are the regions of `segue.style.regions`, for a `style`
        of as many regions.
        """

    @abstractmethod
    def statistics(
        self,
        content: Float[Tensor, "1 3 height width"],
        style: Prepared,
        maps: Float[Tensor, "regions height width"] | None = None,
        strength: Strength = 1.0,
    ) -> Statistics:
        """What the network normalises by when it paints this picture with that strength."""


def picture_of(style: Wanted) -> Float[Tensor, "1 3 height width"]:
    """The picture of a style; raises `UsageError` for the row of one, which only a network that learned it knows."""
    if style.picture is None:
        raise UsageError(f"expected the picture of a style, which this network takes, got row {style.row}")
    return style.picture


def check_numbers(numbers: dict[str, Any], kinds: dict[str, type]) -> None:
    """Raise `UsageError` where the numbers of a stranger's file are not just those of `kinds`, each of its type."""
    wrong = [name for name, kind in kinds.items() if type(numbers.get(name)) is not kind]
    if wrong or set(numbers) - set(kinds):
        name = (wrong or sorted(set(numbers) - set(kinds)))[0]
        raise UsageError(f"expected the numbers {', '.join(kinds)}, got {name} = {numbers.get(name)!r}")


def shares_of(styles: Sequence[Wanted]) -> list[float]:
    """The shares, scaled to add up to one.

    None may be negative, so none is above one: between styles that were learned lies a style, beyond them colours clip.
    Raises `UsageError` for a negative share, or when all are 0.
    """
    shares = [style.share for style in styles]
    if not shares or min(shares) < 0 or not 0 < sum(shares) < float("inf"):
        raise UsageError(f"expected shares of styles that are 0 or more, one of them above, got {shares}")
    return [share / sum(shares) for share in shares]
