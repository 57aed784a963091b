"""Keeping colours: the moments are the content's, the chroma does not move."""

import torch

from segue.style.colours import coral, grey, like_luminance, with_luminance


def drawn(seed, low, high):
    picture = torch.rand(1, 3, 24, 31, generator=torch.Generator().manual_seed(seed))
    mixed = torch.tensor([[0.7, 0.3, 0.0], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]])
    turned = torch.einsum("oc,bchw->bohw", mixed, picture)
    return low + (high - low) * turned


def test_coral_gives_the_content_s_mean_and_covariance():
    style, content = drawn(0, 0.1, 0.9), drawn(1, 0.4, 0.6).roll(1, 1)
    found = coral(style, content)
    assert torch.allclose(found.mean((2, 3)), content.mean((2, 3)), atol=1e-4)
    assert torch.allclose(torch.cov(found.flatten(2)[0]), torch.cov(content.flatten(2)[0]), atol=1e-4)


def test_coral_of_itself_changes_nothing():
    style = drawn(0, 0.1, 0.9)
    assert torch.allclose(coral(style, style), style, atol=1e-4)


def test_coral_of_a_grey_style_is_finite():
    found = coral(grey(drawn(0, 0.1, 0.9)), drawn(1, 0.2, 0.8))
    assert found.isfinite().all()
    assert found.std() > 0.01


def test_luminance_moves_alone():
    picture, luminance = drawn(0, 0.4, 0.6), grey(drawn(1, 0.4, 0.6))
    found = with_luminance(picture, luminance)
    assert torch.allclose(grey(found), luminance, atol=1e-6)
    for one, other in ((0, 1), (1, 2)):
        assert torch.allclose(found[:, one] - found[:, other], picture[:, one] - picture[:, other], atol=1e-6)


def test_a_style_s_luminance_gets_the_content_s_moments():
    found, content = like_luminance(drawn(0, 0.1, 0.9), drawn(1, 0.3, 0.6)), grey(drawn(1, 0.3, 0.6))
    assert torch.allclose(found.mean(), content.mean(), atol=1e-4)
    assert torch.allclose(found.std(), content.std(), atol=1e-4)
