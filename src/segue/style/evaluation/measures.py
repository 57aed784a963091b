"""Every measure: what it is about, which way is better, what it is called, and how baselines must rank by it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

IDENTITY, STYLE, COLOUR, FDA, GATYS = "identity", "style", "colour", "fda", "gatys"
BASELINES = (IDENTITY, STYLE, COLOUR, FDA, GATYS)


@dataclass(frozen=True)
class Measure:
    """One kind of score.

    `groups` are content, style, stability and cost. `of_judge` says that every judge network gives one of its own.
    `worse_to_better` are baselines as the measure must rank them if it measures what it says. `mean` says that scores
    are averaged, `largest` that the largest is taken: what must never happen is not to hide behind a median, which
    else is taken.
    """

    name: str
    group: str
    about: str
    higher_is_better: bool = False
    of_judge: bool = False
    worse_to_better: tuple[str, ...] = ()
    mean: bool = False
    largest: bool = False

    @property
    def summary(self) -> str:
        """Mean, largest or median."""
        return "mean" if self.mean else "largest" if self.largest else "median"


# content is to be lost, style to be won, from the photograph over its colours to the painting
_LOST, _WON = (GATYS, COLOUR, IDENTITY), (IDENTITY, COLOUR, GATYS)

MEASURES = (
    Measure(
        "content",
        "content",
        "distance of features to the content (0 same, 1 for a blank map)",
        of_judge=True,
        worse_to_better=_LOST,
    ),
    Measure("lpips", "content", "LPIPS to the content (0 same)", worse_to_better=_LOST),
    Measure(
        "ssim", "content", "SSIM of luminance with the content (1 same)", higher_is_better=True, worse_to_better=_LOST
    ),
    Measure(
        "edge_f1", "content", "F1 of edges with the content (1 same)", higher_is_better=True, worse_to_better=_LOST
    ),
    Measure(
        "miou",
        "content",
        "mIoU of the segmenter on result and content (1 same)",
        higher_is_better=True,
        worse_to_better=_LOST,
    ),
    Measure(
        "miou_truth",
        "content",
        "mIoU of the segmenter on the result with the masks",
        higher_is_better=True,
        worse_to_better=_LOST,
    ),
    Measure("kept", "content", "largest change where the mask keeps the content, of 255 (must be 0)", largest=True),
    Measure(
        "moments",
        "style",
        "distance to the style's feature means and deviations (0 same)",
        of_judge=True,
        worse_to_better=_WON,
    ),
    Measure("gram", "style", "distance to the style's Gram matrices (0 same)", of_judge=True, worse_to_better=_WON),
    Measure(
        "texture",
        "style",
        "the same of luminance alone, light and contrast made equal (0 same)",
        of_judge=True,
        worse_to_better=(COLOUR, GATYS),
    ),
    Measure(
        "colours",
        "style",
        "distance to the style's colours, in channels of 0 to 1 (0 same)",
        worse_to_better=(IDENTITY, GATYS),
    ),
    Measure("rank", "style", "mean rank of the right style (1 best)", of_judge=True, worse_to_better=_WON, mean=True),
    Measure(
        "top1",
        "style",
        "share of pictures nearest to the right style",
        higher_is_better=True,
        of_judge=True,
        worse_to_better=_WON,
        mean=True,
    ),
    Measure("instability", "stability", "change under a small warp and noise, as a multiple of the input's"),
    Measure("seconds", "cost", "wall-clock seconds a picture"),
)


@dataclass(frozen=True)
class Score:
    """A measure as one judge gives it; `judge` is "" where no judge network is needed."""

    measure: Measure
    judge: str = ""

    @property
    def key(self) -> str:
        """The name in files: `content_squeezenet1_1`."""
        return f"{self.measure.name}_{self.judge}" if self.judge else self.measure.name

    @property
    def title(self) -> str:
        """The name for people: `content (squeezenet1_1)`."""
        return f"{self.measure.name} ({self.judge})" if self.judge else self.measure.name


def scores_of(judges: tuple[str, ...]) -> tuple[Score, ...]:
    """Every score, in the order of the table."""
    return tuple(Score(measure, judge) for measure in MEASURES for judge in (judges if measure.of_judge else ("",)))


def ranks_baselines(score: Score, middles: dict[str, float]) -> bool | None:
    """Whether the baselines that were judged stand in the order they must, each strictly; None for fewer than two."""
    chain = [middles[name] for name in score.measure.worse_to_better if name in middles]
    chain = [value for value in chain if value == value]
    if len(chain) < 2:
        return None
    sign = 1 if score.measure.higher_is_better else -1
    return all(sign * better > sign * worse for worse, better in itertools.pairwise(chain))
