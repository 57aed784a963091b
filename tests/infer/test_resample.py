from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import interpolate

from segue.infer import resample
from segue.infer.resample import resized_rows


def bands_of(logits, cuts):
    edges = [0, *sorted(set(cuts)), logits.shape[1]]
    return [logits[:, a:b] for a, b in pairwise(edges)]


@settings(max_examples=80, deadline=None)
@given(
    st.tuples(st.integers(1, 40), st.integers(1, 12)),
    st.tuples(st.integers(1, 90), st.integers(1, 30)),
    st.lists(st.integers(1, 39), max_size=5),
)
def test_equals_resizing_everything_at_once(source, target, cuts):
    logits = torch.randn(3, *source, generator=torch.Generator().manual_seed(0))
    parts = list(resized_rows(bands_of(logits, [c for c in cuts if c < source[0]]), source, target))
    # in float64: torch's float32 coordinates alone are off by more than the bound
    whole = interpolate(logits[None].double(), size=target, mode="bilinear")[0].float()
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=1e-5, rtol=0)


def test_the_same_size_changes_no_bit():
    logits = torch.randn(3, 20, 11)
    assert torch.equal(torch.cat(list(resized_rows(bands_of(logits, [7, 9]), (20, 11), (20, 11))), dim=1), logits)


@pytest.mark.parametrize("target", [(200, 100), (13, 17)])
def test_bands_stay_small(monkeypatch, target):
    monkeypatch.setattr(resample, "CHUNK", 2 * 100 * 4)
    parts = list(resized_rows([torch.randn(2, 30, 20)], (30, 20), target))
    assert sum(part.shape[1] for part in parts) == target[0]
    assert max(part.numel() for part in parts) <= 800
