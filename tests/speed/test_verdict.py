"""Verdicts: which bottleneck is named, from which numbers, and what is advised; on made numbers."""

import dataclasses

import pytest

from segue.speed.turns import Timing
from segue.speed.verdict import (
    COMPUTE,
    DECODING,
    INPUT,
    WRITING,
    Setting,
    busy,
    lost,
    of_predicting,
    of_training,
    per_image,
)

SETTING = Setting("cpu", "bf16", cores=8, threads=8, workers=1, size=(256, 352), seen=(362, 498), from_memory=1.0)
SECONDS = {
    "read": 0.020,
    "crop_cached": 0.005,
    "crop_uncached": 0.025,
    "step": 0.100,
    "forward": 0.040,
    "backward": 0.050,
    "update": 0.010,
    "training_cached": 0.102,
    "training_uncached": 0.200,
    "decode": 0.012,
    "network": 0.150,
    "mask": 0.008,
    "overlay": 0.010,
}


def figures(**changed):
    return {name: Timing(seconds, 0.02, 5) for name, seconds in {**SECONDS, **changed}.items()}


def setting(**changed):
    return dataclasses.replace(SETTING, **changed)


# --- training --------------------------------------------------------------------------------------------------------


def test_a_loop_as_fast_as_its_network_is_bound_by_it_and_the_numbers_are_said():
    said = of_training(figures(), setting())
    assert said.bottleneck == COMPUTE == "network compute"
    assert said.sentence == (
        "training: the bottleneck is network compute: 10.0 images/s on batches in memory, 9.8 as it runs, 2% lost to "
        "the input pipeline; a step is 40% forward, 50% backward, 10% update; faster: a smaller --data.size (256x352 "
        "now) or a smaller --model.encoder"
    )


def test_a_loop_much_slower_than_its_network_is_bound_by_its_input():
    said = of_training(figures(), setting(from_memory=0.0))
    assert said.bottleneck == INPUT == "input pipeline"
    assert "10.0 images/s on batches in memory, 5.0 as it runs, 50% lost to the input pipeline" in said.sentence
    assert "a loader thread makes 40.0 crops/s, 80% of its time decoding" in said.sentence


@pytest.mark.parametrize(("training", "bottleneck"), [(0.110, COMPUTE), (0.113, INPUT), (0.080, COMPUTE)])
def test_a_tenth_decides_and_a_loop_faster_than_its_network_is_noise(training, bottleneck):
    assert of_training(figures(training_cached=training), setting()).bottleneck == bottleneck
    assert lost(figures(training_cached=0.080), 1.0) == 0.0


def test_what_was_not_measured_is_taken_to_be_as_the_other_and_both_are_mixed_by_their_share():
    both = figures()
    assert per_image(both, "training", 0.75) == pytest.approx(0.75 * 0.102 + 0.25 * 0.200)
    assert per_image({"training_cached": both["training_cached"]}, "training", 0.97) == 0.102
    assert per_image({"training_uncached": both["training_uncached"]}, "training", 0.02) == 0.200


@pytest.mark.parametrize(
    ("changed", "advice"),
    [
        ({"faster_device": "cuda", "faster_precision": "bf16", "precision": "fp32"}, "--train.device cuda"),
        ({"faster_precision": "bf16", "precision": "fp32"}, "--train.precision bf16"),
        ({"threads": 16}, "--train.threads 8 (16 now)"),
        ({"threads": 4}, "--train.threads 8 (4 now)"),
        ({"threads": 5}, "a smaller --data.size (256x352 now) or a smaller --model.encoder"),
        ({"device": "cuda", "threads": 1}, "a smaller --data.size (256x352 now) or a smaller --model.encoder"),
    ],
)
def test_what_helps_the_network_comes_in_the_order_of_what_it_gives(changed, advice):
    assert of_training(figures(), setting(**changed)).sentence.endswith(f"; faster: {advice}")


def slow_input(**changed):
    """Crops that take three times what the network takes; nothing comes from memory."""
    return figures(crop_uncached=0.3, training_uncached=0.3, **changed)


@pytest.mark.parametrize(
    ("changed", "read", "advice"),
    [
        ({"device": "cuda"}, 0.1, "--data.workers 3 (1 now)"),
        ({"device": "cuda", "cores": 3}, 0.1, "--data.workers 2 (1 now)"),
        ({"threads": 6}, 0.1, "--data.workers 2 (1 now)"),
        ({}, 0.2, "images stored nearer to the size they are seen at, 362x498 pixels"),
        (
            {},
            0.1,
            "less augmentation or a smaller --data.size (256x352 now): no core is idle for more workers",
        ),
    ],
)
def test_more_workers_are_advised_where_cores_are_idle_and_else_less_work(changed, read, advice):
    said = of_training(slow_input(read=read), setting(from_memory=0.0, **changed))
    assert said.bottleneck == INPUT
    assert said.sentence.endswith(f"; faster: {advice}")


def test_images_in_memory_are_not_blamed_for_decoding():
    said = of_training(figures(training_cached=0.3, crop_cached=0.3, read=0.5), setting())
    assert "0% of its time decoding" in said.sentence
    assert "stored nearer" not in said.sentence


# --- predicting ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "device", "bottleneck", "advice"),
    [
        ({}, "", COMPUTE, "a model trained with a smaller --data.size or a smaller --model.encoder"),
        ({}, "cuda", COMPUTE, "--device cuda"),
        ({"decode": 0.9}, "cuda", DECODING, "smaller files, of about 362x498 pixels, at which the network sees them"),
        ({"overlay": 0.2}, "", WRITING, "--no-overlay saves 200 ms an image"),
        ({"mask": 0.2}, "", WRITING, "a faster disk for --out"),
    ],
)
def test_the_longest_part_of_a_prediction_is_named(changed, device, bottleneck, advice):
    said = of_predicting(figures(**changed), setting(faster_device=device))
    assert said.bottleneck == bottleneck
    assert said.sentence.endswith(f"; faster: {advice}")


def test_the_parts_of_a_prediction_are_told():
    assert of_predicting(figures(), setting()).sentence.startswith(
        "predicting: the bottleneck is network compute: 180 ms an image, decoding 12 ms (7%), network compute 150 ms "
        "(83%), writing 18 ms (10%); faster: "
    )


# --- a busy machine --------------------------------------------------------------------------------------------------


def test_an_idle_machine_is_not_called_busy():
    assert busy(figures(), 7.9, 8) == ""
    assert busy(figures(), None, 8) == "", "a system that does not tell its load"


def test_load_and_spread_are_said_in_one_line():
    noisy = {**figures(), "step": Timing(0.1, 0.34, 5), "overlay": Timing(0.01, 0.9, 5)}
    assert busy(noisy, 9.5, 8) == (
        "the machine was busy with something else (a load of 9.5 on 8 cores before it began, repeats of `step` are 34% "
        "apart): measure again when it is idle"
    )
    assert busy({**figures(), "overlay": Timing(0.01, 0.9, 5)}, 1.0, 8) == "", "a disk is never steady"
