"""Styles by class: what people write, which pixels it means, and the seam beside what is kept."""

from pathlib import Path

import numpy as np
import pytest
import torch

import tiny_style as tiny
from segue.errors import DataError, UsageError
from segue.style.by_class import assigned, regions_of, split, styles_named
from segue.style.objective import Objective, Style
from segue.style.seam import joined, shown

NAMES = {0: "sky", 1: "road", 2: "person", 3: "tree"}
RUN, PHOTO = Path("run"), Path("photo.png")
SKY, ROAD = Path("starry.jpg"), Path("sketch.jpg")


def assignment(*words):
    return assigned(split(words), NAMES, RUN)


def test_words_are_taken_apart():
    assert split(["sky=starry.jpg", " road = a=b.jpg ", "person=keep"]) == {
        "sky": "starry.jpg",
        "road": "a=b.jpg",
        "person": "keep",
    }
    assert styles_named(split(["sky=a.jpg", "road=b.jpg", "tree=a.jpg", "rest=keep"])) == (Path("a.jpg"), Path("b.jpg"))


@pytest.mark.parametrize("word", ["sky", "=starry.jpg", "sky=", " = "])
def test_a_word_without_both_sides_is_refused(word):
    with pytest.raises(UsageError, match="expected CLASS=STYLE"):
        split([word])


def test_a_class_named_twice_is_refused():
    with pytest.raises(UsageError, match="two for 'sky'"):
        split(["sky=a.jpg", "sky=b.jpg"])


def test_classes_that_are_not_named_are_kept_and_with_rest_they_are_not():
    assert assignment("sky=starry.jpg").style_of == {0: 0}
    found = assignment("sky=starry.jpg", "rest=sketch.jpg", "person=keep")
    assert (found.styles, dict(found.style_of)) == ((SKY, ROAD), {0: 0, 1: 1, 3: 1})


def test_an_unknown_class_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match=r"expected a class of run, got 'skye': did you mean sky\?"):
        assignment("skye=starry.jpg")


def test_nothing_but_kept_classes_is_refused():
    with pytest.raises(UsageError, match="classes that are kept only"):
        assignment("sky=keep")


def test_regions_are_the_styles_that_the_picture_needs():
    mask = np.array([[1, 1, 3], [2, 255, 1]])
    used, regions = regions_of(mask, assignment("sky=starry.jpg", "road=sketch.jpg", "tree=starry.jpg"), PHOTO)
    assert used.styles == (SKY, ROAD)
    np.testing.assert_array_equal(regions, [[1, 1, 0], [-1, -1, 1]])
    used, regions = regions_of(mask, assignment("sky=starry.jpg", "road=sketch.jpg"), PHOTO)
    assert used.styles == (ROAD,)
    np.testing.assert_array_equal(regions, [[0, 0, -1], [-1, -1, 0]])


def test_a_picture_with_none_of_the_classes_is_refused():
    with pytest.raises(DataError, match=r"photo\.png: expected some sky in it, got none"):
        regions_of(np.ones((2, 2), int), assignment("sky=starry.jpg"), PHOTO)


def test_the_fade_lies_on_the_painted_side_and_rises_to_one():
    kept = torch.zeros(20, 40, dtype=torch.bool)
    kept[:, :10] = True
    (row,) = shown(kept, (20, 40), 0.1)[0, 0, :1]
    assert row[:10].eq(0).all()
    np.testing.assert_allclose(row[10:14], [(1 - np.cos(np.pi * share)) / 2 for share in (0.25, 0.5, 0.75, 1)])
    assert row[13:].eq(1).all()
    assert shown(kept, (20, 40), 0)[0, 0, :, 10:].eq(1).all()
    assert shown(~kept & kept, (7, 9), 0.1).eq(1).all()


def test_kept_pixels_are_exact_whatever_was_painted_there():
    picture, painted = tiny.picture(0), torch.full((1, 3, 24, 31), torch.nan)
    kept = torch.zeros(24, 31, dtype=torch.bool)
    kept[5:9, 6:20] = True
    found = joined(picture, painted, shown(kept, (24, 31), 0.05))
    assert torch.equal(found[..., kept], picture[..., kept])
    assert found[..., ~kept].isnan().all()


def test_what_is_judged_is_what_is_shown():
    content, style, painted = tiny.picture(0), tiny.picture(1), tiny.picture(2)
    kept = torch.zeros(24, 31, dtype=torch.bool)
    kept[:, 15:] = True
    share = shown(kept, (24, 31), 0.1)
    objective = Objective(tiny.network(), tiny.recipe(), content, [Style(style)], None, share)
    plain = Objective(tiny.network(), tiny.recipe(), content, [Style(style)])
    variable = painted.clone().requires_grad_()
    terms = objective(variable)
    for name, value in plain(joined(content, painted, share)).items():
        assert terms[name].item() == pytest.approx(value.item(), rel=1e-6)
    (gradient,) = torch.autograd.grad(torch.stack(list(terms.values())).sum(), variable)
    assert gradient[..., kept].eq(0).all()
    assert gradient[..., ~kept].ne(0).any(1).float().mean() > 0.9
