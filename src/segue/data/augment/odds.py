"""Whether something of a given probability happens."""

from __future__ import annotations

import numpy as np


def happens(probability: float, generator: np.random.Generator) -> bool:
    """True in a share `probability` of all calls; 0 draws no number, so what is switched off shifts nothing else."""
    return probability > 0 and float(generator.random()) < probability
