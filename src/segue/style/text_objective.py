"""What a picture minimises to follow a text: CLIPstyler (Kwon and Ye 2022, https://arxiv.org/abs/2112.00374).

CLIP shall see the picture change as the words change from "a photo" to the text, in the whole and in random patches
seen from random angles, while the loss network keeps the content. Where we deviate: a patch is a slanted quadrilateral
of the picture, so that none has the black corners that turning a crop would leave; nothing stretches the result's
colours afterwards; there are 20 templates of our own, whose embeddings are normalised before they are averaged, in
place of 79; and total variation is that of neighbours below and beside, without diagonals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from segue.data.keyed import sample_generator
from segue.errors import UsageError
from segue.style.clip_guidance import ClipGuide
from segue.style.loss_network import LossNetwork
from segue.style.losses import content_loss

SOURCE = "a photo"
TEMPLATES = (
    "{}",
    "{}.",
    "a picture of {}",
    "an image that shows {}",
    "artwork: {}",
    "{}, a work of art",
    "a detail of {}",
    "{}, close up",
    "{} in a frame",
    "{} on a wall",
    "a print of {}",
    "a small reproduction of {}",
    "a large reproduction of {}",
    "a good example of {}",
    "{}, seen from near",
    "{}, seen from afar",
    "the texture of {}",
    "the colours of {}",
    "the look of {}",
    "somebody's version of {}",
)
TAPS = {"vgg19": ("relu4_2", "relu5_2")}  # of the content, by network; the published ones
CONTENT_WEIGHTS = {"gatys": 150.0, "relative": 1000.0}  # by division; the first is published, the second ours
STEPS = 200
PATCH_SHARE = 0.25  # a patch's side as a share of the long side: the paper's 128 of 512 pixels
SLANT = 0.5  # how far a patch's corners move in at most, as a share of half its side
SHORTEST = 1e-4  # length of a direction between texts below which it is rounding
SMALLEST_MOVE = 1e-6  # square of a change of embedding that is none: the direction of nothing has a slope all the same


@dataclass(frozen=True)
class TextRecipe:
    """The weights of the terms, as published; `threshold` silences patches that already follow the text.

    A patch's loss is 1 - cos, from 0 to 2; those below `threshold` count nothing. `content_weight` belongs to
    `division` "gatys" (`segue.style.losses`) of VGG19's relu4_2 and relu5_2.
    """

    content_taps: tuple[str, ...]
    division: str = "gatys"
    content_weight: float = 150.0
    patch_weight: float = 9000.0
    global_weight: float = 500.0
    tv_weight: float = 2e-3
    threshold: float = 0.7
    patches: int = 64


class TextObjective:
    """Calling it with a picture of the content's size gives the weighted terms; each call draws other patches.

    The patches of call n are a function of (seed, n) alone.
    """

    def __init__(
        self,
        network: LossNetwork,
        guide: ClipGuide,
        recipe: TextRecipe,
        content: Float[Tensor, "1 3 height width"],
        text: str,
        seed: int = 0,
    ) -> None:
        self.network, self.guide, self.recipe, self.seed, self.calls = network, guide, recipe, seed, 0
        with torch.no_grad():
            features = network(content)
            self.content = {tap: features[tap] for tap in recipe.content_taps}
            self.before = guide.of_pictures(content)
        self.wanted = text_direction(guide, text)

    def __call__(self, picture: Float[Tensor, "1 3 height width"]) -> dict[str, Float[Tensor, ""]]:
        """The terms `content`, `patch`, `global` and `tv`, each with its weight in it."""
        recipe, features = self.recipe, self.network(picture)
        contents = [content_loss(features[tap], self.content[tap], recipe.division) for tap in recipe.content_taps]
        quads = patch_corners(self.seed, self.calls, recipe.patches, (picture.shape[2], picture.shape[3]))
        self.calls += 1
        views = patches(picture, quads, self.guide.side)
        each = directional(self.guide.of_pictures(views) - self.before, self.wanted)
        whole = directional(self.guide.of_pictures(picture) - self.before, self.wanted)
        return {
            "content": recipe.content_weight * torch.stack(contents).sum(),
            "patch": recipe.patch_weight * rejected(each, recipe.threshold).mean(),
            "global": recipe.global_weight * whole.mean(),
            "tv": recipe.tv_weight * variation(picture),
        }


def text_direction(guide: ClipGuide, text: str, source: str = SOURCE) -> Float[Tensor, " dimensions"]:
    """From the words for what is there to those for what is wanted, each averaged over `TEMPLATES`.

    Raises:
        UsageError: CLIP reads both alike, so there is no way from one to the other.
    """
    wanted, there = ([template.format(words) for template in TEMPLATES] for words in (text, source))
    direction = guide.of_texts(wanted) - guide.of_texts(there)
    if not float(direction.norm()) > SHORTEST:
        raise UsageError(f"text: expected words that CLIP can tell from {source!r}, got {text!r}: choose others")
    return direction


def directional(
    moves: Float[Tensor, "pictures dimensions"], wanted: Float[Tensor, " dimensions"]
) -> Float[Tensor, " pictures"]:
    """1 - cos of the angle between how embeddings moved and how they should: 0 the same way, 2 the opposite one.

    A move of nothing at all gives 1, with a finite slope; https://arxiv.org/abs/2108.00946 is where it is from.
    """
    lengths = (moves.square().sum(1) + SMALLEST_MOVE).sqrt()
    return 1 - (moves @ functional.normalize(wanted, dim=0)) / lengths


def rejected(losses: Float[Tensor, " patches"], threshold: float) -> Float[Tensor, " patches"]:
    """The losses with those of at most `threshold` set to nothing: patches that are easy shall not be overdone."""
    return torch.where(losses > threshold, losses, torch.zeros_like(losses))


def variation(picture: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, ""]:
    """The lengths of all differences of neighbours below, and beside, of all pictures together."""
    down = (picture[:, :, 1:] - picture[:, :, :-1]).square().sum()
    right = (picture[:, :, :, 1:] - picture[:, :, :, :-1]).square().sum()
    return (down + 1e-8).sqrt() + (right + 1e-8).sqrt()


# --- patches ---------------------------------------------------------------------------------------------------------


def patch_corners(
    seed: int, step: int, count: int, size: tuple[int, int], share: float = PATCH_SHARE
) -> Float[np.ndarray, "count 4 2"]:
    """The corners of `count` slanted patches, from the upper left clockwise: across and down in pixels.

    A patch's side is that share of the long side, or the short side where that is less.
    """
    height, width = size
    side = min(share * max(size), height, width)
    rng = sample_generator(seed, 0, step)
    places = rng.random((count, 1, 2)) * (width - side, height - side)
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
    inwards = np.where(square == 0, 1.0, -1.0)
    moved = square * side + inwards * rng.random((count, 4, 2)) * SLANT * side / 2
    corners: np.ndarray = places + moved
    return corners


def patches(
    picture: Float[Tensor, "1 3 height width"], corners: Float[np.ndarray, "count 4 2"], side: int
) -> Float[Tensor, "count 3 side side"]:
    """Each quadrilateral of a picture as a square of `side` pixels, bilinear; gradients reach the picture."""
    height, width = picture.shape[2:]
    homographies = np.stack([_homography(one) for one in corners])
    middles = (np.arange(side) + 0.5) / side
    across, down = np.meshgrid(middles, middles)
    points = np.stack([across.ravel(), down.ravel(), np.ones(side * side)])
    mapped = homographies @ points
    places = mapped[:, :2] / mapped[:, 2:]  # pixels, from the upper left corner of the picture
    normed = np.stack([places[:, 0] * 2 / width - 1, places[:, 1] * 2 / height - 1], -1)
    field = torch.from_numpy(normed.reshape(1, len(corners) * side, side, 2)).to(picture)
    views = functional.grid_sample(picture, field, mode="bilinear", padding_mode="border", align_corners=False)
    return views.view(3, len(corners), side, side).transpose(0, 1).contiguous()


def _homography(corners: Float[np.ndarray, "4 2"]) -> Float[np.ndarray, "3 3"]:
    """The perspective map that takes the corners of the unit square, clockwise from the upper left, to `corners`."""
    rows: list[Sequence[float]] = []
    for (u, v), (x, y) in zip(((0, 0), (1, 0), (1, 1), (0, 1)), corners, strict=True):
        rows.append((u, v, 1, 0, 0, 0, -u * x, -v * x))
        rows.append((0, 0, 0, u, v, 1, -u * y, -v * y))
    solved = np.linalg.solve(np.array(rows, float), corners.ravel())
    return np.append(solved, 1.0).reshape(3, 3)
