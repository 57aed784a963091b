"""The pictures and masks of one painting, and what they look like at each size."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor

from segue.errors import UsageError
from segue.style.colours import coral, grey, like_luminance, with_luminance
from segue.style.objective import Style
from segue.style.picture import read_picture, resized, size_within
from segue.style.regions import as_maps, paired, read_regions
from segue.style.seam import joined, shown
from segue.style.style_source import read_style

log = logging.getLogger("segue")


@dataclass(frozen=True)
class Scene:
    """What is painted in which style.

    `content` and the pictures of `styles` are at their own sizes, with colours as they are to be compared. `maps` are
    the content's regions, None without masks. `coloured` is the content in its own colours where only its luminance is
    painted, else None. `style_scale` is the long side of styles as a share of that of the content. `kept` are the
    pixels of the content that stay as they are, None where all are painted; `feather` is the width of the fade beside
    them as a share of the long side.
    """

    content: Float[Tensor, "1 3 height width"]
    styles: tuple[Style, ...]
    maps: Float[Tensor, "regions height width"] | None = None
    coloured: Float[Tensor, "1 3 height width"] | None = None
    style_scale: float = 1.0
    kept: Bool[Tensor, "height width"] | None = None
    feather: float = 0.0

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the content."""
        return self.content.shape[2], self.content.shape[3]

    def on(self, device: torch.device) -> Scene:
        """The same on a device."""
        styles = tuple(
            replace(style, picture=style.picture.to(device), maps=_on(style.maps, device)) for style in self.styles
        )
        return replace(
            self,
            content=self.content.to(device),
            styles=styles,
            maps=_on(self.maps, device),
            coloured=_on(self.coloured, device),
            kept=_on(self.kept, device),
        )

    def styles_at(self, size: tuple[int, int], smallest: int) -> list[Style]:
        """The styles beside a content of that height and width; raises `UsageError` where one is too small to see."""
        sizes = self._style_sizes(size, smallest)
        return [
            replace(style, picture=resized(style.picture, one)) for style, one in zip(self.styles, sizes, strict=True)
        ]

    def content_at(self, size: tuple[int, int], smallest: int) -> Float[Tensor, "1 3 height width"]:
        """The content at that height and width; raises `UsageError` where the network cannot see it."""
        _check_content(size, smallest)
        return resized(self.content, size)

    def check(self, size: tuple[int, int], smallest: int) -> None:
        """Raise what `content_at` and `styles_at` raise; large pictures take long to be made small, and are not."""
        _check_content(size, smallest)
        self._style_sizes(size, smallest)

    def _style_sizes(self, size: tuple[int, int], smallest: int) -> list[tuple[int, int]]:
        side = max(1, round(self.style_scale * max(size)))
        sizes = [size_within(*_size(style.picture), side) for style in self.styles]
        for height, width in sizes:
            if min(height, width) < smallest:
                raise UsageError(
                    f"expected styles of at least {smallest} pixels a side, which the network needs, got "
                    f"{height} x {width}: take a larger --size or --style-scale, or fewer --levels"
                )
        return sizes

    def least(self, smallest: int) -> int:
        """The long side from which on a network that needs `smallest` pixels sees the content and every style."""
        shapes = [_size(style.picture) for style in self.styles]
        sides = [max(one) * smallest / min(one) / self.style_scale for one in shapes]
        return math.ceil(max(max(self.size) * smallest / min(self.size), *sides, 1.0))

    def noise(self, size: tuple[int, int], seed: int) -> Float[Tensor, "1 3 height width"]:
        """Uniform noise from 0 to 1, the same for the same seed on every device; grey where luminance is painted."""
        drawn = torch.rand((1, 3, *size), generator=torch.Generator().manual_seed(seed))
        return (drawn if self.coloured is None else grey(drawn)).to(self.content.device)

    def finished(self, picture: Float[Tensor, "1 3 height width"]) -> Float[Tensor, "1 3 height width"]:
        """What is shown of a painted picture: it, or its luminance under the content's colours, beside what is kept."""
        content = self.content if self.coloured is None else self.coloured
        if self.coloured is not None:
            picture = with_luminance(resized(self.coloured, _size(picture)), grey(picture))
        share = self.share_at(_size(picture))
        return picture if share is None else joined(resized(content, _size(picture)), picture, share)

    def share_at(self, size: tuple[int, int]) -> Float[Tensor, "1 1 height width"] | None:
        """How much of the painting is shown in every pixel at that height and width; None where all of it is."""
        return None if self.kept is None else shown(self.kept, size, self.feather)


