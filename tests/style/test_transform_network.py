"""Johnson's network with a row for each style: any size, any mix, given statistics, regions."""

import pytest
import torch
from torch.nn import functional

from segue.errors import UsageError
from segue.style.conditional_norm import EPSILON, ConditionalNorm, each_normalised, measured, normalised
from segue.style.network import Wanted
from segue.style.transform_network import TransformNetwork
from tiny_painter import painter
from tiny_style import picture

SIZES = [(1, 1), (1, 40), (2, 3), (7, 5), (8, 8), (33, 50), (37, 64), (48, 31)]


def one(network, row=0):
    return network.prepared([Wanted(row=row)])


@pytest.mark.parametrize("size", SIZES)
def test_any_size_is_kept(size):
    network = painter()
    content = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1))
    found = network.stylise(content, one(network))
    assert found.shape == content.shape
    assert found.isfinite().all()
    assert 0 <= found.min() <= found.max() <= 1


@pytest.mark.parametrize("size", [(33, 50), (8, 8), (5, 2)])
def test_painting_one_picture_is_what_was_trained(size):
    network, content = painter(), picture(0, *size)
    for row in range(3):
        trained = network(content, torch.tensor([row]))
        assert torch.allclose(network.stylise(content, one(network, row)), trained, atol=1e-5), row


def test_pictures_of_a_batch_do_not_touch_each_other():
    network = painter()
    contents = torch.cat([picture(seed, 24, 32) for seed in range(3)])
    together = network(contents, torch.tensor([2, 0, 1]))
    for number, row in enumerate((2, 0, 1)):
        alone = network(contents[number : number + 1], torch.tensor([row]))
        assert torch.allclose(together[number : number + 1], alone, atol=1e-5)


def test_strength_zero_is_the_content_and_one_the_painting():
    network, content = painter(), picture(0)
    style, painted = one(network), None
    painted = network.stylise(content, style)
    assert torch.equal(network.stylise(content, style, 0.0), content)
    assert torch.equal(network.stylise(content, style, 1.0), painted)
    assert torch.allclose(network.stylise(content, style, 0.25), 0.75 * content + 0.25 * painted, atol=1e-6)


def test_what_comes_out_is_a_change_of_the_photo():
    network, content = painter(), 0.1 + 0.8 * picture(0)
    network.convolutions[-1].weight.zero_()
    network.convolutions[-1].bias.zero_()
    network.norms[-1].offset.zero_()
    assert torch.allclose(network.stylise(content, one(network)), content, atol=1e-5)


def test_shares_need_not_be_whole_numbers_nor_add_up_to_one():
    network, content = painter(), picture(0)
    mixed = [network.prepared([Wanted(row=0, share=a), Wanted(row=2, share=b)]) for a, b in ((0.3, 0.9), (1, 3))]
    assert torch.allclose(network.stylise(content, mixed[0]), network.stylise(content, mixed[1]), atol=1e-5)
    alone = network.prepared([Wanted(row=0, share=0.7), Wanted(row=2, share=0)])
    assert torch.allclose(network.stylise(content, alone), network.stylise(content, one(network, 0)), atol=1e-6)
    tables = network.norms[4].gain
    assert torch.allclose(mixed[0][8], 0.25 * tables[:1] + 0.75 * tables[2:], atol=1e-6)


@pytest.mark.parametrize("shares", [(-1, 2), (0, 0), (float("nan"), 1)])
def test_shares_below_nothing_and_nothing_at_all_are_refused(shares):
    with pytest.raises(UsageError, match="expected shares of styles that are 0 or more"):
        painter().prepared([Wanted(row=0, share=shares[0]), Wanted(row=1, share=shares[1])])


@pytest.mark.parametrize("wanted", [Wanted(row=3), Wanted(row=-1), Wanted(picture=torch.rand(1, 3, 8, 8))])
def test_styles_it_has_not_learned_are_refused(wanted):
    with pytest.raises(UsageError, match="expected one of the 3 styles this network has learned"):
        painter().prepared([wanted])


def test_there_are_no_running_statistics():
    names = list(TransformNetwork(2, 0.1).state_dict())
    assert not [name for name in names if "running" in name or "tracked" in name]
    network, content = TransformNetwork(2, 0.1), picture(0)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    painted = [network.train(mode)(content, torch.tensor([1])) for mode in (True, False)]
    assert torch.equal(*painted), "it paints the same while it is trained and after"
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_width_one_has_as_many_weights_as_johnson_s():
    network = TransformNetwork(1)
    weights = sum(one.weight.numel() for one in network.convolutions)
    # 9x9 3-32, 3x3 32-64, 3x3 64-128, ten of 3x3 128-128, 3x3 128-64, 3x3 64-32, 9x9 32-3
    assert weights == 81 * 3 * 32 * 2 + 9 * (32 * 64 + 64 * 128) * 2 + 10 * 9 * 128 * 128


