"""The objective and the loop, with a network of two layers."""

import numpy as np
import pytest
import torch

import tiny_style as tiny
from segue.errors import TrainingStoppedError
from segue.style.adam import BETAS, EPSILON, PixelAdam
from segue.style.objective import Objective, Style
from segue.style.optimise import paint
from segue.style.picture import resized
from segue.style.regions import as_maps


def total(objective, picture):
    return torch.stack(list(objective(picture).values())).sum()


def gradient(objective, picture):
    picture = picture.clone().requires_grad_()
    return torch.autograd.grad(total(objective, picture), picture)[0]


def quarters(height, width, values=(0, 80, 160, 255)):
    mask = np.zeros((height, width), np.uint8)
    mask[: height // 2, : width // 2], mask[: height // 2, width // 2 :] = values[:2]
    mask[height // 2 :, : width // 2], mask[height // 2 :, width // 2 :] = values[2:]
    return as_maps(mask, values)


# --- objective -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("division", ["gatys", "relative"])
@pytest.mark.parametrize("statistic", ["gram", "moments"])
@pytest.mark.parametrize("size", [(24, 31), (17, 9), (2, 2)])
def test_the_loss_is_zero_at_the_content_that_is_the_style(size, statistic, division):
    content = tiny.picture(0, *size)
    terms = tiny.objective(content, content, statistic=statistic, division=division)(content)
    assert {name: value.item() for name, value in terms.items()} == {
        "content": pytest.approx(0, abs=1e-9),
        "style": pytest.approx(0, abs=1e-9),
    }


def test_terms_carry_their_weights():
    content, style, other = tiny.picture(0), tiny.picture(1), tiny.picture(2)
    plain = tiny.objective(content, style, tv=1.0)(other)
    heavy = tiny.objective(content, style, content=2.0, style=3.0, tv=4.0)(other)
    assert {name: (heavy[name] / plain[name]).item() for name in plain} == pytest.approx(
        {"content": 2, "style": 3, "tv": 4}
    )


@pytest.mark.parametrize("statistic", ["gram", "moments"])
@pytest.mark.parametrize("regions", [False, True])
def test_gradients_agree_with_differences(statistic, regions):
    content, style, maps = tiny.picture(0, 8, 9), tiny.picture(1, 8, 9), quarters(8, 9) if regions else None
    network = tiny.network().double()
    network.dtype = torch.float64
    objective = Objective(
        network,
        tiny.recipe(statistic=statistic, tv=1.0),
        content.double(),
        [Style(style.double(), maps=maps)],
        maps,
    )
    picture, direction = tiny.picture(2, 8, 9).double(), torch.randn(1, 3, 8, 9).double()
    slope = (gradient(objective, picture) * direction).sum()
    there, back = (total(objective, picture + step * direction) for step in (1e-6, -1e-6))
    assert slope.item() == pytest.approx(((there - back) / 2e-6).item(), rel=1e-5)


def test_blending_one_style_with_itself_changes_nothing():
    content, style = tiny.picture(0), tiny.picture(1)
    once = total(tiny.objective(content, style), content)
    twice = total(tiny.objective(content, Style(style, 1.0), Style(style, 3.0)), content)
    assert once.item() == pytest.approx(twice.item(), rel=1e-5)


def test_a_blend_lies_where_the_shares_say():
    content, one, other = tiny.picture(0), tiny.picture(1), tiny.picture(2, 40, 20)
    targets = [tiny.objective(content, *styles).style["fine"] for styles in ([one], [other])]
    blended = tiny.objective(content, Style(one, 1.0), Style(other, 3.0)).style["fine"]
    assert torch.allclose(blended, 0.25 * targets[0] + 0.75 * targets[1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("statistic", ["gram", "moments"])
def test_every_region_gets_a_gradient_from_its_own_style(statistic):
    content, style, maps = tiny.picture(0, 32, 40), tiny.picture(1, 20, 28), quarters(32, 40)
    theirs = quarters(20, 28)
    before = gradient(
        tiny.objective(content, Style(style, maps=theirs), maps=maps, content=0.0, statistic=statistic), content
    )
    inside = maps.bool().unsqueeze(1)
    for region in range(4):
        assert before[0][inside[region].expand(3, -1, -1)].abs().mean() > 1e-6, region
    # another style in one region changes what is asked of that region, and of no pixel far from it
    for region in range(4):
        changed = torch.where(theirs[region].bool(), tiny.picture(5, 20, 28), style)
        after = gradient(
            tiny.objective(content, Style(changed, maps=theirs), maps=maps, content=0.0, statistic=statistic), content
        )
        moved = (after - before).abs().amax((0, 1))
        opposite = maps[3 - region].bool()
        assert moved[maps[region].bool()].mean() > 3 * moved[opposite].mean(), region


def test_a_region_of_one_pixel_still_counts():
    maps = torch.zeros(2, 32, 40)
    maps[0], maps[0, 9, 9], maps[1, 9, 9] = 1, 0, 1
    style = Style(tiny.picture(1, 16, 16), maps=quarters(16, 16)[:2])
    found = gradient(tiny.objective(tiny.picture(0, 32, 40), style, maps=maps, content=0.0), tiny.picture(2, 32, 40))
    assert found.isfinite().all()
    assert found[0, :, 9, 9].abs().sum() > 0


def test_a_region_takes_its_style_from_those_that_have_it():
    content, maps = tiny.picture(0), torch.ones(1, 24, 31)
    have, lack = Style(tiny.picture(1), 1.0, torch.ones(1, 24, 31)), Style(tiny.picture(2), 5.0, torch.zeros(1, 24, 31))
    alone = tiny.objective(content, have, maps=maps).style["coarse"]
    assert torch.allclose(tiny.objective(content, have, lack, maps=maps).style["coarse"], alone)


# --- Adam ------------------------------------------------------------------------------------------------------------


def test_adam_is_adam():
    ours = torch.full((1, 3, 4, 5), 0.5)
    theirs = ours.clone().requires_grad_()
    adam, reference = PixelAdam(0.01), torch.optim.Adam([theirs], 0.01, BETAS, EPSILON)
    for seed in range(6):
        theirs.grad = torch.randn(1, 3, 4, 5, generator=torch.Generator().manual_seed(seed))
        adam.step(ours, theirs.grad)
        reference.step()
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_moments_go_along_to_the_next_size():
    adam, step = PixelAdam(0.01), torch.full((1, 3, 4, 6), 0.5)
    step[..., 3:] = -0.25
    picture = torch.full((1, 3, 4, 6), 0.5)
    adam.step(picture, step)
    adam.resize((8, 12))
    larger = torch.full((1, 3, 8, 12), 0.5)
    adam.step(larger, torch.zeros(1, 3, 8, 12))
    assert adam.steps == 2
    assert (larger[..., :4] < 0.5).all(), "the momentum of the smaller size moves on"
    assert (larger[..., 8:] > 0.5).all()


def test_the_mean_has_less_grain_than_the_steps():
    adam, picture, torn = PixelAdam(0.02), torch.full((1, 3, 8, 9), 0.5), torch.Generator().manual_seed(0)
    for _ in range(60):
        adam.step(picture, torch.randn(1, 3, 8, 9, generator=torn) + 20 * (picture - 0.5))
    assert (adam.mean - 0.5).std() < 0.7 * (picture - 0.5).std()
    adam.resize((16, 18))
    assert adam.mean is None, "another size begins another mean"


# --- the loop --------------------------------------------------------------------------------------------------------


def painted(
    start, content, /, *styles, sizes=None, steps=30, optimizer="adam", lr=None, watch=lambda _: None, **options
):
    return paint(
        start,
        sizes or [tuple(content.shape[2:])],
        lambda size: tiny.objective(resized(content, size), *(resized(style, size) for style in styles), **options),
        lambda _, done: done < steps,
        optimizer=optimizer,
        lr=lr,
        watch=watch,
    )


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_the_loss_falls(optimizer):
    content, style = tiny.picture(0), tiny.picture(1)
    picture, traces = painted(content, content, style, optimizer=optimizer)
    first, last = (sum(terms.values()) for terms in (traces[0].first, traces[0].last))
    assert last < 0.5 * first
    assert traces[0].steps == 30
    assert 0 <= picture.min() <= picture.max() <= 1
    assert (picture - content).abs().mean() > 0.01


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_content_alone_is_reconstructed_from_noise(optimizer):
    content = tiny.picture(0)
    noise = torch.rand(1, 3, 24, 31, generator=torch.Generator().manual_seed(3))
    picture, _ = painted(noise, content, content, steps=200, optimizer=optimizer, style=0.0, content_tap="fine")
    assert (noise - content).abs().mean() > 0.2
    assert (picture - content).abs().mean() < 0.04


def test_style_alone_takes_the_statistics_and_leaves_neither_grey_nor_black():
    content, style = tiny.picture(0), tiny.picture(1, 30, 20)
    objective = tiny.objective(content, style, content=0.0)
    picture, _ = painted(content, content, style, steps=200, content=0.0)
    assert total(objective, picture) < 0.05 * total(objective, content)
    assert picture.std() > 0.5 * style.std()
    assert (picture.mean((2, 3)) - style.mean((2, 3))).abs().max() < 0.15


@pytest.mark.parametrize("sizes", [[(9, 5), (17, 9), (33, 17)], [(6, 8), (24, 31)], [(1, 7)]])
def test_odd_sizes_pass_through_the_pyramid(sizes):
    content = tiny.picture(0, *sizes[-1]) if min(sizes[-1]) > 1 else tiny.picture(0, 2, 7)
    sizes = sizes if min(sizes[-1]) > 1 else [(2, 7)]
    picture, traces = painted(content, content, tiny.picture(1), sizes=sizes, steps=3)
    assert tuple(picture.shape[2:]) == sizes[-1]
    assert [trace.size for trace in traces] == sizes


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_the_same_again_is_the_same_to_the_bit(optimizer):
    content, style, sizes = tiny.picture(0), tiny.picture(1), [(12, 16), (24, 31)]
    first, second = (painted(content, content, style, sizes=sizes, steps=8, optimizer=optimizer)[0] for _ in range(2))
    assert torch.equal(first, second)


def test_the_start_is_left_as_it_was():
    content = tiny.picture(0)
    kept = content.clone()
    painted(content, content, tiny.picture(1), steps=2)
    assert torch.equal(content, kept)


def test_the_watch_sees_every_step():
    seen = []
    content = tiny.picture(0)
    painted(content, content, tiny.picture(1), sizes=[(12, 16), (24, 31)], steps=2, watch=seen.append)
    assert [(state.level, state.step, tuple(state.picture.shape[2:])) for state in seen] == [
        (0, 0, (12, 16)),
        (0, 1, (12, 16)),
        (1, 0, (24, 31)),
        (1, 1, (24, 31)),
    ]


def test_a_loss_that_is_no_number_ends_it_in_one_line():
    content = tiny.picture(0)
    with pytest.raises(TrainingStoppedError, match=r"expected finite numbers, got (nan|inf) for style at step 1"):
        painted(content, content, tiny.picture(1), style=float("inf"))
