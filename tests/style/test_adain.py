"""Adaptive instance normalisation against values worked out by hand; what holds for regions, shares and strength."""

import torch

from segue.style.adain import EPSILON, Moments, adain, blended, moments_of, normalised

# one channel at four positions: mean 1.5, variance (1+4+9+0)/4 - 2.25 = 1.25
FEATURES = torch.tensor([[[[1.0, 2.0], [3.0, 0.0]]]])
LEFT = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])
HALVES = torch.cat([LEFT, 1 - LEFT])


def drawn(seed, channels=5, height=9, width=14, batch=1):
    return torch.randn(batch, channels, height, width, generator=torch.Generator().manual_seed(seed))


def moments(mean, deviation):
    return Moments(torch.tensor(mean)[None], torch.tensor(deviation)[None])


def test_moments_of_a_known_map():
    found = moments_of(FEATURES)
    assert torch.allclose(found.mean, torch.tensor([[[1.5]]]))
    assert torch.allclose(found.deviation, torch.tensor([[[(1.25 + EPSILON) ** 0.5]]]))
    assert EPSILON == 1e-5, "as in the paper's code, inside the root"


def test_moments_of_regions():
    found = moments_of(FEATURES, HALVES)
    assert torch.allclose(found.mean[0, :, 0], torch.tensor([2.0, 1.0]))
    assert torch.allclose(found.deviation[0, :, 0], torch.tensor([1.0 + EPSILON, 1.0 + EPSILON]).sqrt())


def test_a_known_map_with_known_moments():
    # (x - 1.5) / sqrt(1.25) * 2 + 10
    found = adain(FEATURES, moments([[10.0]], [[2.0]]))
    assert torch.allclose(found, (FEATURES - 1.5) / (1.25 + EPSILON) ** 0.5 * 2 + 10)


def test_features_far_from_nothing_keep_their_deviation():
    # in float32 the mean of squares less the square of the mean would give 0 or less here
    far = FEATURES + 4096
    assert torch.allclose(moments_of(far).deviation, moments_of(FEATURES).deviation, rtol=1e-4)


def test_flat_features_stay_finite_and_so_does_their_gradient():
    flat = torch.full((1, 2, 4, 4), 3.0, requires_grad=True)
    adain(flat, moments([[1.0, 2.0]], [[1.0, 1.0]])).square().sum().backward()
    assert bool(flat.grad.isfinite().all())


def test_what_comes_out_has_the_moments_of_the_style():
    style = moments_of(drawn(1, height=6, width=5) * 3 + 2)
    found = moments_of(adain(drawn(0), style))
    assert torch.allclose(found.mean, style.mean, atol=1e-4)
    assert torch.allclose(found.deviation, style.deviation, rtol=1e-3)


def test_a_style_of_itself_changes_nothing():
    assert torch.allclose(adain(drawn(0), moments_of(drawn(0))), drawn(0), atol=1e-5)


def test_strength_is_linear_and_nothing_at_all_is_the_input_to_the_bit():
    style = moments_of(drawn(1))
    whole = adain(drawn(0), style)
    assert torch.equal(adain(drawn(0), style, 0.0), drawn(0))
    assert torch.allclose(adain(drawn(0), style, 0.25), 0.75 * drawn(0) + 0.25 * whole, atol=1e-6)


def test_float_shares_of_styles_interpolate_what_comes_out():
    one, two = moments_of(drawn(1)), moments_of(drawn(2) + 1)
    mixed = adain(drawn(0), blended([one, two], [0.3, 1.2]))
    expected = 0.2 * adain(drawn(0), one) + 0.8 * adain(drawn(0), two)
    assert torch.allclose(mixed, expected, atol=1e-5)


def test_given_moments_of_a_thumbnail_make_a_tile_a_part_of_the_whole():
    features, style = drawn(0), moments_of(drawn(1))
    whole = adain(features, style)
    tile = adain(features[:, :, 2:7, 3:11], style, content=moments_of(features))
    assert torch.allclose(tile, whole[:, :, 2:7, 3:11], atol=1e-6)


def test_every_region_has_its_own_moments_and_gets_those_of_its_style():
    maps = torch.zeros(2, 9, 14)
    maps[0, :, :5], maps[1, :, 5:] = 1, 1
    features = drawn(0)
    features[..., 5:] = 3 * features[..., 5:] + 7
    style = moments([[1.0] * 5, [-2.0] * 5], [[0.5] * 5, [2.0] * 5])
    found = moments_of(adain(features, style, maps=maps), maps)
    assert torch.allclose(found.mean, style.mean, atol=1e-4)
    assert torch.allclose(found.deviation, style.deviation, rtol=1e-3)


def test_the_second_region_gets_gradients():
    maps = torch.zeros(2, 9, 14)
    maps[0, :, :5], maps[1, :, 5:] = 1, 1
    features = drawn(0).requires_grad_()
    style = Moments(torch.zeros(1, 2, 5, requires_grad=True), torch.ones(1, 2, 5, requires_grad=True))
    adain(features, style, maps=maps).pow(3).sum().backward()
    for part in (features.grad[..., :5], features.grad[..., 5:], style.mean.grad[0, 1], style.deviation.grad[0, 1]):
        assert float(part.abs().sum()) > 0


def test_what_lies_outside_every_region_is_untouched():
    maps = torch.zeros(1, 9, 14)
    maps[0, 2:5, 3:6] = 1
    found = adain(drawn(0), moments_of(drawn(1)), maps=maps)
    outside = maps[0] == 0
    assert torch.equal(found[..., outside], drawn(0)[..., outside])
    assert not torch.allclose(found[..., ~outside], drawn(0)[..., ~outside])


def test_a_region_the_picture_does_not_have_leaves_numbers():
    found = moments_of(drawn(0), torch.stack([torch.ones(9, 14), torch.zeros(9, 14)]))
    assert torch.allclose(found.mean[:, 1], found.mean[:, 0], atol=1e-6)
    assert bool(adain(drawn(0), found, maps=torch.zeros(2, 9, 14)).isfinite().all())


def test_half_precision_is_computed_in_float32():
    half = (drawn(0) + 30).bfloat16()
    found = moments_of(half)
    assert found.mean.dtype == torch.float32
    assert torch.equal(found.mean, moments_of(half.float()).mean)
    assert normalised(half).dtype == torch.float32
    assert adain(half, found).dtype == torch.bfloat16


def test_every_picture_of_a_batch_has_its_own_moments():
    both = torch.cat([drawn(0), drawn(1) * 2 + 1])
    assert torch.allclose(moments_of(both).mean[1:], moments_of(drawn(1) * 2 + 1).mean, atol=1e-6)
    assert torch.allclose(normalised(both).mean((2, 3)), torch.zeros(2, 5), atol=1e-5)
