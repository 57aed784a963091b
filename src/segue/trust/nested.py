"""An order of the training images whose beginnings are fair smaller training sets: random, and holding every class."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64


def nested_order(pixels: Int64[np.ndarray, "images classes"], seed: int) -> list[int]:
    """Positions of the images: the first k are the subset of k images, so that smaller ones lie in larger ones.

    Random, but a class comes in as early as possible, the rarest first: a network that was never shown a class says
    nothing about what more images of it would bring.
    """
    shuffled = np.random.Generator(np.random.Philox(key=seed)).permutation(len(pixels))
    holds = pixels[shuffled] > 0
    picked: list[int] = []
    for number in np.argsort(holds.sum(axis=0), kind="stable"):
        with_class = np.flatnonzero(holds[:, number])
        if with_class.size and not holds[picked, number].any():
            picked.append(int(with_class[0]))
    rest = [i for i in range(len(pixels)) if i not in set(picked)]
    return [int(i) for i in shuffled[[*picked, *rest]]]
