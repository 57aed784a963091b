"""Every measure of `segue.style.evaluation`: what is the same scores 0 or 1, what is worse scores worse, by hand."""

import math

import numpy as np
import pytest
import torch

from segue.errors import WeightsError
from segue.models.source import Source
from segue.style.evaluation.colour_distance import colour_distance
from segue.style.evaluation.distances import content_distance, style_distance
from segue.style.evaluation.edges import edge_f1, edges
from segue.style.evaluation.judge import Judge, Taps, load_judge, look, taps_of
from segue.style.evaluation.kept import largest_change
from segue.style.evaluation.lpips import BACKBONE, CHANNELS, TAPS, lpips, read_lpips_weights, unit_features
from segue.style.evaluation.methods import baselines
from segue.style.evaluation.panel import Panel
from segue.style.evaluation.retrieval import rank
from segue.style.evaluation.segmentation import agreement
from segue.style.evaluation.ssim import ssim
from segue.style.evaluation.stability import NOISE, instability, noisy, warped
from segue.style.evaluation.texture import DEVIATION, MEAN, as_texture
from segue.style.loss_network import load_loss_network
from segue.style.picture import resized
from tiny_style import network, picture


def flat(*colour, size=(24, 30)):
    return torch.tensor(colour).view(1, 3, 1, 1).expand(1, 3, *size).contiguous()


def step(column, size=(40, 50)):
    """Black on the left, white from a column on."""
    values = torch.zeros(1, 3, *size)
    values[..., column:] = 1
    return values


def judge():
    return Judge("tiny", network(), Taps("coarse", ("fine", "coarse")), Source("tiny", "CC0-1.0"))


# --- content ---------------------------------------------------------------------------------------------------------


def test_feature_distance_by_hand():
    content = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)
    assert content_distance(content, content) == 0
    assert content_distance(torch.zeros_like(content), content) == 1
    assert content_distance(torch.tensor([3.0, 6.0]).view(1, 2, 1, 1), content) == pytest.approx(4 / 25)


def test_ssim_of_flat_pictures_is_that_of_their_light():
    one, other = flat(0.2, 0.2, 0.2), flat(0.6, 0.6, 0.6)
    assert ssim(one, other) == pytest.approx((2 * 0.12 + 1e-4) / (0.04 + 0.36 + 1e-4), rel=1e-4)
    assert ssim(one, one) == pytest.approx(1)


def test_ssim_is_the_formula_of_the_paper():
    from scipy.ndimage import gaussian_filter

    one, other = (picture(seed, 37, 53) for seed in (0, 1))
    luma = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    x, y = ((each * luma).sum((0, 1)).double().numpy() for each in (one, other))

    def local(plane):
        return gaussian_filter(plane, 1.5, truncate=3.4)[5:-5, 5:-5]  # 11 x 11, where it lies wholly inside

    mx, my = local(x), local(y)
    cov, vx, vy = local(x * y) - mx * my, local(x * x) - mx**2, local(y * y) - my**2
    c1, c2 = 0.01**2, 0.03**2
    expected = (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    assert ssim(one, other) == pytest.approx(expected.mean(), abs=1e-6)


def test_ssim_does_not_see_chroma_and_is_symmetric():
    one, other = picture(0), picture(1)
    assert ssim(one, other) == pytest.approx(ssim(other, one))
    moved = one + torch.tensor([0.114, 0.0, -0.299]).view(1, 3, 1, 1)  # its luminance is 0
    assert ssim(moved, one) == pytest.approx(1, abs=1e-6)


def test_an_edge_may_move_by_one_pixel_and_no_more():
    assert edge_f1(step(20), step(20)) == 1
    assert edge_f1(step(21), step(20)) == 1
    assert edge_f1(step(26), step(20)) == 0


def test_an_edge_is_one_line():
    found = edges(step(20))
    assert found.sum() == 40, "one pixel a row"
    assert found.any(0).sum() == 1


def test_edges_do_not_depend_on_contrast_or_colour():
    one = picture(3, 60, 80)
    assert torch.equal(edges(one), edges(one * 0.5 + 0.2))


def test_half_of_the_edges_is_a_recall_of_a_half():
    both = step(12)
    both[..., 36:] = 0
    precision, recall = 1.0, 0.5
    assert edge_f1(step(12), both) == pytest.approx(2 * precision * recall / (precision + recall))


def test_pictures_without_edges():
    assert edge_f1(flat(0.1, 0.1, 0.1), flat(0.9, 0.9, 0.9)) == 1
    assert edge_f1(flat(0.5, 0.5, 0.5, size=(40, 50)), step(20)) == 0


def test_lpips_by_hand():
    one = [torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 1, 2)]
    other = [torch.stack([torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])], 1)]  # one position is the same
    weights = (torch.tensor([0.5, 2.0]).view(1, 2, 1, 1),)
    assert lpips(one, one, weights) == 0
    assert lpips(one, other, weights) == pytest.approx((0.5 + 2.0) / 2)


