"""How a model will be judged: the share held out, and folds where that share is too small to judge by."""

from __future__ import annotations

from segue.configs import DataConfig, FitConfig
from segue.data.index import Index
from segue.data.listing import columns
from segue.data.prepare import Data
from segue.errors import UsageError
from segue.planning.decision import Decision, Decisions
from segue.planning.fingerprint import Fingerprint

ENOUGH = 30  # validation images below which one image more or less moves the score
LARGE = 150  # labelled images from which a fifth is enough
FIFTH = 0.2
FOLDS = 5
SHARE_OF_FOLDS = 0.95  # of the minutes; the rest is for judging every image and for the report
FEWEST_MINUTES = 0.1  # of one fold, as of any fit


def val_fraction(index: Index) -> Decision:
    """The share of the groups to hold out, known before any file is read."""
    known = columns(index.samples)
    labelled = sum(len(known.of(part)) for part in ("train", "val", ""))
    inputs = {"labelled_images": labelled}
    if has_validation(index):
        return Decision(DataConfig().val_fraction, "not used: the data has a validation part of its own", inputs)
    if labelled >= LARGE:
        rule = f"whole groups, a fifth: that is {ENOUGH} images or more from {LARGE} on, and training gets the rest"
        return Decision(FIFTH, rule, inputs)
    rule = f"whole groups, 30 %: of fewer than {LARGE} images a fifth would be too few to judge by"
    return Decision(DataConfig().val_fraction, rule, inputs)


def has_validation(index: Index) -> bool:
    """Whether the layout has a labelled validation part of its own."""
    return len(columns(index.samples).of("val")) > 0


def folds_pay(fingerprint: Fingerprint) -> bool:
    """Whether judging every image in turn would say much more than the one part held out."""
    return fingerprint.val < ENOUGH and fingerprint.groups >= FOLDS and not fingerprint.val_given


def folds(fingerprint: Fingerprint) -> Decisions:
    """The number of folds, where they pay; else nothing is decided."""
    if not folds_pay(fingerprint):
        return {}
    rule = (
        f"one part held out would have {fingerprint.val} images, fewer than {ENOUGH}: with {FOLDS} networks every "
        f"image is judged by one that has not seen its group, and the mean of the {FOLDS} is the model; this takes "
        f"{FOLDS} times as long, to train and to predict (1: one network, judged by the part held out)"
    )
    inputs = {"val_images": fingerprint.val, "enough": ENOUGH, "groups": fingerprint.groups}
    return {"folds": Decision(FOLDS, rule, inputs)}


def folds_line(fingerprint: Fingerprint) -> str:
    """The same as advice to who did not ask: a fit does not take five times as long by itself."""
    images = fingerprint.val
    return (
        f"{images} {'image' if images == 1 else 'images'} to judge by {'is' if images == 1 else 'are'} few: with "
        f"--folds {FOLDS} all {fingerprint.train + images} would be judged, in {FOLDS} times the time"
    )


def refuse_beside_folds(config: FitConfig) -> None:
    """Refuse options that do not go together with folds, before any file is read."""
    if config.data.split is not None:
        raise UsageError(
            f"expected --data.split or --folds {config.folds}, got both: folds hold out every image once, a split "
            "always the same ones: leave one out (--folds 1 where a plan asks for more)"
        )
    least = FEWEST_MINUTES * config.folds / SHARE_OF_FOLDS
    if config.minutes is not None and config.minutes < least:
        raise UsageError(f"minutes: expected at least {least:.2f} for {config.folds} folds, got {config.minutes:g}")


def refuse_part(data: Data, folds: int) -> None:
    """Refuse folds of data that were not looked at whole: each image is to be judged once."""
    if data.whole is not None:
        images = data.whole.draw.images
        raise UsageError(
            f"{data.root}: expected all images to be looked at beside --folds {folds}, got {len(data.samples)} of "
            f"{images}: leave --folds out, or give --data.look-at {images}"
        )


def refuse_validation(config: FitConfig, index: Index) -> None:
    """Refuse folds of data that says itself what to validate with."""
    if has_validation(index):
        raise UsageError(
            f"{index.root}: expected data without a validation part of its own beside --folds {config.folds}, it has "
            "one: use --folds 1 to judge by it, or give the images of the training part alone"
        )
