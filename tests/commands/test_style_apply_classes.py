"""`segue style apply` by class and by words, with the network that ships."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import segue
from segue.cli import main
from segue.style.picture import read_picture, write_picture
from segue.style.record import read_record
from tiny_painter import textured
from tiny_style import picture

SIZE = (60, 84)


@pytest.fixture
def folder(tmp_path):
    """Two photos with masks of two regions, left 3 and right 7, and two pictures with styles of their own."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "masks").mkdir()
    for seed, name in enumerate(("photo", "other")):
        write_picture(tmp_path / "photos" / f"{name}.png", picture(seed, *SIZE))
        mask = np.full(SIZE, 3, np.uint8)
        mask[:, SIZE[1] // 2 :] = 7
        Image.fromarray(mask).save(tmp_path / "masks" / f"{name}.png")
    for seed, name in enumerate(("wave", "night")):
        write_picture(tmp_path / f"{name}.png", textured(seed, 64, 80))
    return tmp_path


def applied(folder, capsys, *words, photo="photo", out="out.png"):
    source = folder / "photos" / f"{photo}.png" if photo else folder / "photos"
    command = ["style", "apply", source, "--out", folder / out, "--device", "cpu", "--precision", "fp32", *words]
    code = main([*map(str, command), "--no-watermark", "--json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return json.loads(captured.out)


def by_class(folder, capsys, pairs, *words, masks="masks/photo.png", **options):
    given = ("--by-class", pairs.format(folder), "--masks", folder / masks, *words)
    applied(folder, capsys, *given, **options)
    return read_picture(folder / "out.png") if options.get("photo", "photo") else None


def test_what_is_kept_is_exact_and_the_rest_has_its_styles(folder, capsys):
    photo = read_picture(folder / "photos" / "photo.png")
    left, right = (..., slice(0, 40)), (..., slice(42, None))
    one = by_class(folder, capsys, "3={0}/wave.png")
    assert torch.equal(one[right], photo[right])
    assert (one - photo)[left].abs().mean() > 0.01
    both = by_class(folder, capsys, "3={0}/wave.png, 7={0}/night.png")
    swapped = by_class(folder, capsys, "3={0}/night.png, 7={0}/wave.png")
    assert (both - photo)[right].abs().mean() > 0.01
    assert (both - swapped)[left].abs().mean() > 0.01
    assert (both - swapped)[right].abs().mean() > 0.01


def test_one_style_for_all_classes_is_that_style(folder, capsys):
    both = by_class(folder, capsys, "3={0}/wave.png, 7={0}/wave.png")
    applied(folder, capsys, "--style", folder / "wave.png")
    assert (both - read_picture(folder / "out.png")).abs().max() <= 1.01 / 255


def test_tiles_keep_the_same_pixels_and_paint_the_same_regions(folder, capsys):
    large = picture(3, 400, 560)
    write_picture(folder / "photos" / "large.png", large)
    mask = np.full((400, 560), 3, np.uint8)
    mask[120:300, 150:400] = 7
    mask[:40] = 9
    Image.fromarray(mask).save(folder / "masks" / "large.png")
    pairs = "3={0}/wave.png, 7={0}/night.png"
    swapped = "3={0}/night.png, 7={0}/wave.png"
    whole, tiled, other = (
        by_class(folder, capsys, given, "--tile", tile, masks="masks/large.png", photo="large")
        for given, tile in ((pairs, 0), (pairs, 320), (swapped, 0))
    )
    assert torch.equal(tiled[:, :, :40], read_picture(folder / "photos" / "large.png")[:, :, :40])
    near, far = ((whole - one).abs().mean() for one in (tiled, other))
    assert near < far / 2, "the statistics of a small copy are not quite those of the whole"


def test_a_folder_of_masks_goes_with_a_folder_of_pictures(folder, capsys):
    by_class(folder, capsys, "3={0}/wave.png", masks="masks", photo=None, out="painted")
    for name in ("photo", "other"):
        photo, found = (read_picture(folder / where / f"{name}.png") for where in ("photos", "painted"))
        assert torch.equal(found[..., 42:], photo[..., 42:])
        assert not torch.equal(found[..., :42], photo[..., :42])
    (folder / "masks" / "other.png").unlink()
    command = ["style", "apply", folder / "photos", "--by-class", f"3={folder}/wave.png", "--masks", folder / "masks"]
    assert main([*map(str, command), "--out", str(folder / "again")]) == 1
    assert "expected one mask of its name in" in capsys.readouterr().err
    assert (folder / "again" / "photo.png").is_file()


def test_the_record_names_what_the_picture_got(folder, capsys):
    by_class(folder, capsys, "7={0}/night.png, 3=keep", "--licences", "CC-BY-4.0")
    record = read_record(folder / "out.png").record
    assert [(style.name, style.licence) for style in record.styles] == [("night", "CC-BY-4.0")]
    assert record.options["by_class"] == ["7=night.png", "3=keep"]


def test_words_find_a_style_of_the_bank(folder, capsys):
    command = ["style", "apply", folder / "photos" / "photo.png", "--out", folder / "out.png", "--no-watermark"]
    here = ("--device", "cpu", "--precision", "fp32")
    assert main([*map(str, command), *here, "--text", "a cathedral's stained glass"]) == 0
    assert "'stained-glass'" in capsys.readouterr().err
    found = read_picture(folder / "out.png")
    record = read_record(folder / "out.png").record
    assert [(style.name, style.licence) for style in record.styles] == [("stained-glass", "CC0-1.0")]
    assert record.options["text"] == "a cathedral's stained glass"
    applied(folder, capsys, "--style", "bank:stained-glass")
    assert torch.equal(read_picture(folder / "out.png"), found)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--by-class", "3=wave.png"], "expected --segmenter or --masks, which say where each class is, got neither"),
        (["--masks", "m.png", "--style", "wave.png"], "segmenter, masks: expected --by-class beside them"),
        (["--by-class", "3=wave.png", "--masks", "m.png", "--style", "wave.png"], "got --style beside it"),
        (["--text", "oil", "--style", "wave.png"], "text: expected --text or --style, got both"),
        (["--text", "qqq"], "expected"),
        (["--by-class", "3=a.png,7=a.png", "--masks", "m.png", "--licences", "x,y"], "one for each of 1 styles, got 2"),
    ],
)
def test_what_does_not_go_together_is_one_line(folder, capsys, words, message):
    assert main(["style", "apply", str(folder / "photos" / "photo.png"), *words]) == 2
    captured = capsys.readouterr().err
    assert message in captured
    assert captured.count("\n") == 1


def test_python_takes_a_mapping(folder):
    source, out = folder / "photos" / "photo.png", folder / "out.png"
    pairs = {"3": folder / "wave.png", "7": "keep"}
    result = segue.style_apply(source, by_class=pairs, masks=folder / "masks", out=out, watermark=False)
    assert [one.out for one in result.painted] == [out]
    assert torch.equal(read_picture(out)[..., 42:], read_picture(source)[..., 42:])


def test_a_picture_without_a_class_costs_nothing_and_one_without_any_costs_itself(folder, capsys):
    mask = np.full(SIZE, 3, np.uint8)
    Image.fromarray(mask).save(folder / "masks" / "other.png")
    by_class(folder, capsys, "3={0}/wave.png, 7={0}/night.png", masks="masks", photo=None, out="painted")
    assert (folder / "painted" / "other.png").is_file()
    Image.fromarray(mask + 1).save(folder / "masks" / "photo.png")
    pairs = f"3={folder}/wave.png,7={folder}/night.png"
    words = ["style", "apply", folder / "photos", "--by-class", pairs, "--masks", folder / "masks"]
    assert main([*map(str, words), "--out", str(folder / "again")]) == 1
    assert "photo.png: expected some 3, 7 in it, got none" in capsys.readouterr().err
    assert (folder / "again" / "other.png").is_file()


def test_masks_lie_in_folders_as_their_pictures_do(folder, capsys):
    for part, value in (("a", 3), ("b", 7)):
        for kind in ("photos", "masks"):
            (folder / kind / part).mkdir()
        write_picture(folder / "photos" / part / "one.png", picture(9, *SIZE))
        Image.fromarray(np.full(SIZE, value, np.uint8)).save(folder / "masks" / part / "one.png")
    by_class(folder, capsys, "3={0}/wave.png, 7={0}/night.png", masks="masks", photo=None, out="painted")
    one, other = (read_picture(folder / "painted" / part / "one.png") for part in "ab")
    assert (one - other).abs().mean() > 0.01


def test_sixteen_bits_are_kept_as_eight(folder, capsys):
    deep = np.linspace(0, 65535, SIZE[0] * SIZE[1]).reshape(SIZE).astype(np.uint16)
    Image.fromarray(deep).save(folder / "photos" / "photo.png")
    by_class(folder, capsys, "3={0}/wave.png")
    with Image.open(folder / "out.png") as found:
        right = np.asarray(found)[:, 42:].astype(float)
    assert np.abs(right - deep[:, 42:, None] / 257).max() <= 0.51


@pytest.mark.parametrize("out", ["wave.png", "masks/photo.png"])
def test_what_is_read_is_not_painted_over(folder, capsys, out):
    before = (folder / out).read_bytes()
    words = ["style", "apply", folder / "photos" / "photo.png", "--by-class", f"3={folder}/wave.png"]
    assert main([*map(str, words), "--masks", str(folder / "masks"), "--out", str(folder / out)]) == 2
    assert "expected another place than the styles and masks" in capsys.readouterr().err
    assert (folder / out).read_bytes() == before


@pytest.mark.parametrize("size", [(1, 3000), (6, 2000)])
def test_very_thin_pictures_are_painted_in_tiles(folder, capsys, size):
    write_picture(folder / "photos" / "photo.png", picture(0, *size))
    result = applied(folder, capsys, "--style", folder / "wave.png", "--tile", "256")
    assert result["pictures"][0]["tiled"] is True
    assert read_picture(folder / "out.png").shape[2:] == size
