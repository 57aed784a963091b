"""Several networks of one kind as one: the mean of their logits.

Every network has learned from other images, so each errs in places of its own; the mean errs less
(https://arxiv.org/abs/1612.01474). Deep ensembles take the mean of the probabilities; this is the mean of the logits,
as nnU-Net takes it over its folds (https://doi.org/10.1038/s41592-020-01008-z), whose softmax is the normalised
geometric mean. Reasons: it is linear, so it commutes with the resizing and blending that follow, and an image in tiles
gets what the mean of the members' own whole predictions would be; one temperature calibrates it like a single network;
and the mean of probabilities of calibrated members is less sure than it should be, always
(https://doi.org/10.1111/j.1467-9868.2009.00726.x).
"""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from segue.models.build import SegmentationModel


class Ensemble(nn.Module):
    """Predicts as a `SegmentationModel` does, with each member after the other.

    That takes the memory of all weights, the working memory of one network, and the time of all.
    """

    def __init__(self, members: Sequence[SegmentationModel]) -> None:
        """Put together two or more networks that take the same channels and tell the same classes apart."""
        super().__init__()
        self.members = nn.ModuleList(members)

    @property
    def networks(self) -> tuple[SegmentationModel, ...]:
        """The members."""
        return tuple(self.members)  # type: ignore[arg-type]

    def features(self, images: Float[Tensor, "batch channels height width"]) -> list[Float[Tensor, "batch ..."]]:
        """The images, which the other members need, and the maps of the first member's encoder, from fine to coarse."""
        return [images, *self.members[0].features(images)]  # type: ignore[operator]

    def scores(
        self, features: list[Float[Tensor, "batch ..."]], height: int, width: int
    ) -> Float[Tensor, "batch classes {height} {width}"]:
        """The mean of the members' logits, from the `features` of images of `height` x `width`."""
        images, *of_first = features
        first, *others = self.members
        total: Tensor = first.scores(of_first, height, width).float()  # type: ignore[operator]
        for member in others:
            total = total + member(images).float()
        return total / len(self.members)
