"""Random brightness, contrast and saturation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # Rec. 601


def recolour(
    image: NDArray[np.float32], inside: NDArray[np.bool_], strength: float, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Change brightness, contrast and (for three channels) saturation, each by a factor of 1 ± `strength` at most.

    Contrast changes around the mean of the pixels `inside`; padding does not count.
    """
    if strength == 0:
        return image
    brightness, contrast, saturation = 1 + generator.uniform(-strength, strength, size=3)
    mean = float(image.mean() if inside.all() else image[inside].mean()) if inside.any() else 0.0
    # brighten, then stretch around the new mean: (b * v - b * mean) * c + b * mean, in one go
    image = image * np.float32(brightness * contrast)
    image += np.float32(brightness * mean * (1 - contrast))
    if image.shape[2] == 3:
        grey = image @ LUMA
        grey *= np.float32(1 - saturation)
        image *= np.float32(saturation)
        image += grey[..., None]
    return np.clip(image, 0, 255, out=image)
