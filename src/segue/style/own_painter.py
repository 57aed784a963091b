"""The network that ships (`segue.style.own`) as a painter of training crops, see `segue.data.augment.stylise`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray

from segue.configs import AugmentConfig
from segue.data.augment.stylise import Moments, Painter
from segue.data.augment.view import Pixels
from segue.style.model_folder import load_style_model
from segue.style.network import Wanted
from segue.style.own import FOLDER


class OwnPainter:
    """Paints on the CPU and on one thread, whoever asks: the loader has threads enough of its own."""

    def __init__(self) -> None:
        network, _ = load_style_model(FOLDER)
        self._network = network.to(memory_format=torch.channels_last)
        self._threads = torch.get_num_threads()

    def moments(self, pixels: Pixels) -> Moments:
        """Mean and deviation of the network's features of pixels (H, W, 3) on the 0-255 scale: 2 kB."""
        with self._alone():
            found: Moments = self._network.prepared([Wanted(picture=_as_batch(pixels))])
        return found

    def painted(
        self, image: NDArray[np.float32], inside: NDArray[np.bool_], moments: Moments, strength: float
    ) -> NDArray[np.float32]:
        """Pixels (H, W, 3) on the 0-255 scale, with `strength` as in `segue style apply`."""
        # without a map moments are those of everything, and quicker
        maps = None if inside.all() else _as_tensor(inside)[None]
        with self._alone():
            found = self._network.stylise(_as_batch(image), moments, strength, maps=maps)
        return np.ascontiguousarray((255 * found[0]).permute(1, 2, 0).numpy())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """On one thread, without gradients. Torch keeps the number for each thread that asks for it."""
        torch.set_num_threads(1)
        try:
            with torch.inference_mode():
                yield
        finally:
            # the number this was built with, not what this thread had: threads begin with what was set last
            torch.set_num_threads(self._threads)


def painter_for(config: AugmentConfig) -> Painter | None:
    """The painter that a training with these augmentations needs; None where it needs none."""
    return OwnPainter() if config.stylise > 0 else None


def _as_batch(pixels: Pixels) -> torch.Tensor:
    return _as_tensor(pixels).permute(2, 0, 1)[None] / 255


def _as_tensor(values: NDArray[np.generic]) -> torch.Tensor:
    # a copy: torch takes no array that is read-only, as decoded ones may be, or mirrored, as flipped ones are
    return torch.from_numpy(np.array(values, np.float32, order="C"))
