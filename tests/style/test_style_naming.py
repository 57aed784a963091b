"""Which content and style a result is of, and which pairs are drawn."""

import shutil
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from segue.durable import sha256_of
from segue.errors import DataError
from segue.style.evaluation.drawing import drawn_pairs
from segue.style.evaluation.folder import Folder
from segue.style.evaluation.naming import Result, common, read_originals, read_results
from segue.style.picture import eight_bits, read_picture, write_picture
from segue.style.record import StyleRecord, UsedStyle, write_marked
from tiny_style import picture


@pytest.fixture
def folder(tmp_path):
    """Two contents, two styles, and an empty folder for results."""
    for name, names in (("contents", ("harbour", "old--town")), ("styles", ("monet", "van-gogh")), ("mine", ())):
        (tmp_path / name).mkdir()
        for seed, one in enumerate(names):
            write_picture(tmp_path / name / f"{one}.png", picture(seed if name == "contents" else 10 + seed))
    return tmp_path


def originals(folder):
    return read_originals(folder / "contents"), read_originals(folder / "styles")


def read(folder):
    return read_results(folder / "mine", *originals(folder))


def result(folder, name, content="", style="", blend=False):
    """A result, with a record where a content is given."""
    path = folder / "mine" / name
    if not content:
        write_picture(path, picture(5))
        return
    used = UsedStyle(style, "", "", sha256_of(folder / "styles" / f"{style}.png"))
    styles = (used, used) if blend else (used,)
    record = StyleRecord("x", styles, sha256_of(folder / "contents" / f"{content}.png"), options={"network": "vgg16"})
    write_marked(eight_bits(picture(5)), path, record, watermark=False)


def test_names_are_of_contents_and_styles_and_may_hold_dashes(folder):
    result(folder, "harbour--monet.png")
    result(folder, "old--town--van-gogh.jpg")
    assert set(read(folder)) == {("harbour", "monet"), ("old--town", "van-gogh")}


def test_a_record_comes_before_any_name(folder):
    result(folder, "whatever.png", "harbour", "van-gogh")
    found = read(folder)
    assert set(found) == {("harbour", "van-gogh")}
    assert Folder("mine", folder / "mine", found).painted_with == {"vgg16"}


def test_a_name_that_contradicts_the_record_is_refused(folder):
    result(folder, "harbour--monet.png", "harbour", "van-gogh")
    with pytest.raises(DataError, match=r"harbour--monet\.png was made of harbour--van-gogh, as its record says"):
        read(folder)


def test_a_record_of_other_files_or_of_a_blend_leaves_it_to_the_name(folder):
    result(folder, "harbour--monet.png", "harbour", "monet", blend=True)
    write_picture(folder / "styles" / "van-gogh.png", picture(30))
    assert set(read(folder)) == {("harbour", "monet")}
    result(folder, "old--town--van-gogh.png", "old--town", "van-gogh")
    write_picture(folder / "styles" / "van-gogh.png", picture(31))  # saved anew since
    assert set(read(folder)) == {("harbour", "monet"), ("old--town", "van-gogh")}


def test_files_that_are_the_same_are_told_apart_by_the_name(folder):
    shutil.copy(folder / "styles" / "monet.png", folder / "styles" / "copy.png")
    result(folder, "harbour--copy.png", "harbour", "monet")
    assert set(read(folder)) == {("harbour", "copy")}
    (folder / "mine" / "harbour--copy.png").rename(folder / "mine" / "x.png")
    with pytest.raises(DataError, match=r"x\.png fits several"):
        read(folder)


def test_all_wrong_names_are_told_at_once(folder):
    for name in ("harbour_monet.png", "harbour--munch.png", "ship--monet.png", "harbour--monet.png"):
        result(folder, name)
    with pytest.raises(DataError, match=r"got 3 of 4 others \(harbour--munch\.png fits no content and style; "):
        read(folder)


def test_two_pictures_of_one_pair_are_refused(folder):
    result(folder, "harbour--monet.png")
    result(folder, "harbour--monet.jpg")
    with pytest.raises(DataError, match=r"is of the same content and style as harbour--monet\.jpg"):
        read(folder)


