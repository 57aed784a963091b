"""All judges of one picture: what they see of contents and styles is computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from segue.infer.segmenter import Segmenter
from segue.models.source import Source
from segue.style.evaluation.colour_distance import colour_distance
from segue.style.evaluation.distances import content_distance, style_distance
from segue.style.evaluation.edges import edge_f1
from segue.style.evaluation.judge import Judge, Look, look
from segue.style.evaluation.lpips import Weights, lpips, unit_features
from segue.style.evaluation.naming import Pair
from segue.style.evaluation.retrieval import rank
from segue.style.evaluation.segmentation import Mask, agreement, segmented
from segue.style.evaluation.ssim import ssim
from segue.style.loss_network import LossNetwork

Picture = Float[Tensor, "1 3 _ _"]


@dataclass(frozen=True)
class Perceptual:
    """LPIPS: its backbone, the weights of the backbone's channels, and where the backbone's own weights are from."""

    network: LossNetwork
    weights: Weights
    source: Source


@dataclass(frozen=True)
class Panel:
    """Judges, and the pictures at the size everything is compared at; `truths` are masks of that size, by content."""

    judges: tuple[Judge, ...]
    contents: Mapping[str, Picture]
    styles: Mapping[str, Picture]
    perceptual: Perceptual | None = None
    segmenter: Segmenter | None = None
    truths: Mapping[str, Mask] = field(default_factory=dict)
    _contents: dict[tuple[str, str], Look] = field(default_factory=dict)
    _styles: dict[tuple[str, str], Look] = field(default_factory=dict)
    _units: dict[str, list[Tensor]] = field(default_factory=dict)
    _masks: dict[str, Mask] = field(default_factory=dict)

    def scores(self, pair: Pair, picture: Picture) -> dict[str, float]:
        """What a picture of this content and style gets, by `Score.key`; what cannot be computed here is left out."""
        content = self.contents[pair[0]]
        found = {
            "ssim": ssim(picture, content),
            "edge_f1": edge_f1(picture, content),
            "colours": colour_distance(picture, self.styles[pair[1]]),
        }
        for judge in self.judges:
            found |= self._judged(judge, pair, picture)
        if self.perceptual is not None:
            own = unit_features(self.perceptual.network, picture)
            found["lpips"] = lpips(own, self._unit(self.perceptual, pair[0]), self.perceptual.weights)
        if self.segmenter is not None:
            mask, classes = segmented(self.segmenter, picture), len(self.segmenter.classes)
            found["miou"] = agreement(self._mask(self.segmenter, pair[0]), mask, classes)
            if pair[0] in self.truths:
                found["miou_truth"] = agreement(self.truths[pair[0]], mask, classes)
        return found

    def _judged(self, judge: Judge, pair: Pair, picture: Picture) -> dict[str, float]:
        own, style = look(judge, picture), self._style(judge, pair[1])
        found = {
            "content": content_distance(own.content, self._content(judge, pair[0]).content),
            "moments": style_distance(own.moments, style.moments),
            "gram": style_distance(own.gram, style.gram),
            "texture": style_distance(own.texture, style.texture),
        }
        if len(self.styles) > 1:
            distances = {name: style_distance(own.moments, self._style(judge, name).moments) for name in self.styles}
            found["rank"] = rank(distances, pair[1])
            found["top1"] = float(found["rank"] == 1)
        return {f"{name}_{judge.name}": value for name, value in found.items()}

    def _content(self, judge: Judge, name: str) -> Look:
        key = (judge.name, name)
        if key not in self._contents:
            self._contents[key] = look(judge, self.contents[name])
        return self._contents[key]

    def _style(self, judge: Judge, name: str) -> Look:
        key = (judge.name, name)
        if key not in self._styles:
            self._styles[key] = look(judge, self.styles[name])
        return self._styles[key]

    def _unit(self, perceptual: Perceptual, name: str) -> list[Tensor]:
        if name not in self._units:
            self._units[name] = unit_features(perceptual.network, self.contents[name])
        return self._units[name]

    def _mask(self, segmenter: Segmenter, name: str) -> Mask:
        if name not in self._masks:
            self._masks[name] = segmented(segmenter, self.contents[name])
        return self._masks[name]