def read_scene(
    content: Path,
    styles: Sequence[Path],
    *,
    shares: Sequence[float] = (),
    masks: tuple[Path, Sequence[Path]] | None = None,
    keep_colours: str = "none",
    style_scale: float = 1.0,
) -> Scene:
    """Read the pictures, and pair the regions of the masks (that of the content, those of the styles in their order).

    Styles are files or `bank:NAME`. Their `shares` need not add up to one; all are alike when there are none.
    `keep_colours` is none, luminance or coral. Raises `DataError` when a file cannot be read or the masks do not fit.
    """
    total = sum(shares) or 1.0  # tiny ones would be lost in float32
    picture, weights = read_picture(content), [share / total for share in shares] or [1.0] * len(styles)
    pictures = [_recoloured(read_style(path), picture, keep_colours) for path in styles]
    painted = grey(picture) if keep_colours == "luminance" else picture
    coloured = picture if keep_colours == "luminance" else None
    together = zip(pictures, weights, strict=True)
    if masks is None:
        return Scene(painted, tuple(Style(one, share) for one, share in together), None, coloured, style_scale)
    regions = read_regions(masks[0], content)
    theirs = [read_regions(mask, path) for mask, path in zip(masks[1], styles, strict=True)]
    values = paired(regions, [mask for mask, share in zip(theirs, weights, strict=True) if share > 0], masks[0])
    _say_unused(values, theirs)
    found = (Style(one, share, as_maps(mask, values)) for (one, share), mask in zip(together, theirs, strict=True))
    return Scene(painted, tuple(found), as_maps(regions, values), coloured, style_scale)


def read_scene_by_class(
    content: Path,
    styles: Sequence[Path],
    regions: Integer[np.ndarray, "height width"],
    *,
    feather: float,
    keep_colours: str = "none",
    style_scale: float = 1.0,
) -> Scene:
    """Read the pictures; `regions` says for each pixel of the content which of the styles it gets, -1 for none.

    Colours are matched (`keep_colours`) with the whole content. Raises `DataError` when a file cannot be read.
    """
    whole = read_scene(content, styles, keep_colours=keep_colours, style_scale=style_scale)
    own = torch.eye(len(styles))[:, :, None, None]  # of each style: all of its picture, for its own region alone
    each = (replace(style, maps=maps) for style, maps in zip(whole.styles, own, strict=True))
    kept = torch.from_numpy(regions < 0)
    return replace(
        whole,
        styles=tuple(each),
        maps=as_maps(regions, tuple(range(len(styles)))),
        kept=kept if bool(kept.any()) else None,
        feather=feather,
    )


def _recoloured(style: Tensor, content: Tensor, keep_colours: str) -> Tensor:
    if keep_colours == "luminance":
        return like_luminance(style, content)
    return coral(style, content) if keep_colours == "coral" else style


def _check_content(size: tuple[int, int], smallest: int) -> None:
    if min(size) < smallest:
        raise UsageError(
            f"expected a picture of at least {smallest} pixels a side, which the network needs, got "
            f"{size[0]} x {size[1]}: take a larger --size, or fewer --levels"
        )


def _say_unused(values: tuple[int, ...], styles: list[np.ndarray]) -> None:
    unused = sorted({int(value) for style in styles for value in np.unique(style)} - set(values))
    if unused:
        log.info("regions of the styles that the content does not have: %s", ", ".join(map(str, unused)))


def _size(picture: Tensor) -> tuple[int, int]:
    return picture.shape[2], picture.shape[3]


def _on(tensor: Tensor | None, device: torch.device) -> Tensor | None:
    return None if tensor is None else tensor.to(device)
