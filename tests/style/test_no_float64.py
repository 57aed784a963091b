"""Measures and baselines on a device that has no float64, as Apple's GPUs: tensors there refuse it, here as there."""

import pytest
import torch

from segue.style.evaluation.colour_distance import colour_distance
from segue.style.evaluation.distances import content_distance, style_distance
from segue.style.evaluation.edges import edge_f1
from segue.style.evaluation.lpips import lpips
from segue.style.evaluation.methods import baselines
from segue.style.evaluation.ssim import ssim
from segue.style.evaluation.stability import instability, noisy, warped
from segue.style.evaluation.texture import as_texture
from segue.style.statistics import gram, moments
from tiny_style import picture


class Elsewhere(torch.Tensor):
    """A tensor of another device: what is computed with it lies there, `cpu()` brings it here, float64 is refused."""

    @classmethod
    def __torch_function__(cls, func, types, words=(), options=None):
        options = options or {}
        if func is torch.Tensor.cpu:
            return words[0].as_subclass(torch.Tensor)
        if func in (torch.Tensor.double, torch.linalg.eigh):
            raise TypeError(f"{func.__name__}: this device has no float64")
        found = super().__torch_function__(func, types, words, options)
        if isinstance(found, torch.Tensor) and found.dtype == torch.float64:
            raise TypeError(f"{func.__name__} gave float64, which this device does not have")
        return found


def elsewhere(seed, height=40, width=50):
    return picture(seed, height, width).as_subclass(Elsewhere)


def test_the_stand_in_refuses_float64_and_comes_home():
    one = elsewhere(0)
    assert isinstance(one * 2, Elsewhere)
    assert type(one.cpu()) is torch.Tensor
    for make in (lambda: one.double(), lambda: one.to(torch.float64), lambda: one.type(torch.float64)):
        with pytest.raises(TypeError, match="float64"):
            make()


@pytest.mark.parametrize("measure", [ssim, edge_f1, colour_distance], ids=lambda one: one.__name__)
def test_a_measure_asks_for_no_float64_and_says_the_same(measure):
    there = measure(elsewhere(0), elsewhere(1))
    assert there == pytest.approx(measure(picture(0, 40, 50), picture(1, 40, 50)), abs=1e-6)


@pytest.mark.parametrize("name", sorted(baselines()))
def test_a_baseline_paints_where_its_content_is(name):
    method = baselines()[name]
    there = method.paint(elsewhere(0), elsewhere(1, 33, 60), "style", lambda share: None)
    here = method.paint(picture(0, 40, 50), picture(1, 33, 60), "style", lambda share: None)
    assert torch.allclose(there.cpu(), here, atol=1e-6)


def test_stability_statistics_and_texture_ask_for_none():
    content, painted = elsewhere(0), elsewhere(1)
    moved = noisy(warped(content), 3)
    assert 0.5 < instability(content, moved, painted, noisy(warped(painted), 4)) < 2
    assert as_texture(content).dtype == torch.float32
    for statistic in (gram, moments):
        assert style_distance([statistic(content, None)], [statistic(painted, None)]) > 0
    assert content_distance(content, painted) > 0
    assert lpips([content], [painted], (torch.ones(1, 3, 1, 1),)) > 0
