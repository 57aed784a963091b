"""Decisions follow from the numbers of the fingerprint by the rules that are written beside them."""

import dataclasses
from pathlib import Path

import pytest

from segue.configs import AugmentConfig, DataConfig, FitConfig, OptimConfig, TrainConfig
from segue.data.index import Index, Sample
from segue.errors import UsageError
from segue.planning.fingerprint import ClassFacts, Fingerprint, Quantiles
from segue.planning.machine import Machine
from segue.planning.recipe import decide
from segue.planning.validation import folds, folds_pay, refuse_beside_folds, val_fraction

MACHINE = Machine("cpu", "fp32", 1, 8.0, "mobilenetv2_100 + unet", (256, 352), 4.0)
NONE = Quantiles.of([])
FACTS = Fingerprint(
    version=1,
    root="/data",
    format="folders",
    train=100,
    val=40,
    val_given=False,
    groups=140,
    classes=(ClassFacts("road", 0.9, 1.0, 40, NONE), ClassFacts("sign", 0.1, 0.5, 20, NONE)),
    height=Quantiles.of([360]),
    width=Quantiles.of([480]),
    pixels=100 * 360 * 480,
    unlabelled_share=0.0,
    channels=3,
    numbers="8-bit",
    georeferenced=False,
    near_duplicates=0.0,
    objects_seen=64,
    seed=0,
    machine=MACHINE,
)
CONFIG = FitConfig(data=DataConfig(size=(256, 352)), train=TrainConfig(device="cpu"))


def decided(**changes):
    return decide(dataclasses.replace(FACTS, **changes), CONFIG)


@pytest.mark.parametrize("train", [5, 80, 10_000])
def test_few_images_are_no_reason_for_a_small_batch(train):
    decisions = decided(train=train)
    assert decisions["optim.batch"].value == OptimConfig().batch
    assert decisions["optim.lr"].value == OptimConfig().lr


def test_steps_follow_from_images_and_batch():
    steps = decided(train=200)["steps"]
    assert steps.value == 1000
    assert steps.inputs["minutes_at_measured_speed"] == pytest.approx(1000 * 8 / 4 / 60, abs=0.1)


def test_images_much_larger_than_a_crop_are_shown_in_smaller_parts():
    as_they_are, shrunk = decided(), decided(height=Quantiles.of([720]), width=Quantiles.of([960]))
    assert as_they_are["augment.scale"].value == (0.5, 1.0)
    assert shrunk["augment.scale"].value == (0.25, 0.5)
    # the crop of 256x352 is half to all of the side: seen at 256 * 2 ** 0.5 / 360 of it in the mean
    assert as_they_are["augment.scale"].inputs["seen_at"] == pytest.approx(
        (256 * 352 * 2 / (360 * 480)) ** 0.5, abs=0.01
    )
    assert shrunk["augment.scale"].inputs["seen_at_then"] == pytest.approx(
        as_they_are["augment.scale"].inputs["seen_at"], abs=0.02
    )


def test_the_average_reaches_back_over_steps_that_are_taken():
    given = decide(FACTS, dataclasses.replace(CONFIG, steps=100), ["steps"])
    assert given["optim.ema"].inputs == {"steps": 100, "reaches_back": 4}
    assert decided()["optim.ema"].inputs["steps"] == decided()["steps"].value
    timed = decide(FACTS, dataclasses.replace(CONFIG, minutes=2), ["minutes"])
    assert "steps" not in timed, "nobody knows how many fit into the minutes"
    assert timed["optim.ema"].inputs == {}


@pytest.mark.parametrize(("val", "patience"), [(29, 1.0), (30, TrainConfig().patience)])
def test_a_score_of_few_images_stops_no_training(val, patience):
    decision = decided(val=val)["train.patience"]
    assert decision.value == patience
    assert decision.inputs["val_images"] == val


def test_a_preset_needs_evidence_in_the_files():
    assert decided()["augment.preset"].value == ""
    assert decided(channels=5)["augment.preset"].value == ""  # a microscope has many channels, too
    assert decided(georeferenced=True)["augment.preset"].value == "aerial"


def test_a_preset_decides_on_crops_around_rare_classes_itself():
    decision = decided()["augment.rare_crops"]
    assert (decision.value, decision.inputs["rarest_class"]) == (0.0, "sign")
    assert "augment.rare_crops" not in decided(georeferenced=True)
    config = dataclasses.replace(CONFIG, augment=AugmentConfig(preset="driving"))
    assert "augment.rare_crops" not in decide(FACTS, config, {"augment.preset"})


def test_what_is_given_is_not_decided_and_the_rest_follows_from_it():
    config = dataclasses.replace(CONFIG, optim=OptimConfig(batch=2))
    decisions = decide(FACTS, config, {"optim.batch", "augment.preset"})
    assert "optim.batch" not in decisions
    assert "augment.preset" not in decisions
    assert decisions["optim.lr"].value == pytest.approx(OptimConfig().lr / 2)
    assert decisions["steps"].value == 2000


def test_every_decision_is_an_option_with_a_rule_and_is_what_is_followed(tmp_path):
    from segue.planning.file import read_plan, write_plan

    decisions = decided()
    write_plan(tmp_path / "plan.yaml", "/data", decisions)
    read_plan(tmp_path / "plan.yaml")  # refuses what is no option, or no value of it
    assert all(one.rule for one in decisions.values())
    assert decisions["data.size"].value == (256, 352)
    assert decisions["optim.class_weights"].inputs["rarest_class"] == "sign"


# --- validation ------------------------------------------------------------------------------------------------------


def samples(groups, each=1, split=""):
    return tuple(
        Sample(f"{group}-{i}", Path(f"{group}-{i}.jpg"), Path(f"{group}-{i}.png"), split, f"g{group}")
        for group in range(groups)
        for i in range(each)
    )


@pytest.mark.parametrize(("images", "share"), [(20, 0.3), (149, 0.3), (150, 0.2), (5000, 0.2)])
def test_a_fifth_is_held_out_once_that_is_thirty_images(images, share, tmp_path):
    assert val_fraction(Index(tmp_path, "folders", samples(images))).value == share


def test_a_validation_part_of_the_layout_is_kept(tmp_path):
    both = (*samples(10, split="train"), *(dataclasses.replace(s, id=f"v{s.id}") for s in samples(3, split="val")))
    assert val_fraction(Index(tmp_path, "split", both)).rule.startswith("not used")


@pytest.mark.parametrize(
    ("images", "groups", "given", "value"),
    [(29, 5, False, 5), (30, 100, False, None), (10, 4, False, None), (10, 100, True, None)],
)
def test_five_folds_where_the_part_held_out_is_too_small(images, groups, given, value):
    facts = dataclasses.replace(FACTS, val=images, groups=groups, val_given=given)
    decided = folds(facts)
    assert [one.value for one in decided.values()] == ([] if value is None else [value])
    assert folds_pay(facts) == bool(decided)
    if decided:
        assert "5 times as long" in decided["folds"].rule
        assert decided["folds"].inputs == {"val_images": 29, "enough": 30, "groups": 5}


def test_a_split_beside_folds_is_refused():
    with pytest.raises(UsageError, match=r"expected --data\.split or --folds 5, got both"):
        refuse_beside_folds(dataclasses.replace(CONFIG, folds=5, data=DataConfig(split=Path("split.json"))))