def test_lpips_weights_of_another_backbone_are_refused(tmp_path):
    wrong = {f"lin{i}.model.1.weight": torch.ones(1, count, 1, 1) for i, count in enumerate((64, 192, 384, 256, 256))}
    torch.save(wrong, tmp_path / "alex.pth")
    with pytest.raises(WeightsError, match=r"expected LPIPS weights for SqueezeNet \(64, 128, .* got 64, 192, 384"):
        read_lpips_weights(tmp_path / "alex.pth")


@pytest.mark.shared
def test_lpips_is_that_of_its_authors(shared):
    weights = read_lpips_weights(shared / "weights" / "metrics" / "lpips_v0.1_squeeze_lin.pth")
    assert [one.numel() for one in weights] == list(CHANNELS)
    file = str(shared / "weights" / "backbones" / "squeezenet1_1_imagenet_torchvision.pth")
    backbone, _ = load_loss_network(BACKBONE, TAPS, file)
    seen = [unit_features(backbone, waves(phase)) for phase in (0.0, 1.5, 3.0)]
    # computed once with lpips 0.1.4 (net="squeeze", version="0.1") on the same backbone
    assert lpips(seen[0], seen[1], weights) == pytest.approx(LPIPS_REFERENCE[0], rel=1e-4)
    assert lpips(seen[0], seen[2], weights) == pytest.approx(LPIPS_REFERENCE[1], rel=1e-4)
    assert lpips(seen[0], seen[0], weights) == 0


LPIPS_REFERENCE = (0.1508168, 0.1533140)


def waves(phase):
    """A picture of 64 x 80 pixels that a formula gives."""
    y, x = np.mgrid[0:64, 0:80].astype(np.float64)
    planes = [np.sin(x / 5 + phase), np.cos(y / 7 - phase), np.sin((x + y) / 9 + 2 * phase)]
    return torch.from_numpy(np.stack(planes)[None] / 2 + 0.5).float()


def test_agreement_of_masks_by_hand():
    truth = np.array([[0, 0, 1, 255]], np.uint8)
    found = np.array([[0, 1, 1, 1]], np.uint8)
    assert agreement(truth, found, 3) == pytest.approx((1 / 2 + 1 / 2) / 2)
    assert agreement(found, found, 3) == 1
    assert math.isnan(agreement(np.full((1, 4), 255, np.uint8), found, 3))


def test_what_is_kept_is_told_to_the_level():
    content = np.zeros((2, 2, 3), np.uint8)
    result = content.copy()
    result[0, 0, 1], result[1, 1, 2] = 9, 200
    kept = np.array([[True, True], [True, False]])
    assert largest_change(result, content, kept) == 9
    assert largest_change(content, result, kept) == 9, "no difference wraps around"
    assert largest_change(content, content, kept) == 0
    assert math.isnan(largest_change(result, content, ~kept & kept))


# --- style -----------------------------------------------------------------------------------------------------------


def test_style_distance_by_hand():
    one, other = [torch.tensor([3.0, 4.0])], [torch.tensor([0.0, 5.0])]
    assert style_distance(one, one) == 0
    assert style_distance(one, other) == pytest.approx((9 + 1) / 25)
    assert style_distance(one, other) == style_distance(other, one)
    assert style_distance([torch.tensor([1.0, 0.0])], [torch.tensor([0.0, 1.0])]) == 2
    assert style_distance([torch.zeros(2)], [torch.zeros(2)]) == 0


