"""Ranking candidates: the mean of two ranks, ties by rule, and when the scores leave it open."""

import dataclasses
import itertools

import pytest

from segue.planning.candidates import Candidate
from segue.planning.halving import LEAST_STEPS, MOST_STEPS, Trial, cost, winner
from segue.planning.sources import CLOSE, Scored, is_close, margin, ranked


def scored(name, logme, gbc, macs=100, licence="apache-2.0"):
    return Scored(Candidate(name, "resnet18", name, licence), {"logme": logme, "gbc": gbc}, 0.5, macs, 1.0)


def names(ranking):
    return [one.candidate.name for one in ranking]


def test_the_mean_of_both_ranks_decides():
    ranking = ranked([scored("a", 0.3, -9.0), scored("b", 0.2, -1.0), scored("c", 0.1, -2.0)])
    assert names(ranking) == ["b", "a", "c"]
    assert [one.rank for one in ranking] == [1.5, 2.0, 2.5]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_equal_ranks_go_to_higher_logme_else_cheaper_else_freer_else_by_name(order):
    far = scored("last", -1.0, -9.0)

    def first_of(*two):
        return names(ranked([[*two, far][place] for place in order]))[0]

    assert first_of(scored("a", 0.9, -2.0, macs=9), scored("b", 0.1, -1.0, macs=1)) == "a"
    assert first_of(scored("a", 0.51, -2.0, macs=9), scored("b", 0.50, -1.0, macs=1)) == "b"
    assert first_of(scored("a", 0.51, -2.0, licence="cc-by-nc-4.0"), scored("b", 0.50, -1.0)) == "b"
    assert first_of(scored("b", 0.51, -2.0), scored("a", 0.50, -1.0)) == "a"


def test_the_margin_is_in_standard_deviations_of_logme():
    ahead = ranked([scored("a", 3.0, -1.0), scored("b", 0.0, -2.0), scored("c", 0.0, -3.0)])
    assert margin(ahead) == pytest.approx(3 / 2**0.5)
    assert not is_close(ahead)
    behind = ranked([scored("a", 1.0, -1.0), scored("b", 0.9, -2.0), scored("c", 0.0, -3.0)])
    assert margin(behind) < CLOSE
    assert is_close(behind)


def test_two_candidates_are_always_close_and_one_never_is():
    pair = [scored("a", 9.0, -1.0), scored("b", 0.0, -2.0)]
    assert margin(ranked(pair)) is None
    assert is_close(ranked(pair))
    assert not is_close(ranked(pair[:1]))


def test_the_cost_of_halving_is_that_of_all_its_steps_and_fits_the_budget():
    for budget in (100, 300, 1000, 10_000):
        found = cost([1.0, 0.5, 0.25], [4.0, 2.0, 1.0], budget)
        needed = 7.0 + 6.0 + (found.steps or LEAST_STEPS) * (1.75 + 2 * 1.5)
        assert found.seconds == pytest.approx(needed)
        assert found.steps == 0 or (LEAST_STEPS <= found.steps <= MOST_STEPS and found.seconds <= budget)
    assert cost([1.0, 0.5, 0.25], [4.0, 2.0, 1.0], 100).steps == 0


def test_the_winner_is_of_the_longest_round():
    one, two = scored("a", 0, 0).candidate, dataclasses.replace(scored("b", 0, 0).candidate)
    trials = [Trial(one, 50, 0.9), Trial(two, 50, 0.2), Trial(one, 100, 0.4), Trial(two, 100, 0.5)]
    assert winner(trials).candidate.name == "b"
