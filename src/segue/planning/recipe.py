"""From the fingerprint to the options of a run: each decision with its rule and the numbers in it."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import numpy as np

from segue.configs import AugmentConfig, FitConfig, OptimConfig, TrainConfig
from segue.data.census import balancing_weights
from segue.data.geometry import inference_zoom
from segue.planning.decision import Decision, Decisions
from segue.planning.fingerprint import Fingerprint
from segue.planning.validation import ENOUGH
from segue.train.resolve import CROP_PIXELS, LEAST_SEEN, MOST_SEEN, PASSES, default_steps

ENOUGH_SEEN = 0.9  # of its own side, at which the median image is seen


def decide(fingerprint: Fingerprint, config: FitConfig, given: Collection[str] = ()) -> Decisions:
    """All decisions that follow from the data alone; `config` is resolved for it.

    `given` are dotted names of options that stand as they are in `config`: what follows from them follows from their
    value, and no decision is made on them. Minutes decide the steps while training, so no decision is made on these.
    """
    batch = _batch(fingerprint)
    if "optim.batch" in given:
        batch = Decision(config.optim.batch, "given")
    steps = config.steps if "steps" in given else default_steps(fingerprint.train, batch.value)
    if config.minutes is not None:
        given, steps = {*given, "steps"}, None
    decisions = {
        "data.size": _size(fingerprint, config),
        "augment.scale": _scale(fingerprint, config),
        "optim.batch": batch,
        "optim.lr": _rate(batch.value),
        "steps": _steps(fingerprint, batch.value),
        "optim.loss": _loss(),
        "optim.class_weights": _class_weights(fingerprint),
        "optim.ema": _ema(steps),
        "train.patience": _patience(fingerprint),
        "augment.preset": _preset(fingerprint),
    }
    if not decisions["augment.preset"].value and not config.augment.preset:  # a preset has a share of its own
        decisions["augment.rare_crops"] = _rare_crops(fingerprint)
    return {name: decision for name, decision in decisions.items() if name not in given}


def _size(fingerprint: Fingerprint, config: FitConfig) -> Decision:
    assert config.data.size is not None, "resolve() fills the size"
    rule = (
        "the median image divided by the zoom of inference, so that images are seen at their own size as far as the "
        "device's largest crop allows; multiples of 32"
    )
    inputs = {
        "median_height": fingerprint.height.p50,
        "median_width": fingerprint.width.p50,
        "zoom": round(inference_zoom(config.augment.scale), 3),
        "most_pixels": CROP_PIXELS[config.train.device],
        "device": config.train.device,
    }
    return Decision(config.data.size, rule, inputs)


def _scale(fingerprint: Fingerprint, config: FitConfig) -> Decision:
    seen = _seen_at(fingerprint, config)
    low, high = config.augment.scale
    inputs = {"seen_at": round(seen, 2), "enough": ENOUGH_SEEN}
    if seen >= ENOUGH_SEEN:
        return Decision((low, high), "the default: a crop of this size shows images near to their own size", inputs)
    rule = (
        "half the default: the images are larger than a crop of this size shows them, and thin things vanish when they "
        "are shrunk"
    )
    return Decision((low / 2, high / 2), rule, {**inputs, "seen_at_then": round(2 * seen, 2)})


def _seen_at(fingerprint: Fingerprint, config: FitConfig) -> float:
    """The share of its own side at which the median image is seen."""
    assert config.data.size is not None, "resolve() fills the size"
    assert fingerprint.height.p50 is not None, "there are training images"
    assert fingerprint.width.p50 is not None, "there are training images"
    side = math.sqrt(math.prod(config.data.size)) * inference_zoom(config.augment.scale)
    return side / math.sqrt(fingerprint.height.p50 * fingerprint.width.p50)


def _batch(fingerprint: Fingerprint) -> Decision:
    """The default, however few images there are.

    nnU-Net (https://doi.org/10.1038/s41592-020-01008-z) lets a batch cover 5 % of all pixels at most. It normalises by
    image; statistics over a batch of two cost more than seeing the same images again soon (`benchmarks/plan.md`).
    """
    rule = (
        "the default, also for few images: BatchNorm takes its statistics from a batch, and fewer images give poor ones"
    )
    return Decision(OptimConfig().batch, rule, {"train_images": fingerprint.train})


def _rate(batch: int) -> Decision:
    usual = OptimConfig()
    rule = "the default, times the square root of the batch over the default batch, as Adam's noise asks for"
    value = float(f"{usual.lr * math.sqrt(batch / usual.batch):.2g}")
    return Decision(value, rule, {"batch": batch, "default_lr": usual.lr, "default_batch": usual.batch})


def _steps(fingerprint: Fingerprint, batch: int) -> Decision:
    steps = default_steps(fingerprint.train, batch)
    rule = f"every training image {PASSES} times, {LEAST_SEEN:,} to {MOST_SEEN:,} images in all, divided by the batch"
    inputs: dict[str, Any] = {"train_images": fingerprint.train, "batch": batch}
    if fingerprint.machine is not None and fingerprint.machine.images_per_second > 0:
        inputs["minutes_at_measured_speed"] = round(steps * batch / fingerprint.machine.images_per_second / 60, 1)
    return Decision(steps, rule, inputs)


def _loss() -> Decision:
    rule = "cross entropy learns from every pixel, Jaccard is near to the score itself; the default for all data so far"
    return Decision(OptimConfig().loss, rule)


def _class_weights(fingerprint: Fingerprint) -> Decision:
    power = OptimConfig().class_weights
    shares = {one.name: one.pixel_share for one in fingerprint.classes if one.pixel_share > 0}
    weights = balancing_weights(np.array([round(1e5 * share) for share in shares.values()]), power)
    rarest = min(shares, key=lambda name: shares[name])
    inputs: dict[str, Any] = {
        "rarest_class": rarest,
        "its_share": shares[rarest],
        "largest_share": max(shares.values()),
        "weights_from": round(float(weights.min()), 2),
        "weights_to": round(float(weights.max()), 2),
    }
    rule = "one over the square root of each class's share of the pixels: without weights, rare classes are not learned"
    return Decision(power, rule, inputs)


def _ema(steps: int | None) -> Decision:
    share = OptimConfig().ema
    rule = "the average of the weights reaches back over this share of the steps; the default for all data so far"
    return Decision(share, rule, {"steps": steps, "reaches_back": round(share * steps)} if steps else {})


def _patience(fingerprint: Fingerprint) -> Decision:
    usual = TrainConfig().patience
    inputs = {"val_images": fingerprint.val, "enough": ENOUGH}
    if fingerprint.val >= ENOUGH:
        return Decision(usual, "the default: a run that has not improved for this share of its steps stops", inputs)
    rule = "it never stops early: on so few validation images the score stands still, or falls, by chance"
    return Decision(1.0, rule, inputs)


def _rare_crops(fingerprint: Fingerprint) -> Decision:
    rarest = min(fingerprint.classes, key=lambda one: one.image_share)
    rule = (
        "crops are drawn from all images alike: laying a third of them around rare classes helped on one of four data "
        "sets and hurt on another"
    )
    return Decision(
        AugmentConfig().rare_crops, rule, {"rarest_class": rarest.name, "images_with_it": rarest.image_share}
    )


def _preset(fingerprint: Fingerprint) -> Decision:
    inputs = {
        "georeferenced": fingerprint.georeferenced,
        "channels": fingerprint.channels,
        "numbers": fingerprint.numbers,
    }
    if fingerprint.georeferenced:
        return Decision("aerial", "the images lie on a map, so they are seen from above: no direction is up", inputs)
    rule = "nothing in the files says what kind of pictures these are, so the defaults, which suit most; see segue list"
    return Decision("", f"{rule} presets", inputs)
