"""What one training sample goes through, in order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from segue.configs import AugmentConfig
from segue.data.augment.blur import blur
from segue.data.augment.colour import recolour
from segue.data.augment.copy_paste import copy_paste
from segue.data.augment.crop import take
from segue.data.augment.cutmix import cutmix
from segue.data.augment.cutout import cutout
from segue.data.augment.fda import fda
from segue.data.augment.histogram import match_histogram
from segue.data.augment.hue import shift_hue
from segue.data.augment.jpeg import jpeg
from segue.data.augment.mosaic import mosaic
from segue.data.augment.noise import noise
from segue.data.augment.odds import happens
from segue.data.augment.pool import Pool, alone
from segue.data.augment.source import Source
from segue.data.augment.stylise import stylise
from segue.data.augment.view import View


def augment(
    source: Source,
    size: tuple[int, int],
    config: AugmentConfig,
    generator: np.random.Generator,
    pool: Pool | None = None,
    focus: int | None = None,
) -> View:
    """Cut a crop out of one sample and change it at random.

    First comes the geometry, then what other samples lend, then the colours, so that pasted pixels are recoloured with
    their new surroundings, those of a style before random ones. What is switched off draws no number: it leaves
    everything else as it was.

    Args:
        source: pixels (H, W, C), uint8 or float32 on the 0-255 scale, of any number of channels, and class ids.
        size: height and width of the crop.
        config: what is switched on, and how strong.
        generator: every random decision; the same state gives the same crop.
        pool: the samples and styles that others lend from; this sample alone when not given.
        focus: a class the crop is laid around, where the sample has it.
    """
    pool = pool or alone(source)
    if happens(config.mosaic, generator):
        view = mosaic(source, size, config, generator, pool, focus)
    else:
        view = take(source, size, config, generator, focus=focus)
    if happens(config.copy_paste, generator):
        view = copy_paste(view, config, generator, pool)
    if happens(config.cutmix, generator):
        view = cutmix(view, config, generator, pool)
    view = view._replace(image=_develop(view, config, generator, pool))
    return cutout(view, generator) if happens(config.cutout, generator) else view


def _develop(view: View, config: AugmentConfig, generator: np.random.Generator, pool: Pool) -> NDArray[np.float32]:
    image = view.image
    if happens(config.fda, generator):
        image = fda(image, view.inside, pool.style(view.size, generator).amplitude, generator)
    if happens(config.histogram, generator):
        image = match_histogram(image, view.inside, pool.style(view.size, generator).counts)
    if happens(config.stylise, generator):
        image = stylise(image, view.inside, pool.style(view.size, generator).moments, pool.painter, generator)
    image = recolour(image, view.inside, config.colour, generator)
    image = shift_hue(image, config.hue, generator)
    if happens(config.blur, generator):
        image = blur(image, view.inside, generator)
    if happens(config.noise, generator):
        image = noise(image, generator)
    if happens(config.jpeg, generator):
        image = jpeg(image, generator)
    return image
