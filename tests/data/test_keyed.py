"""Keyed randomness: the same position gives the same draw, other positions give others."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from segue.data.keyed import batch_keys, epoch_order, sample_generator, step_seed


def test_a_generator_depends_on_every_part_of_its_key():
    draws = {
        float(sample_generator(seed, epoch, index).random())
        for seed in (0, 1)
        for epoch in (0, 1)
        for index in range(10)
    }
    assert len(draws) == 40
    assert sample_generator(3, 2, 1).random() == sample_generator(3, 2, 1).random()


def test_global_random_state_has_no_say():
    np.random.seed(0)
    first = sample_generator(0, 0, 0).random(4), epoch_order(0, 0, 10), step_seed(0, 5)
    np.random.seed(1)
    second = sample_generator(0, 0, 0).random(4), epoch_order(0, 0, 10), step_seed(0, 5)
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])
    assert first[2] == second[2]


@given(st.integers(0, 2**31 - 1), st.integers(1, 40), st.integers(1, 16))
@settings(max_examples=50, deadline=None)
def test_every_pass_visits_every_sample_once_however_batches_fall(seed, count, batch):
    steps = 3 * count  # at least three passes whatever the batch
    keys = [key for step in range(steps) for key in batch_keys(seed, step, batch, count)]
    for epoch in range(3):
        assert sorted(index for e, index in keys if e == epoch) == list(range(count))


def test_seeds_fit_torch_and_differ_by_step():
    seeds = [step_seed(7, step) for step in range(1000)]
    assert len(set(seeds)) == 1000
    assert all(0 <= seed < 2**63 for seed in seeds)
