"""Any style in one pass by gains and offsets that are predicted from its picture.

The network that paints is `segue.style.transform_network` with one row of gains and offsets, to which the predictor
(`segue.style.style_predictor`) adds what the style changes of them (https://arxiv.org/abs/1705.06830).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from segue.errors import UsageError
from segue.style.network import (
    Prepared,
    Statistics,
    Strength,
    StyleNetwork,
    Wanted,
    check_numbers,
    picture_of,
    shares_of,
)
from segue.style.style_predictor import CODE, StylePredictor
from segue.style.transform_network import BLOCKS, TransformNetwork

ENCODER = "mobilenetv2_100@4"  # to stride 16, as deep as what the paper takes of Inception v3
MOST_CODE = 4096  # numbers of a code in a file; anything past it is damage or an attack on memory
_NUMBERS = {"predictor": str, "code": int, "width": float, "blocks": int}


class PredictedNetwork(StyleNetwork):
    """Paints in the style of pictures it has never seen.

    `predictor` is the name of the encoder that looks at a style, `code` how many numbers are kept of it; `width` and
    `blocks` are those of `TransformNetwork`. Raises `UsageError` where there is no such encoder.
    """

    kind: ClassVar[str] = "predict"
    takes_pictures: ClassVar[bool] = True
    deviations: ClassVar[bool] = False

    def __init__(self, predictor: str = ENCODER, code: int = CODE, width: float = 0.5, blocks: int = BLOCKS) -> None:
        super().__init__()
        self._numbers = {"predictor": predictor, "code": code, "width": float(width), "blocks": blocks}
        self.painter = TransformNetwork(1, width, blocks)
        self.sizes = [table.shape[1] for table in self.painter.tables()]
        self.predictor = StylePredictor(predictor, sum(self.sizes), code)
        self.step, self.reach = self.painter.step, self.painter.reach

    @classmethod
    def from_numbers(cls, numbers: dict[str, Any]) -> PredictedNetwork:
        """The network with random weights; raises `UsageError` where `numbers` are not what `numbers` gives."""
        check_numbers(numbers, _NUMBERS)
        if not 1 <= numbers["code"] <= MOST_CODE:
            raise UsageError(f"expected a code of 1 to {MOST_CODE} numbers, got {numbers['code']}")
        width, blocks = numbers["width"], numbers["blocks"]
        TransformNetwork.check({"styles": 1, "width": width, "blocks": blocks, "output": "change"})
        return cls(**numbers)

    @property
    def numbers(self) -> dict[str, Any]:
        """The predictor's encoder, the numbers of a code, width and blocks."""
        return dict(self._numbers)

    def computing_in(self, precision: str) -> StyleNetwork:
        """Itself, with convolutions in fp32 or bf16; gains and offsets are predicted in float32 either way."""
        self.painter.computing_in(precision)
        return super().computing_in(precision)

    def codes(self, pictures: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch code"]:
        """The codes of a batch of styles, each of which may be mixed with others by weighted means."""
        with self.computing():
            found: Tensor = self.predictor.codes(pictures.to(next(self.parameters()).device))
        return found

    def tables(self, codes: Float[Tensor, "batch code"]) -> tuple[Float[Tensor, "batch _"], ...]:
        """Gains and offsets of every normalisation in turn, each with a row for every code."""
        parts = torch.split(self.predictor.outputs(codes), self.sizes, 1)
        return tuple(own + part for own, part in zip(self.painter.tables(), parts, strict=True))

    def forward(
        self, content: Float[Tensor, "batch 3 height width"], codes: Float[Tensor, "batch code"]
    ) -> Float[Tensor, "batch 3 height width"]:
        """A batch painted, each picture in the style of its code: the way the network is trained."""
        return self.painter.painted_with(content, self.tables(codes))

    def prepared(self, *regions: Sequence[Wanted]) -> Prepared:
        """Gains and offsets of every normalisation, each (regions, channels), from means of codes by their shares."""
        mixes = []
        for styles in regions:
            codes = [self.codes(picture_of(style)) for style in styles]
            shares = torch.tensor(shares_of(styles), device=codes[0].device)
            mixes.append((shares[:, None] * torch.cat(codes)).sum(0, keepdim=True))
        return self.tables(torch.cat(mixes))

    def stylise(
        self,
        content: Float[Tensor, "1 3 height width"],
        style: Prepared,
        strength: Strength = 1.0,
        *,
        statistics: Statistics | None = None,
        maps: Float[Tensor, "regions height width"] | None = None,
    ) -> Float[Tensor, "1 3 height width"]:
        """The content painted, see `StyleNetwork`; strength goes from the content's own gains and offsets on.

        So the authors' own program goes from identity to style. A content painted in its own style is not quite itself:
        what it lost is given back in the measure 1 - strength, so that 0 is the very content. `statistics` are those of
        the same strength.
        """
        if not isinstance(strength, Tensor) and strength == 1:
            return self.painter.stylise(content, style, statistics=statistics, maps=maps)
        if statistics is None:
            statistics = self.statistics(content, style, maps, strength)
        own, mixed, code = self._ends(statistics)
        ends = self._own(code, style)
        between = tuple(torch.lerp(one, other, strength) for one, other in zip(ends, style, strict=True))
        painted = self.painter.stylise(content, between, statistics=mixed, maps=maps)
        itself = self.painter.stylise(content, ends, statistics=own, maps=maps)
        return (painted + (1 - strength) * (content - itself)).clamp(0, 1)

    def statistics(
        self,
        content: Float[Tensor, "1 3 height width"],
        style: Prepared,
        maps: Float[Tensor, "regions height width"] | None = None,
        strength: Strength = 1.0,
    ) -> Statistics:
        """Mean and variance behind every convolution but the last.

        With less than full strength, those of the content in its own style, those of what lies between, and the
        content's code, which no tile of it could know.
        """
        if not isinstance(strength, Tensor) and strength == 1:
            return self.painter.statistics(content, style, maps)
        code = self.codes(content)
        ends = self._own(code, style)
        between = tuple(torch.lerp(one, other, strength) for one, other in zip(ends, style, strict=True))
        own, mixed = (self.painter.statistics(content, tables, maps) for tables in (ends, between))
        return (*own, *mixed, code)

    def _own(self, code: Tensor, style: Prepared) -> Prepared:
        """The gains and offsets of the content itself, in as many regions as the style has."""
        return tuple(table.expand_as(other) for table, other in zip(self.tables(code), style, strict=True))

    def _ends(self, statistics: Statistics) -> tuple[Statistics, Statistics, Tensor]:
        count = len(statistics) // 2
        assert len(statistics) == 2 * (len(self.painter.norms) - 1) + 1, "statistics are those of the same strength"
        return statistics[:count], statistics[count:-1], statistics[-1]