def test_style_distance_is_a_mean_over_taps():
    same, apart = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    assert style_distance([same, same], [same, apart]) == 1


def test_statistics_of_a_style_do_not_change_when_it_is_tiled():
    one = picture(0, 64, 64)
    tiled = torch.cat([one, one.flip(3)], 3)
    seen = [look(judge(), each) for each in (one, tiled, picture(1, 64, 64))]
    for name in ("moments", "gram", "texture"):
        near, far = (style_distance(getattr(seen[0], name), getattr(other, name)) for other in seen[1:])
        assert near < 0.35 * far, name


def test_texture_sees_neither_colour_nor_light_nor_contrast():
    one = picture(0)
    grey = one.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    changed = grey * 0.5 + 0.1
    assert torch.allclose(as_texture(grey), as_texture(changed), atol=1e-4)
    found = as_texture(one)
    assert float(found.mean()) == pytest.approx(MEAN, abs=1e-4)
    assert float(found.std(unbiased=False)) == pytest.approx(DEVIATION, abs=1e-3)
    assert torch.allclose(as_texture(flat(0.2, 0.7, 0.4)), torch.tensor(MEAN), atol=1e-3), "a flat picture stays flat"


def test_colours_by_hand():
    # of 13 directions, red moves along 1 axis fully, 4 diagonals of faces by 1/√2 and 4 of the cube by 1/√3
    expected = (1 + 4 / math.sqrt(2) + 4 / math.sqrt(3)) / 13
    assert colour_distance(flat(0.2, 0.5, 0.5), flat(0.6, 0.5, 0.5)) == pytest.approx(0.4 * expected, rel=1e-5)


def test_colours_do_not_depend_on_where_they_stand_or_how_many_pixels_there_are():
    one = picture(0, 20, 30)
    turned = one.flip(2).transpose(2, 3)
    assert colour_distance(one, turned) == pytest.approx(0, abs=1e-7)
    large = torch.cat([one, one], 3)
    assert colour_distance(one, large) < 0.002
    assert colour_distance(one, 1 - one) > 0.05


def test_rank_counts_the_nearer_and_shares_ties():
    distances = {"a": 0.1, "b": 0.2, "c": 0.2, "d": 0.5}
    assert [rank(distances, name) for name in distances] == [1, 2.5, 2.5, 4]
    assert rank(dict.fromkeys("abc", 1.0), "b") == 2, "what tells nothing is in the middle, not first"


def test_a_copy_of_the_colours_wins_in_colours_alone():
    content, style = picture(0, 64, 64), picture(1, 64, 64) ** 2 + 0.1 * torch.rand(1, 3, 64, 64)
    panel = Panel((judge(),), {"c": content}, {"s": style.clamp(0, 1)})
    painted = {
        name: panel.scores(("c", "s"), method.paint(content, panel.styles["s"], "s", lambda _: None))
        for name, method in baselines().items()
    }
    assert painted["colour"]["colours"] < 0.5 * painted["identity"]["colours"]
    near = pytest.approx(painted["identity"]["texture_tiny"], rel=0.35)
    assert painted["colour"]["texture_tiny"] == near
    assert painted["style"]["texture_tiny"] < 0.1 * painted["identity"]["texture_tiny"]


def test_the_same_picture_is_perfect_in_its_own_half():
    content, style = picture(0, 40, 57), picture(1, 33, 61)
    panel = Panel((judge(),), {"c": content}, {"s": style, "t": picture(2, 40, 40)})
    same = panel.scores(("c", "s"), content)
    assert (same["content_tiny"], same["edge_f1"]) == (0, 1)
    assert same["ssim"] == pytest.approx(1)
    copied = panel.scores(("c", "s"), resized(style, (40, 57)))
    assert copied["rank_tiny"] == copied["top1_tiny"] == 1
    assert copied["moments_tiny"] < 0.2 * same["moments_tiny"]
    assert copied["content_tiny"] > 0.05


