"""A network with what all pictures of a command have in common: one of them is painted whole, or in tiles."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from segue.style.colours import grey, with_luminance
from segue.style.network import Prepared, Statistics, StyleNetwork
from segue.style.picture import Pixels, as_picture, eight_bits
from segue.style.sight import looking_beyond
from segue.style.tiling import Regions, paint_tiles, small_copy

log = logging.getLogger("segue")
TILE = 1536  # pixels of the long side past which a picture is painted in tiles
Watch = Callable[[float], None]


def _nobody(_: float) -> None:
    """Watches nothing."""


@dataclass(frozen=True, eq=False)
class Painter:
    """A network on its device, and how it paints; see `segue.style_configs.StyleApplyConfig` for the options.

    `tile` is the side past which a picture is painted in tiles, and 0 for never.
    """

    network: StyleNetwork
    strength: float = 1.0
    keep_colours: str = "none"
    tile: int = TILE

    def in_tiles(self, pixels: Pixels) -> bool:
        """Whether the picture is painted in tiles."""
        return bool(0 < self.tile < max(pixels.shape[:2]))

    def paint(
        self,
        pixels: Pixels,
        style: Prepared,
        *,
        statistics: Statistics | None = None,
        regions: Regions | None = None,
        watch: Watch = _nobody,
    ) -> Pixels:
        """The pixels painted, uint8: by `statistics`, or by those of the picture (of a small copy, in tiles)."""
        if self.in_tiles(pixels):
            _ = self._where_tiles_differ
            return paint_tiles(
                self.network,
                pixels,
                style,
                self.tile,
                strength=self.strength,
                statistics=statistics,
                regions=regions,
                finish=self._finished,
                watch=watch,
            )
        content = self._content(pixels)
        maps = None if regions is None else regions.maps().to(content.device)
        painted = self.network.stylise(content, style, self.strength, statistics=statistics, maps=maps)
        return eight_bits(self._finished(painted, content))

    def statistics(self, pixels: Pixels, style: Prepared) -> Statistics:
        """What `paint` normalises this picture by when it is given nothing else."""
        content = small_copy(pixels, self.tile).to(self._device) if self.in_tiles(pixels) else self._content(pixels)
        return self.network.statistics(content, style, None, self.strength)

    @functools.cached_property  # so that it is tried, and said, once
    def _where_tiles_differ(self) -> str:
        if encoder := looking_beyond(self.network):
            log.warning(
                "the encoder %s looks further than tiles overlap, so they may differ in tone: --tile 0 paints at once, "
                "in memory that grows with the picture",
                encoder,
            )
        return encoder

    @property
    def _device(self) -> torch.device:
        return next(self.network.parameters()).device

    def _content(self, pixels: Pixels) -> Tensor:
        return as_picture(pixels).to(self._device)

    def _finished(self, painted: Tensor, content: Tensor) -> Tensor:
        return painted if self.keep_colours == "none" else with_luminance(content, grey(painted))
