"""What an encoder says about its feature maps, in the form timm's `FeatureInfo` has."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Maps:
    """What `Encoder` wants to know of a network's maps, which timm's own tell with a `FeatureInfo`.

    Channels (0 where a library counts a map that it does not make), strides, and the names of the submodules each map
    comes out of.
    """

    counts: tuple[int, ...]
    strides: tuple[int, ...]
    taps: tuple[str, ...]

    def channels(self) -> list[int]:
        """Channels of each map."""
        return list(self.counts)

    def reduction(self) -> list[int]:
        """Stride of each map."""
        return list(self.strides)

    def module_name(self) -> list[str]:
        """Where each map comes from."""
        return list(self.taps)
