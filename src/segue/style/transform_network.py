"""The image transformation network of Johnson et al., which paints a picture in one pass in a style it has learned.

Johnson, Alahi and Fei-Fei, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution"
(https://arxiv.org/abs/1603.08155), as Dumoulin et al. (https://arxiv.org/abs/1610.07629) changed it: reflected borders,
nearest-neighbour enlargement before a convolution in place of transposed ones, and a row of gains and offsets for each
style (`segue.style.conditional_norm`). Where we deviate: what comes out is no picture but a change of the photo, added
in front of the sigmoid, with a gain and an offset of the style for each channel. So the network need not learn to
draw the photo anew, which is most of the work of a short training, and a dark photo stays dark: instance normalisation
takes brightness and contrast of the photo out of everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from segue.errors import UsageError
from segue.style.conditional_norm import ConditionalNorm, each_normalised, measured, normalised, shifted
from segue.style.network import Prepared, Statistics, Strength, StyleNetwork, Wanted, shares_of
from segue.style.quick_convolutions import by_columns, enlarged
from segue.style.statistics import widened

WIDTHS = (32, 64, 128)  # channels at strides 1, 2 and 4, at width 1
OUTER, INNER = 9, 3  # kernels of the first and the last convolution, and of all between them
BLOCKS = 5
OUTPUTS = ("change", "picture")
STEP = 4  # the coarsest map's stride
DARKEST = 0.1  # nearest to 0 and 1 that a pixel counts as where a change is added: at white, a sigmoid has no slope
SMALLEST = 2 * STEP  # pixels of a side: what is reflected needs a neighbour at stride 4
MOST_STYLES, MOST_WIDTH, MOST_BLOCKS = 10_000, 8.0, 64  # of a file; anything past it is damage or an attack on memory

Normalise = Callable[[Tensor, int], Tensor]  # the values behind a convolution, and the number of its normalisation


class TransformNetwork(StyleNetwork):
    """Paints in `styles` styles, each a row of its tables; `width` times 32, 64 and 128 channels.

    What comes out is a "change" of the photo, or, in networks of others (`segue.style.example_weights`), a "picture"
    that is cut to 0 to 1.
    """

    kind: ClassVar[str] = "cin"
    takes_pictures: ClassVar[bool] = False
    deviations: ClassVar[bool] = False

    def __init__(self, styles: int, width: float = 1.0, blocks: int = BLOCKS, output: str = "change") -> None:
        super().__init__()
        fine, middle, coarse = (max(1, round(width * channels)) for channels in WIDTHS)
        self._numbers = {"styles": styles, "width": width, "blocks": blocks, "output": output}
        self.output = output
        sizes = [(3, fine, OUTER, 1), (fine, middle, INNER, 2), (middle, coarse, INNER, 2)]
        sizes += [(coarse, coarse, INNER, 1)] * (2 * blocks)
        sizes += [(coarse, middle, INNER, 1), (middle, fine, INNER, 1), (fine, 3, OUTER, 1)]
        self.blocks = blocks
        # a bias in front of a normalisation would be subtracted again: the last convolution alone has one
        self.convolutions = nn.ModuleList(
            nn.Conv2d(channels, out, kernel, stride, bias=place == len(sizes) - 1)
            for place, (channels, out, kernel, stride) in enumerate(sizes)
        )
        self.norms = nn.ModuleList(ConditionalNorm(styles, out) for _, out, _, _ in sizes)
        self.step = STEP
        # a convolution's radius times its stride, from the first to the last; 2 + 1 for where the nearest pixel lies
        self.reach = 4 + 1 + 2 + 2 * STEP * blocks + (2 + 1) + (2 + 1) + 4

    @classmethod
    def from_numbers(cls, numbers: dict[str, Any]) -> TransformNetwork:
        """The network with random weights; raises `UsageError` where `numbers` are not what `numbers` gives."""
        cls.check(numbers)
        return cls(numbers["styles"], float(numbers["width"]), numbers["blocks"], numbers["output"])

    @staticmethod
    def check(numbers: dict[str, Any]) -> None:
        """Raise `UsageError` for numbers that make no network, as a stranger's file may hold."""
        styles, width, blocks, output = (numbers.get(name) for name in ("styles", "width", "blocks", "output"))
        if (
            type(styles) is not int
            or type(blocks) is not int
            or not isinstance(width, float | int)
            or len(numbers) != 4
        ):
            raise UsageError(f"expected numbers of styles, width and blocks, and an output, got {numbers}")
        if not (1 <= styles <= MOST_STYLES and 0 < width <= MOST_WIDTH and 0 <= blocks <= MOST_BLOCKS):
            raise UsageError(f"expected styles from 1, a width up to {MOST_WIDTH:g} and blocks from 0, got {numbers}")
        if output not in OUTPUTS:
            raise UsageError(f"expected an output that is one of {', '.join(OUTPUTS)}, got {output!r}")

    @property
    def numbers(self) -> dict[str, Any]:
        """How many styles, which width, how many residual blocks, and what comes out."""
        return dict(self._numbers)

    def table(self, place: int) -> ConditionalNorm:
        """The gains and offsets behind convolution number `place`."""
        norm = self.norms[place]
        assert isinstance(norm, ConditionalNorm), "nothing else is in this list"
        return norm

    def tables(self) -> list[nn.Parameter]:
        """Gains and offsets of every normalisation in turn, each (styles, channels)."""
        return [table for place in range(len(self.norms)) for table in self.table(place).parameters()]

    def forward(
        self, content: Float[Tensor, "batch 3 height width"], index: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch 3 height width"]:
        """A batch painted, each picture in the style of its row: the way the network is trained."""
        return self.painted_with(content, tuple(table[index] for table in self.tables()))

    def painted_with(
        self, content: Float[Tensor, "batch 3 height width"], tables: Sequence[Float[Tensor, "batch _"]]
    ) -> Float[Tensor, "batch 3 height width"]:
        """A batch painted, each picture with gains and offsets of its own, in the order of `tables`."""

        def normalise(values: Tensor, place: int) -> Tensor:
            gain, offset = tables[2 * place], tables[2 * place + 1]
            if place < len(self.norms) - 1:
                return each_normalised(values, gain, offset)
            return values * gain[:, :, None, None] + offset[:, :, None, None]

        return self._painted(content, normalise)

    def prepared(self, *regions: Sequence[Wanted]) -> Prepared:
        """Gains and offsets of every normalisation, each (regions, channels): the means of the rows by their shares."""
        tables = [table.detach() for table in self.tables()]
        rows = len(tables[0])
        mixes = tables[0].new_zeros(len(regions), rows)
        for region, styles in enumerate(regions):
            for style, share in zip(styles, shares_of(styles), strict=True):
                if style.row is None or not 0 <= style.row < rows:
                    got = "a picture" if style.row is None else f"row {style.row}"
                    raise UsageError(f"expected one of the {rows} styles this network has learned, got {got}")
                mixes[region, style.row] += share
        return tuple(mixes @ table for table in tables)

    def stylise(
        self,
        content: Float[Tensor, "1 3 height width"],
        style: Prepared,
        strength: Strength = 1.0,
        *,
        statistics: Statistics | None = None,
        maps: Float[Tensor, "regions height width"] | None = None,
    ) -> Float[Tensor, "1 3 height width"]:
        """The content painted, see `StyleNetwork`; between strength 0 and 1 lies a mean of the two pictures.

        What a network of this kind learned is one strength: rows of gains and offsets hold no weaker one, and 0 gives
        the very content.
        """

        def normalise(values: Tensor, place: int) -> Tensor:
            gain, offset = style[2 * place], style[2 * place + 1]
            if place == len(self.norms) - 1:
                return shifted(values, gain, offset, maps)
            return normalised(values, gain, offset, None if statistics is None else statistics[place], maps)

        painted = self._painted(content, normalise)
        if not isinstance(strength, Tensor) and strength == 1:
            return painted
        return torch.lerp(content, painted, strength)

    def statistics(
        self,
        content: Float[Tensor, "1 3 height width"],
        style: Prepared,
        maps: Float[Tensor, "regions height width"] | None = None,
        strength: Strength = 1.0,
    ) -> Statistics:
        """Mean and variance behind every convolution but the last, whatever the strength."""
        found: list[Tensor] = []

        def normalise(values: Tensor, place: int) -> Tensor:
            if place == len(self.norms) - 1:
                return values
            found.append(measured(values, maps))
            return normalised(values, style[2 * place], style[2 * place + 1], found[-1], maps)

        self._painted(content, normalise)
        return tuple(found)

    def _painted(self, content: Tensor, normalise: Normalise) -> Tensor:
        with self.computing():
            return self._through(content, normalise)

    def _convolved(self, values: Tensor, place: int) -> Tensor:
        """Behind convolution number `place`, with its reflected border and, for two of them, twice the size."""
        convolution, last = self.convolutions[place], len(self.convolutions) - 1
        assert isinstance(convolution, nn.Conv2d), "nothing else is in this list"
        if last - 2 <= place < last:
            return enlarged(values, convolution.weight)
        border = (OUTER if place in (0, last) else INNER) // 2
        values = functional.pad(values, (border,) * 4, mode="reflect")
        if convolution.bias is not None:  # the last one, to a picture
            return by_columns(values, convolution.weight, convolution.bias)
        found: Tensor = convolution(values)
        return found

    def _through(self, content: Tensor, normalise: Normalise) -> Tensor:
        height, width = content.shape[2:]
        values = _whole_steps(content).contiguous(memory_format=torch.channels_last)
        last = len(self.convolutions) - 1
        residual = range(3, 3 + 2 * self.blocks)
        kept = values
        for place in range(last + 1):
            if place in residual and (place - 3) % 2 == 0:
                kept = values
            values = self._convolved(values, place)
            values = normalise(values, place)
            if place in residual and (place - 3) % 2 == 1:
                values = values + kept  # no ReLU behind a block, as He et al. would have it and Johnson et al. do not
            elif place < last:
                values = functional.relu(values)
        change = widened(values)[:, :, :height, :width]
        if self.output == "picture":
            return change.clamp(0, 1)
        return torch.sigmoid(torch.logit(content, DARKEST) + change)


def _whole_steps(content: Tensor) -> Tensor:
    """The content with its last row and column repeated, up to a multiple of the step: nothing is cut or resized."""
    height, width = content.shape[2:]
    below, beside = (max(SMALLEST, (side + STEP - 1) // STEP * STEP) - side for side in (height, width))
    # a graph that is exported has no branch: what is right for the size it is traced with would be taken for all sizes
    if torch.compiler.is_exporting() or below or beside:
        return functional.pad(content, (0, beside, 0, below), mode="replicate")
    return content
