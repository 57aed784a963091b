"""Copy-paste: the pixels of a rare class are put onto another sample (after https://arxiv.org/abs/2012.07177)."""

from __future__ import annotations

import numpy as np

from segue.configs import AugmentConfig
from segue.data.augment.crop import take
from segue.data.augment.pool import Pool
from segue.data.augment.view import View


def copy_paste(view: View, config: AugmentConfig, generator: np.random.Generator, pool: Pool) -> View:
    """Paste every pixel of one rare class from a crop of a sample that holds it.

    The class is drawn as for rare-class crops, the sample among those that have it, and its crop is laid around it. The
    paper pastes random instances of any class; semantic masks have no instances, and frequent classes need no help.
    Edges are not blended: the paper found it makes no difference.
    """
    chosen, index = pool.rare(generator)
    donor = take(pool.load(index), view.size, config, generator, focus=chosen)
    thing = donor.labels == chosen
    return View(
        np.where(thing[..., None], donor.image, view.image),
        np.where(thing, donor.labels, view.labels),
        view.inside | thing,
    )