def test_worse_is_larger_or_smaller_as_it_says():
    content, style = picture(0, 48, 48), picture(1, 48, 48)
    panel = Panel((judge(),), {"c": content}, {"s": style})
    parts = [torch.cat([style[..., :place], content[..., place:]], 3) for place in (6, 24, 42)]
    scores = [panel.scores(("c", "s"), part) for part in parts]
    for key, sign in (("content_tiny", 1), ("ssim", -1), ("moments_tiny", -1), ("gram_tiny", -1), ("colours", -1)):
        values = [sign * one[key] for one in scores]
        assert values == sorted(values), key


def test_a_single_style_has_no_rank():
    panel = Panel((judge(),), {"c": picture(0)}, {"s": picture(1)})
    assert not {"rank_tiny", "top1_tiny"} & panel.scores(("c", "s"), picture(0)).keys()


# --- stability -------------------------------------------------------------------------------------------------------


def test_identity_is_as_stable_as_its_input_and_a_constant_perfectly():
    content = picture(0, 48, 64)
    moved = noisy(warped(content), 5)
    assert instability(content, moved, content, moved) == 1
    grey = flat(0.5, 0.5, 0.5, size=(48, 64))
    assert instability(content, moved, grey, grey) == pytest.approx(0, abs=1e-6)


def test_what_does_not_move_along_is_unstable():
    content = picture(0, 48, 64)
    moved = noisy(warped(content), 5)
    fixed = torch.rand(1, 3, 48, 64)
    assert instability(content, moved, fixed, fixed) > 3


def test_noise_is_the_same_for_a_seed_and_as_strong_as_it_says():
    grey = flat(0.5, 0.5, 0.5, size=(100, 100))
    assert torch.equal(noisy(grey, 1), noisy(grey, 1))
    assert not torch.equal(noisy(grey, 1), noisy(grey, 2))
    assert float((noisy(grey, 1) - grey).std()) == pytest.approx(NOISE, rel=0.03)


def test_a_warp_turns_without_stretching():
    """A disc stays a disc, in pictures that are no squares."""
    y, x = torch.meshgrid(torch.arange(60.0), torch.arange(100.0), indexing="ij")
    disc = (((y - 30) ** 2 + (x - 50) ** 2) < 15**2).float().expand(1, 3, -1, -1)
    found = warped(disc)[0, 0] > 0.5
    tall, wide = int(found.any(1).sum()), int(found.any(0).sum())
    assert abs(tall - wide) <= 1
    assert tall == pytest.approx(30 * 1.03, abs=1.5)


# --- judges ----------------------------------------------------------------------------------------------------------


def test_judges_look_where_they_can():
    assert taps_of("vgg16").content == taps_of("vgg19").content == "relu3_3"
    assert taps_of("squeezenet1_1").style[-1] == "fire7"
    assert taps_of("resnet18") == Taps("stride8", ("stride2", "stride4", "stride8", "stride16"))
    assert taps_of("resnet18@3") == Taps("stride8", ("stride2", "stride4", "stride8"))


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("squeezenet1_1", "squeezenet1_1_imagenet_torchvision.pth"),
        ("resnet18", "resnet18_to_layer3_imagenet.pth"),
        ("mobilenetv2_100", "mobilenetv2_100_imagenet_timm.pth"),
        ("vgg16", "vgg16_features0-14_torchvision_imagenetnorm.pth"),
    ],
)
def test_real_judges_know_a_photograph_from_a_painting(shared, name, file):
    from segue.style.picture import read_picture

    sitting = load_judge(name, str(shared / "weights" / "backbones" / file), torch.device("cpu"))
    data = shared / "data" / "style"
    files = ("content/lion.jpg", "paintings/munch_scream.jpg", "paintings/vangogh_starry_night.jpg")
    photo, scream, night = (resized(read_picture(data / one), (128, 128)) for one in files)
    whole, half = look(sitting, scream), look(sitting, scream[..., :64])
    for other in (photo, night):
        assert style_distance(half.moments, whole.moments) < style_distance(half.moments, look(sitting, other).moments)