def test_gradient_reaches_every_weight_and_the_rows_of_the_styles_alone():
    network = TransformNetwork(3, 0.1, 1)
    (network(torch.rand(2, 3, 16, 24), torch.tensor([0, 2])) ** 2).mean().backward()
    assert [name for name, weight in network.named_parameters() if weight.grad is None] == []
    for norm in network.norms:
        assert norm.gain.grad[0].any()
        assert not norm.gain.grad[1].any()


def test_what_makes_no_network_is_refused():
    right = {"styles": 1, "width": 0.5, "blocks": 5, "output": "change"}
    assert TransformNetwork.from_numbers(right).numbers == right
    for wrong in (
        {"styles": 0},
        {"styles": True},
        {"width": 1e9},
        {"width": "1"},
        {"blocks": 10**9},
        {"output": "x"},
        {"extra": 1},
    ):
        with pytest.raises(UsageError, match="expected"):
            TransformNetwork.from_numbers({**right, **wrong})


# --- statistics and regions ------------------------------------------------------------------------------------------


def test_normalisation_is_instance_normalisation():
    torch.manual_seed(0)
    norm, values = ConditionalNorm(2, 5), 3 + 2 * torch.randn(2, 5, 9, 7)
    torch.nn.init.normal_(norm.gain)
    torch.nn.init.normal_(norm.offset)
    rows = torch.tensor([1, 0])
    batch = each_normalised(values, norm.gain[rows], norm.offset[rows])
    for number, row in enumerate((1, 0)):
        alone = values[number : number + 1]
        expected = functional.instance_norm(alone, weight=norm.gain[row], bias=norm.offset[row], eps=EPSILON)
        assert torch.allclose(batch[number : number + 1], expected, atol=1e-5)
        style = norm.gain[row : row + 1], norm.offset[row : row + 1]
        assert torch.allclose(normalised(alone, *style), expected, atol=1e-5)
        assert torch.allclose(normalised(alone, *style, measured(alone)), expected, atol=1e-5)


@pytest.mark.parametrize("size", [(33, 50), (24, 32)])
def test_its_own_statistics_given_from_outside_change_nothing(size):
    network, content = painter(), picture(0, *size)
    style = one(network, 1)
    statistics = network.statistics(content, style)
    assert len(statistics) == len(network.norms) - 1
    own = network.stylise(content, style)
    assert torch.allclose(network.stylise(content, style, statistics=statistics), own, atol=1e-5)
    other = network.statistics(picture(5, *size), style)
    assert not torch.allclose(
        network.stylise(content, style, statistics=other), network.stylise(content, style), atol=1e-2
    )


def halves(height, width):
    maps = torch.zeros(2, height, width)
    maps[0, :, : width // 2], maps[1, :, width // 2 :] = 1, 1
    return maps


def test_one_region_is_the_whole_picture():
    network, content = painter(), picture(0, 32, 48)
    style = one(network)
    everything = torch.ones(1, 32, 48)
    assert torch.allclose(network.stylise(content, style, maps=everything), network.stylise(content, style), atol=1e-4)


def test_every_region_has_its_own_statistics_and_style():
    network, maps = painter(), halves(32, 192)
    content = torch.cat([picture(0, 32, 96), picture(1, 32, 96)], 3)
    style = network.prepared([Wanted(row=0)], [Wanted(row=2)])
    statistics = network.statistics(content, style, maps)
    values = functional.conv2d(functional.pad(content, (4,) * 4, mode="reflect"), network.convolutions[0].weight)
    for region, part in enumerate((values[..., :96], values[..., 96:])):
        assert torch.allclose(statistics[0][region], measured(part)[0], atol=1e-5)
    together = network.stylise(content, style, maps=maps)
    far = (slice(0, 48), slice(144, 192))  # from the border, where each looks across
    for region in range(2):
        right, wrong = (
            network.stylise(content, one(network, row), maps=maps[region : region + 1])
            for row in ((0, 2), (2, 0))[region]
        )
        near = (together - right)[..., far[region]].abs().mean()
        assert near < 0.2 * (together - wrong)[..., far[region]].abs().mean(), region
    assert torch.allclose(network.stylise(content, style, statistics=statistics, maps=maps), together, atol=1e-5)


def test_a_region_that_a_picture_lacks_does_no_harm():
    network, content = painter(), picture(0, 24, 32)
    maps = torch.cat([torch.ones(1, 24, 32), torch.zeros(1, 24, 32)])
    found = network.stylise(content, network.prepared([Wanted(row=0)], [Wanted(row=1)]), maps=maps)
    assert torch.allclose(found, network.stylise(content, one(network)), atol=1e-4)


def test_half_precision_paints_nearly_the_same():
    network, content = painter(width=0.25), picture(0, 48, 64)
    style = one(network)
    whole = network.stylise(content, style)
    half = network.computing_in("bf16").stylise(content, style)
    assert half.dtype == torch.float32
    assert (half - whole).abs().mean() < 0.02
