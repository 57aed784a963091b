"""LoRA: the mathematics of the paper, exact merging, and layers of many kinds."""

import copy
import math

import pytest
import torch
from timm.layers import Conv2dSame, StdConv2d
from torch import nn
from torch.nn import functional

from segue.configs import TransferConfig
from segue.errors import UsageError
from segue.models.build import ModelSpec, build
from segue.transfer.lora import LowRank, add_lora, added_parameters, merge_lora, remove_lora

LORA = TransferConfig(mode="lora", rank=3, alpha=12.0)


def trained(module: nn.Module, transfer: TransferConfig = LORA) -> nn.Module:
    """`module` with matrices that are not zero any more."""
    add_lora(module, transfer, seed=0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in added_parameters(module):
            parameter.normal_(0, 0.1, generator=generator)
    return module


def matrices(layer: nn.Module) -> LowRank:
    return layer.lora


def test_a_linear_layer_computes_the_formula_of_the_paper():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(7, 5))
    weight, bias = net[0].weight.detach().clone(), net[0].bias
    trained(net)
    x = torch.randn(4, 7)
    low = matrices(net[0])
    assert low.a.shape == (3, 7)
    assert low.b.shape == (5, 3)
    expected = x @ weight.T + bias + (12.0 / 3) * (x @ low.a.T) @ low.b.T
    torch.testing.assert_close(net(x), expected)
    torch.testing.assert_close(net[0].weight, weight + 4.0 * low.b @ low.a)


@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 1},
        {"kernel_size": 3, "padding": 1, "stride": 2},
        {"kernel_size": (3, 5), "dilation": 2, "padding_mode": "reflect", "padding": 2},
    ],
    ids=str,
)
def test_a_convolution_is_one_to_rank_channels_and_a_1x1_one_behind_it(options):
    torch.manual_seed(0)
    layer = nn.Conv2d(4, 6, **options)
    down, up = nn.Conv2d(4, 3, bias=False, **options), nn.Conv2d(3, 6, 1, bias=False)
    x = torch.randn(2, 4, 12, 12)
    base = layer(x)
    net = trained(nn.Sequential(layer))
    low = matrices(net[0])
    with torch.no_grad():
        down.weight.copy_(low.a.view_as(down.weight))
        up.weight.copy_(low.b.view_as(up.weight))
    torch.testing.assert_close(net(x), base + 4.0 * up(down(x)))


def test_the_first_step_begins_with_the_pretrained_network_to_the_bit():
    torch.manual_seed(0)
    model = build(ModelSpec("test_resnet", "fcn", 3, 3)).eval()
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        before = model(x)
        add_lora(model.encoder, LORA, seed=0)
        assert torch.equal(model(x), before)


@pytest.mark.parametrize("encoder", ["test_resnet", "test_vit", "test_convnext"])
def test_merging_changes_neither_the_result_nor_the_names(encoder):
    torch.manual_seed(0)
    model = build(ModelSpec(encoder, "fcn", 3, 3)).to(memory_format=torch.channels_last).eval()
    names = list(model.state_dict())
    trained(model.encoder)
    x = torch.randn(2, 3, 64, 64).to(memory_format=torch.channels_last)
    with torch.no_grad():
        adapted = model(x)
        count = merge_lora(model)
        assert count > 0
        assert torch.equal(model(x), adapted)
    assert sorted(model.state_dict()) == sorted(names)
    assert merge_lora(model) == 0  # once more is harmless
    fresh = build(model.spec).eval()
    fresh.load_state_dict(model.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(fresh(x), adapted)


@pytest.mark.parametrize("encoder", ["test_resnet", "test_vit"])
def test_merging_changes_nothing_in_half_precision_either(encoder):
    torch.manual_seed(0)
    model = build(ModelSpec(encoder, "fcn", 3, 3)).eval()
    trained(model.encoder)
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        adapted = model(x)
    merge_lora(model)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(model(x), adapted)


def test_taking_the_matrices_away_leaves_the_pretrained_bits():
    torch.manual_seed(0)
    model = build(ModelSpec("test_vit", "fcn", 3, 3))
    before = copy.deepcopy(model.state_dict())
    trained(model.encoder)
    assert remove_lora(model) > 0
    after = model.state_dict()
    assert sorted(after) == sorted(before)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_copy_is_merged_without_the_original():
    torch.manual_seed(0)
    net = trained(nn.Sequential(nn.Linear(6, 6), nn.Conv2d(2, 2, 1)))
    average = copy.deepcopy(net)
    expected = net[0].weight.detach()
    merge_lora(average)
    assert torch.equal(net[0].weight, expected)
    assert torch.equal(average[0].weight, expected)
    assert remove_lora(net) == 2
    assert not torch.equal(net[0].weight, expected)


def test_a_step_of_training_leaves_the_base_weights_untouched():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 2))
    base = [net[0].weight.detach().clone(), net[2].weight.detach().clone()]
    add_lora(net, LORA, seed=0)
    optimizer = torch.optim.AdamW(added_parameters(net), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        net(torch.randn(8, 6)).square().mean().backward()
        optimizer.step()
    remove_lora(net)
    assert torch.equal(net[0].weight, base[0])
    assert torch.equal(net[2].weight, base[1])


def test_gradients_are_those_of_the_side_branch():
    torch.manual_seed(0)
    net = trained(nn.Sequential(nn.Conv2d(3, 4, 3)))
    low, x = matrices(net[0]), torch.randn(2, 3, 8, 8)
    weight, bias = dict(net[0].named_parameters())["weight"].detach(), net[0].bias.detach()
    got = torch.autograd.grad(net(x).square().sum(), (low.a, low.b))
    branch = functional.conv2d(functional.conv2d(x, low.a.view(3, 3, 3, 3)), low.b.view(4, 3, 1, 1))
    beside = functional.conv2d(x, weight, bias) + 4.0 * branch
    expected = torch.autograd.grad(beside.square().sum(), (low.a, low.b))
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)


