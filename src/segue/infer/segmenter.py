"""A trained network as one object: an image of any size in, a class for every pixel of it out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8, UInt16
from numpy.typing import NDArray
from torch import Tensor, channels_last

from segue.data.classes import Classes
from segue.data.geometry import MOSAIC, MOST_ZOOM, resize_image, tile_side, working_size
from segue.data.image import to_channels
from segue.data.normalise import normalise
from segue.data.scale import Missing, filled
from segue.infer.accepted import Accepted, as_pixels
from segue.infer.device import exact_arithmetic, pick_device
from segue.infer.familiar_file import Seen, load_seen
from segue.infer.maps import Maps, Wanted, forget, maps_of
from segue.infer.resample import resized_rows
from segue.infer.tiling import Tileable, Tiling, blended_rows, cuts
from segue.models.artifact import ModelInfo, load_networks
from segue.models.build import SegmentationModel
from segue.models.ensemble import Ensemble
from segue.models.folding import fold_batch_norm
from segue.trust.look import Look, Looker

MASK_ONLY = Wanted()
Watch = Callable[[int, Tensor], None]  # the row a band begins at, and its logits (classes, rows, width)


@dataclass(frozen=True)
class Prediction:
    """Class ids at the image's own size, and what else was asked for.

    `probabilities` are calibrated with the model's temperature. `uncertainty` is their entropy as a whole number, 0 to
    65534, and 65535 where there is no data. `review` is 1 where a pixel is marked to be looked at, else 0. Pixels of a
    raster that have no data are `IGNORE` (255) in mask and review, NaN in the probabilities.

    `distance` is how far the image is from the nearest training image in the encoder's eyes (cosine distance, 0 to 2),
    and `unlike_training` whether that is farther than at most 5 % of images like the held-out ones are; both are None
    where the model does not know (`segue.trust.novelty`). `look` is what they were computed from.
    """

    mask: UInt8[np.ndarray, "height width"]
    classes: Classes
    probabilities: Float32[np.ndarray, "classes height width"] | None = None
    uncertainty: UInt16[np.ndarray, "height width"] | None = None
    review: UInt8[np.ndarray, "height width"] | None = None
    look: Look | None = None
    distance: float | None = None
    unlike_training: bool | None = None

    @property
    def maps(self) -> Maps:
        """The arrays that are there, by kind."""
        kinds = {"mask": self.mask, "probabilities": self.probabilities}
        kinds |= {"uncertainty": self.uncertainty, "review": self.review}
        return {kind: values for kind, values in kinds.items() if values is not None}


@dataclass(frozen=True)
class Prepared:
    """A decoded image: `pixels` at its own size, `working` at the size the network sees, `missing` without data."""

    pixels: NDArray[Any]
    working: NDArray[Any]
    missing: Missing | None = None


class Segmenter:
    """Predicts with one model on one device, in float32.

    The network always sees one image or tile alone. Stacking several changes the last bits of the logits (measured on
    the CPU up to 4e-5), and with them now and then a pixel; so the result depends on the image and nothing else.
    """

    def __init__(
        self,
        model: SegmentationModel | Ensemble,
        info: ModelInfo,
        device: str = "auto",
        tiling: Tiling | None = None,
        seen: Seen | None = None,
    ) -> None:
        """Take `model` over: move it to `device` and fold its BatchNorm into its convolutions. It cannot train on.

        `tiling` says how images too large are cut, `seen` what new images are compared with.
        """
        self.info = info
        self.tiling = tiling or Tiling()
        self.seen = seen
        self.device = pick_device(device)
        networks = (model,) if isinstance(model, SegmentationModel) else model.networks
        self._step = max(network.encoder.multiple for network in networks)
        for network in networks:
            fold_batch_norm(network.eval())
        self._model = model.eval().to(self.device, memory_format=channels_last)  # type: ignore[call-overload]

    @classmethod
    def load(cls, run: Path | str, device: str = "auto", tiling: Tiling | None = None) -> Segmenter:
        """The model of a run folder, or of its `model` folder alone."""
        networks, info = load_networks(Path(run))
        model = networks[0] if len(networks) == 1 else Ensemble(networks)
        return cls(model, info, device, tiling, load_seen(Path(run), info))

    @property
    def classes(self) -> Classes:
        """The classes the model knows."""
        return self.info.classes

    @property
    def temperature(self) -> float:
        """What logits are divided by before they become probabilities; 1 for a model that was never calibrated."""
        return 1.0 if self.info.temperature is None else self.info.temperature

    def of(self, sample_id: str) -> Segmenter:
        """The network that judges an image in an evaluation: this one, whatever the image."""
        return self

    def predict(self, image: Accepted, *, probabilities: bool = False, uncertainty: bool = False) -> Prediction:
        """Segment an image: a path, a Pillow picture, or an array (see `segue.infer.accepted.as_pixels`).

        >>> Segmenter.load("runs/camvid").predict("street.jpg").mask.shape  # doctest: +SKIP
        (720, 960)
        """
        prepared = self.prepare(*as_pixels(image, self.info.prep.ranges))
        return self.segment(prepared, Wanted(probabilities, uncertainty))

    def prepare(self, pixels: NDArray[Any], missing: Missing | None = None) -> Prepared:
        """Resize decoded pixels (H, W, C) to what the network sees; needs no device, so threads can do it ahead."""
        prep = self.info.prep
        channels = filled(to_channels(pixels, prep.channels), missing, prep.mean)
        height, width = pixels.shape[:2]
        working = resize_image(channels, working_size(height, width, prep))
        return Prepared(pixels if missing is None else channels, working, missing)

    def segment(self, prepared: Prepared, wanted: Wanted = MASK_ONLY, watch: Watch | None = None) -> Prediction:
        """Run the network on a prepared image, a band of rows at a time; `watch` is shown the logits of each."""
        target = (prepared.pixels.shape[0], prepared.pixels.shape[1])
        whole: Maps = {}

        def take(top: int, logits: Tensor) -> None:
            rows = slice(top, top + logits.shape[1])
            maps = maps_of(logits, wanted, self.temperature)
            if prepared.missing is not None:
                forget(maps, prepared.missing[rows])
            for kind, values in maps.items():
                if kind not in whole:
                    whole[kind] = np.empty((*values.shape[:-2], *target), values.dtype)
                whole[kind][..., rows, :] = values
            if watch is not None:
                watch(top, logits)

        look = self.stream(prepared.working, target, take)
        distance, unlike = self.judged(look)
        return Prediction(classes=self.classes, look=look, distance=distance, unlike_training=unlike, **whole)

    def judged(self, look: Look) -> tuple[float | None, bool | None]:
        """`distance` and `unlike_training` of an image, as in `Prediction`."""
        if self.seen is None:
            return None, None
        distance = self.seen.familiar.distance(look.features)
        return distance, self.seen.familiar.unlike(distance) if self.seen.familiar.threshold < math.inf else None

    def stream(self, working: Tileable, target: tuple[int, int], take: Watch) -> Look:
        """Run the network on an image at the size it is to see, a row of tiles at a time.

        `take` is given the logits (classes, rows, width) at the size `target` (height, width), in bands from the top
        down, each with the row it begins at. Returns what was seen of the image on the way, in the same pass.
        """
        height, width = working.shape[:2]
        top, looker = 0, Looker()
        with exact_arithmetic():
            forward = partial(self._logits, looker)
            bands = blended_rows(forward, working, self.side(target, (height, width)), self.tiling, self._step)
            for logits in resized_rows(bands, (height, width), target):
                take(top, logits)
                top += logits.shape[1]
                del logits  # a part of a row of tiles, of which another is about to be computed
        return looker.look()

    def look(self, prepared: Prepared) -> Look:
        """What `segment` sees of an image, from the encoder alone: a part of the work."""
        working = prepared.working
        height, width = working.shape[:2]
        side = self.side((prepared.pixels.shape[0], prepared.pixels.shape[1]), (height, width))
        looker = Looker()
        with exact_arithmetic():
            for top in cuts(height, side, self.tiling.overlap, self._step):
                for left in cuts(width, side, self.tiling.overlap, self._step):
                    tile = working[top : top + side, left : left + side]
                    looker.add(tile, _coarsest(self._model.features(self._ready(tile))))
        return looker.look()

    def _ready(self, tile: NDArray[Any]) -> Tensor:
        return normalise(tile, self.info.prep)[None].to(self.device, non_blocking=True)  # channels-last as it stands

    def _logits(self, looker: Looker, tiles: list[NDArray[Any]]) -> list[Tensor]:
        ready = [self._ready(tile) for tile in tiles]
        found = []
        for pixels, tile in zip(tiles, ready, strict=True):
            levels = self._model.features(tile)
            looker.add(pixels, _coarsest(levels))
            # what follows works on whole rows of one class, so the classes leave the innermost place
            found.append(self._model.scores(levels, *tile.shape[-2:])[0].float().contiguous())
        return found

    def side(self, own: tuple[int, int], working: tuple[int, int]) -> int:
        """The side past which an image of its `own` and its `working` size (height, width) is cut.

        As asked, or the size trained at for mosaics and for images that training showed in small parts, else never.
        """
        if self.tiling.side is not None:
            return self.tiling.side
        prep = self.info.prep
        if own[0] * own[1] <= MOSAIC * prep.largest and prep.zoom <= MOST_ZOOM:
            return max(working)
        return tile_side(prep)


def _coarsest(levels: list[Tensor]) -> Tensor:
    """The last map; what follows it may be queries (batch, queries, channels)."""
    return next(level for level in reversed(levels) if level.ndim == 4)
