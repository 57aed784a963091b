"""Files of PyTorch's example fast_neural_style paint what the example paints."""

import pytest
import torch
from torch.nn import functional

from segue.errors import WeightsError
from segue.style.example_weights import CONVOLUTIONS, NORMS
from segue.style.model_folder import load_style_info, load_style_model
from segue.style.network import Wanted
from tiny_style import picture


def saved(path, fine=4, **changes):
    """A state dict with the example's names, and random weights that let a picture through."""
    torch.manual_seed(0)
    middle, coarse = 2 * fine, 4 * fine
    channels = [3, fine, middle, *[coarse] * 11, middle, fine, 3]
    kernels = [9, *[3] * 14, 9]
    state = {}
    for number, name in enumerate(CONVOLUTIONS):
        shape = (channels[number + 1], channels[number], kernels[number], kernels[number])
        state[f"{name}.conv2d.weight"] = torch.randn(shape) * (shape[1] * shape[2] ** 2) ** -0.5
        state[f"{name}.conv2d.bias"] = torch.randn(shape[0])
    state["deconv3.conv2d.weight"] *= 30
    state["deconv3.conv2d.bias"] += 120
    for number, name in enumerate(NORMS):
        state[f"{name}.weight"] = 1 + 0.3 * torch.randn(channels[number + 1])
        state[f"{name}.bias"] = 0.3 * torch.randn(channels[number + 1])
        state[f"{name}.running_mean"] = torch.zeros(channels[number + 1])
    torch.save({**state, **changes}, path)
    return path


def painted_by_the_example(state, content):
    """What the example does, step by step, with a picture from 0 to 255."""

    def convolved(values, name, stride=1):
        weight = state[f"{name}.conv2d.weight"].float()
        border = weight.shape[2] // 2
        padded = functional.pad(values, (border,) * 4, mode="reflect")
        return functional.conv2d(padded, weight, state[f"{name}.conv2d.bias"].float(), stride)

    def normal(values, name):
        weight, bias = (state[f"{name}.{part}"].float() for part in ("weight", "bias"))
        return functional.instance_norm(values, weight=weight, bias=bias)

    values = content * 255
    for number, stride in ((1, 1), (2, 2), (3, 2)):
        values = normal(convolved(values, f"conv{number}", stride), f"in{number}").relu()
    for number in range(1, 6):
        inner = normal(convolved(values, f"res{number}.conv1"), f"res{number}.in1").relu()
        values = values + normal(convolved(inner, f"res{number}.conv2"), f"res{number}.in2")
    for number in (1, 2):
        values = functional.interpolate(values, scale_factor=2, mode="nearest")
        values = normal(convolved(values, f"deconv{number}"), f"in{number + 3}").relu()
    return (convolved(values, "deconv3") / 255).clamp(0, 1)


def paint(path, content):
    network, _ = load_style_model(path)
    return network.stylise(content, network.prepared([Wanted(row=0)]))


def test_a_file_of_the_example_paints_what_the_example_paints(tmp_path):
    path, content = saved(tmp_path / "mosaic.pth"), picture(0, 48, 64)
    expected = painted_by_the_example(torch.load(path, weights_only=True), content)
    assert 0.1 < expected.mean() < 0.9
    assert torch.allclose(paint(path, content), expected, atol=1e-4)
    info = load_style_info(path)
    assert info.names == ("mosaic",)
    assert len(info.sha256) == 64


@pytest.mark.shared
def test_a_network_of_somebody_paints_what_the_example_paints(shared):
    path = shared / "weights" / "style" / "fast_transformer" / "mosaic_fp16.pth"
    content = picture(0, 96, 128)
    expected = painted_by_the_example(torch.load(path, weights_only=True), content)
    assert (paint(path, content) - expected).abs().max() < 2e-3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"conv1.conv2d.weight": torch.zeros(3)}, "expected a network of PyTorch's example fast_neural_style"),
        (
            {"in2.weight": torch.zeros(3)},
            r"expected in2\.weight as PyTorch's example fast_neural_style saves it, got \(3,\)",
        ),
        ({"res3.conv1.conv2d.weight": torch.full((2, 2), float("nan"))}, "expected finite weights"),
    ],
)
def test_another_file_is_one_line(tmp_path, changes, message):
    with pytest.raises(WeightsError, match=message):
        load_style_model(saved(tmp_path / "other.pth", **changes))