def test_a_is_drawn_as_the_authors_draw_it_and_from_the_seed_alone():
    draws = []
    for noise in (1, 2):
        torch.manual_seed(noise)
        net = nn.Sequential(nn.Linear(400, 300))
        add_lora(net, TransferConfig(mode="lora", rank=64), seed=7)
        draws.append(matrices(net[0]).a.detach())
    assert torch.equal(*draws)
    reference = torch.empty(64, 400)
    nn.init.kaiming_uniform_(reference, a=math.sqrt(5))
    assert draws[0].abs().max() <= 1 / math.sqrt(400)
    assert draws[0].std() == pytest.approx(reference.std().item(), rel=0.02)
    assert not matrices(net[0]).b.any()


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ((), {"attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2", "patch_embed.proj"}),
        (("attention",), {"attn.qkv", "attn.proj"}),
        (("mlp",), {"mlp.fc1", "mlp.fc2"}),
        (("conv",), {"patch_embed.proj"}),
        (("attention", "conv"), {"attn.qkv", "attn.proj", "patch_embed.proj"}),
    ],
    ids=["all", "attention", "mlp", "conv", "attention and conv"],
)
def test_targets_name_kinds_of_layers(targets, expected):
    model = build(ModelSpec("test_vit", "fcn", 3, 3))
    names = add_lora(model.encoder, TransferConfig(mode="lora", targets=targets), seed=0)
    assert {".".join(name.split(".")[-2:]) for name in names} == expected


def test_depthwise_convolutions_are_left_alone_and_an_encoder_without_targets_is_refused():
    net = nn.Sequential(nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 8, 1))
    assert add_lora(net, LORA, seed=0) == ("1",)
    with pytest.raises(UsageError, match="it has none of attention"):
        add_lora(nn.Sequential(nn.Conv2d(4, 4, 3)), TransferConfig(mode="lora", targets=("attention",)), seed=0)


@pytest.mark.parametrize("kind", [Conv2dSame, StdConv2d])
def test_layers_that_do_more_with_their_weight_are_merged_exactly_too(kind):
    torch.manual_seed(0)
    net = trained(nn.Sequential(kind(3, 4, 3, stride=2)))
    x = torch.randn(2, 3, 9, 9)
    with torch.no_grad():
        adapted = net(x)
        merge_lora(net)
        assert torch.equal(net(x), adapted)


def test_the_count_of_new_weights_is_rank_times_inputs_and_outputs():
    net = nn.Sequential(nn.Linear(10, 20), nn.Conv2d(4, 8, 3))
    add_lora(net, LORA, seed=0)
    assert sum(p.numel() for p in added_parameters(net)) == 3 * (10 + 20) + 3 * (4 * 9 + 8)
