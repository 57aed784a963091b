"""The objective of `segue style train` is that of `segue style optimise`, for a batch."""

import pytest
import torch

import tiny_style as tiny
from segue.objectives.style.batch import StyleBatch
from segue.objectives.style.perceptual import Perceptual
from segue.style.objective import Objective, Style


class Given:
    """Paints nothing: gives back pictures that were painted before."""

    def __init__(self, painted):
        self.painted = painted

    def __call__(self, content, index):
        return self.painted


STYLES = [tiny.picture(1, 30, 20), tiny.picture(2, 24, 24), tiny.picture(3, 16, 40)]


@pytest.mark.parametrize("division", ["gatys", "relative"])
def test_a_batch_is_the_mean_of_its_pictures(division):
    recipe = tiny.recipe(content=2.0, style=3.0, tv=0.5, division=division)
    contents = torch.cat([tiny.picture(seed, 24, 24) for seed in (10, 10, 10)])
    painted = torch.cat([tiny.picture(seed, 24, 24) for seed in (20, 21, 22)])
    batch = StyleBatch(contents, index=torch.tensor([2, 0, 1]))
    found = Perceptual(tiny.network(), recipe, STYLES)(Given(painted), batch)
    alone = [
        Objective(tiny.network(), recipe, contents[:1], [Style(STYLES[row])])(painted[place : place + 1])
        for place, row in enumerate((2, 0, 1))
    ]
    for name in ("content", "style", "tv"):
        assert found[name].item() == pytest.approx(sum(one[name].item() for one in alone) / 3, rel=1e-4), name


def test_rows_may_begin_later():
    contents, painted = tiny.picture(0), tiny.picture(5)
    plain = Perceptual(tiny.network(), tiny.recipe(), STYLES)(
        Given(painted), StyleBatch(contents, index=torch.tensor([1]))
    )
    later = Perceptual(tiny.network(), tiny.recipe(), STYLES, first=4)(
        Given(painted), StyleBatch(contents, index=torch.tensor([5]))
    )
    assert plain["style"].item() == later["style"].item()


def test_a_picture_that_is_content_and_style_costs_nothing():
    terms = Perceptual(tiny.network(), tiny.recipe(), [STYLES[1]])(
        Given(STYLES[1]), StyleBatch(STYLES[1], index=torch.tensor([0]))
    )
    assert {name: value.item() for name, value in terms.items()} == {
        "content": pytest.approx(0, abs=1e-9),
        "style": pytest.approx(0, abs=1e-9),
    }


def test_the_gradient_is_in_the_painting_and_nowhere_in_the_loss_network():
    network = tiny.network()
    painted = tiny.picture(5).requires_grad_()
    terms = Perceptual(network, tiny.recipe(), STYLES)(
        Given(painted), StyleBatch(tiny.picture(0), index=torch.tensor([1]))
    )
    torch.stack(list(terms.values())).sum().backward()
    assert painted.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in network.parameters())
