"""Class weights follow the training masks, go to the losses that take them, and are said."""

import numpy as np

from segue.configs import OptimConfig
from segue.data.classes import Classes
from segue.data.index import Sample
from segue.data.prepare import Data
from segue.train.class_weights import class_weights, describe


def data(tmp_path):
    classes = Classes(("ground", "pole"), ((0, 0, 0), (9, 9, 9)), (0, 1))
    parts = ("train", "train", "val")
    samples = tuple(Sample(str(i), tmp_path / f"{i}.png", tmp_path / f"{i}.png", part) for i, part in enumerate(parts))
    return Data(tmp_path, "folders", classes, samples, np.array([[60, 10], [30, 0], [0, 500]]), ((8, 8),) * 2, 3, ())


def test_weights_are_the_inverse_share_in_training_to_the_power_given(tmp_path):
    weights = class_weights(OptimConfig(class_weights=0.5), data(tmp_path))
    ratio = np.sqrt(90 / 10)
    assert weights["pole"] / weights["ground"] == ratio
    assert weights["pole"] + weights["ground"] == 2


def test_no_weights_where_nothing_takes_them_and_the_log_says_why(tmp_path):
    off, region = OptimConfig(class_weights=0), OptimConfig(loss="jaccard + lovasz")
    assert class_weights(off, data(tmp_path)) == class_weights(region, data(tmp_path)) == {}
    assert describe(off, {}) == "no class weights: optim.class_weights is 0"
    assert describe(region, {}) == "no class weights: no term of 'jaccard + lovasz' takes them"


def test_the_log_names_the_terms_and_every_weight(tmp_path):
    optim = OptimConfig(loss="focal + dice + ce", class_weights=1)
    text = describe(optim, class_weights(optim, data(tmp_path)))
    assert text == "class weights in focal and ce (inverse share to the power 1): ground 0.20, pole 1.80"