def test_empty_folders_and_equal_names_are_refused(folder):
    with pytest.raises(DataError, match="expected pictures named CONTENT--STYLE"):
        read(folder)
    with pytest.raises(DataError, match="expected a picture or a folder with some"):
        read_originals(folder / "mine")
    write_picture(folder / "contents" / "harbour.jpg", picture(8))
    with pytest.raises(DataError, match="expected pictures of different names"):
        read_originals(folder / "contents")


def test_a_picture_may_stand_for_a_folder(folder):
    assert list(read_originals(folder / "styles" / "monet.png").paths) == ["monet"]


def test_only_pairs_that_all_have_are_judged(folder):
    every = [("harbour", "monet"), ("harbour", "van-gogh"), ("old--town", "monet"), ("old--town", "van-gogh")]
    names = [list(one.paths) for one in originals(folder)]
    assert common([], *names) == every
    one = Result(folder, None)
    assert common([dict.fromkeys(every, one), dict.fromkeys(every[1:3], one)], *names) == every[1:3]
    with pytest.raises(DataError, match="expected pairs of content and style that every folder has"):
        common([dict.fromkeys(every[:1], one), dict.fromkeys(every[1:], one)], *names)


def test_results_come_to_the_size_of_their_content_and_cropped_ones_are_refused(folder):
    write_picture(folder / "mine" / "harbour--monet.png", picture(5, 48, 64))
    mine = Folder("mine", folder / "mine", read(folder))
    assert mine.picture(("harbour", "monet"), picture(0, 24, 31)).shape == (1, 3, 24, 31)
    with pytest.raises(DataError, match=r"expected sides in the ratio of its content, 24 to 24, got 48 x 64"):
        mine.picture(("harbour", "monet"), picture(0, 24, 24))


def test_what_a_mask_keeps_is_compared_at_its_own_size(folder):
    content = folder / "contents" / "harbour.png"
    changed = read_picture(content)
    changed[..., :2, :3] += 10 / 255
    write_picture(folder / "mine" / "harbour--monet.png", changed.clamp(0, 1))
    mine, pair = Folder("mine", folder / "mine", read(folder)), ("harbour", "monet")
    for columns, largest in ((slice(3, None), 0), (slice(0, None), 10)):
        mask = np.zeros((24, 31), np.uint8)
        mask[:, columns] = 255
        Image.fromarray(mask).save(folder / "mask.png")
        assert mine.kept(pair, content, folder / "mask.png") == largest
    Image.fromarray(np.ones((24, 30), np.uint8)).save(folder / "mask.png")
    with pytest.raises(DataError, match=r"result, content and mask of one size, got 24 x 31, 24 x 31, 24 x 30"):
        mine.kept(pair, content, folder / "mask.png")


# --- drawing ---------------------------------------------------------------------------------------------------------

GRID = [(f"c{i}", f"s{j}") for i in range(8) for j in range(7)]


def test_drawn_pairs_do_not_depend_on_the_order_they_are_given_in():
    for count in (1, 12, 55):
        assert drawn_pairs(GRID, count, 3) == drawn_pairs(GRID[::-1], count, 3)
    assert drawn_pairs(GRID, 12, 3) != drawn_pairs(GRID, 12, 4)
    assert drawn_pairs(GRID[::-1], None, 0) == drawn_pairs(GRID, 99, 5) == sorted(GRID)


@pytest.mark.parametrize("count", [8, 14, 24])
def test_contents_and_styles_come_up_about_equally_often(count):
    drawn = drawn_pairs(GRID, count, 0)
    assert len(set(drawn)) == count
    for side in (0, 1):
        often = Counter(pair[side] for pair in drawn)
        assert max(often.values()) - min(often.get(one, 0) for one in {pair[side] for pair in GRID}) <= 1 + (count > 8)


def test_pairs_that_are_missing_are_not_drawn():
    assert set(drawn_pairs(GRID[:20], 15, 0)) < set(GRID[:20])
