"""A style network as a graph with named inputs, which is what `segue style export` writes.

What is told when the graph is made (a style, a strength) is a constant in it, and the runtime folds what follows from
it; what is left open is an input.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from segue.errors import UsageError
from segue.export.onnx_file import Port
from segue.style.attention_network import AttentionNetwork
from segue.style.network import Prepared, Strength, StyleNetwork, Wanted
from segue.style.transform_network import TransformNetwork

PICTURE, SHARES, STYLE, STRENGTH, PAINTED = "picture", "shares", "style", "strength", "painted"
SMALLEST = 16  # pixels of a side, or two positions at the coarsest stride: what is reflected needs a neighbour
EXAMPLE = (72, 104)  # pixels of what a graph is traced with; any size does


class EdgeGraph(nn.Module):
    """One picture painted; called with a tensor for each of `inputs`, in their order.

    Args:
        network: on the CPU, in evaluation mode.
        style: what the network made of the styles; when None it is an input: for a network that knows its styles
            `shares`, numbers from 0 on that need not add up to one; for one that takes any a `style` picture.
        strength: from 0 to 1; when None it is an input.

    Raises:
        UsageError: a network with attention has no style. It keeps a seeded subset of a style's places, which no graph
            draws.
    """

    def __init__(self, network: StyleNetwork, style: Prepared | None, strength: float | None = 1.0) -> None:
        super().__init__()
        if style is None and isinstance(network, AttentionNetwork):
            raise UsageError(
                "style: expected a picture, since a network with attention keeps chosen places of it, got none: "
                "--style PICTURE"
            )
        self.network, self.style, self.strength = network, style, strength
        self.kept = tuple(network.unpacked(style)) if isinstance(network, AttentionNetwork) and style else ()
        self.smallest = max(SMALLEST, 2 * network.step)
        self.inputs = (
            Port(PICTURE, (1, 3, "height", "width"), f"RGB from 0 to 1, sides of {self.smallest} pixels or more"),
            *(() if style is not None else (self._style_port(),)),
            *(
                ()
                if strength is not None
                else (Port(STRENGTH, (), "from 0, the picture itself, to 1, all of the style"),)
            ),
        )
        self.output = Port(PAINTED, (1, 3, "height", "width"), "the picture painted, RGB from 0 to 1")

    def forward(self, *values: Tensor) -> Float[Tensor, "1 3 height width"]:
        """The picture painted."""
        given = dict(zip((port.name for port in self.inputs), values, strict=True))
        content = given[PICTURE]
        strength: Strength = given[STRENGTH] if self.strength is None else self.strength
        if isinstance(self.network, AttentionNetwork):
            return self.network.painted(content, self.kept, strength)
        style = self.style if self.style is not None else self._prepared(given)
        return self.network.stylise(content, style, strength)

    def examples(self) -> tuple[Tensor, ...]:
        """Tensors it can be called with."""
        pictures = {name: torch.rand(1, 3, *EXAMPLE) for name in (PICTURE, STYLE)}
        rows = self.inputs[1].shape[0] if SHARES in self.names else 1
        return tuple({**pictures, SHARES: torch.ones(int(rows)), STRENGTH: torch.tensor(0.5)}[n] for n in self.names)

    @property
    def names(self) -> Sequence[str]:
        """Those of the inputs."""
        return [port.name for port in self.inputs]

    def _style_port(self) -> Port:
        if isinstance(self.network, TransformNetwork):
            styles = int(self.network.numbers["styles"])
            return Port(SHARES, (styles,), "share of each style in their order, 0 or more and one of them above")
        shape = (1, 3, "style_height", "style_width")
        return Port(STYLE, shape, f"picture whose style is taken, as {PICTURE}; its size sets that of the strokes")

    def _prepared(self, given: dict[str, Tensor]) -> Prepared:
        if isinstance(self.network, TransformNetwork):
            shares = given[SHARES]
            mix = (shares / shares.sum())[None]
            return tuple(mix @ table for table in self.network.tables())
        return self.network.prepared([Wanted(picture=given[STYLE])])
