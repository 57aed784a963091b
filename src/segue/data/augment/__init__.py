"""Random changes of a training sample, image and labels together, a function of (seed, epoch, sample) alone.

    augment       what one sample goes through, in order
    crop          scale and crop; flip, rotate, elastic, grid: all of it one resampling (warp)
    rare          crops around rare classes; mosaic, copy_paste, cutmix: parts of other samples (pool)
    fda …         histogram, stylise: the look of another picture (style); labels stay
    colour …      hue, blur, noise, jpeg: the image alone; cutout: a part is blotted out

A row of `AUGMENTATIONS` is called as the knob of `AugmentConfig` that switches it on. What the image has no pixels for
is labelled `IGNORE` and marked as outside, whatever the transform.
"""

from segue.data.augment.recipe import augment
from segue.table import Table

__all__ = ["AUGMENTATIONS", "augment"]

AUGMENTATIONS = Table(
    "augmentation",
    __name__,
    scale="crop:take",
    rare_crops="rare:RareClasses",
    flip="flip:flip",
    flip_vertical="flip:flip",
    quarter_turn="flip:turn",
    rotate="rotate:rotate",
    elastic="elastic:elastic",
    grid="grid:grid",
    mosaic="mosaic:mosaic",
    copy_paste="copy_paste:copy_paste",
    cutmix="cutmix:cutmix",
    fda="fda:fda",
    histogram="histogram:match_histogram",
    stylise="stylise:stylise",
    colour="colour:recolour",
    hue="hue:shift_hue",
    blur="blur:blur",
    noise="noise:noise",
    jpeg="jpeg:jpeg",
    cutout="cutout:cutout",
)
