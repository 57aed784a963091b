"""The bank of styles: what is drawn, what is found by words, what goes into a record."""

import hashlib
import json
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import segue
from bank_fingerprints import FINGERPRINTS
from segue.cli import main
from segue.data.image import image_size
from segue.errors import UsageError
from segue.style.bank.catalogue import LICENCE, PAINTERS, SIDE, VERSIONS, bank_style, draw, in_bank, sha256_of_pixels
from segue.style.bank.words import CARDS, match_words, style_for_words
from segue.style.record import read_record
from segue.style.style_source import read_style, style_sha256, used_style

NAMES = PAINTERS.names()
anew = draw.__wrapped__  # without what was kept


def reduced(pixels, side):
    return np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BOX), float)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_and_a_size_are_the_same_bytes_and_a_seed_is_another_picture(name):
    first = draw(name, 96, 96)
    assert first.shape == (96, 96, 3)
    assert first.tobytes() == anew(name, 96, 96).tobytes()
    assert np.abs(first.astype(int) - anew(name, 96, 96, 1)).mean() > 4


@pytest.mark.parametrize("name", NAMES)
def test_another_size_shows_the_same_forms(name):
    small, large = reduced(draw(name, 96, 96), 16), reduced(draw(name, 192, 192), 16)
    assert np.corrcoef(small.ravel(), large.ravel())[0, 1] > 0.8


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_may_be_wide_or_tall(name):
    size = (80, 48) if NAMES.index(name) % 2 else (48, 80)
    pixels = draw(name, *size)
    assert pixels.shape == (*size, 3)
    assert pixels.reshape(-1, 3).std(0).min() > 15


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_has_contrast_at_several_scales_and_several_colours(name):
    pixels = draw(name, 192, 192).astype(float)
    grey = pixels.mean(-1)
    for factor in (1, 2, 4, 8):  # neighbours differ, whether these are pixels or averages of many
        coarse = grey.reshape(192 // factor, factor, 192 // factor, factor).mean((1, 3))
        assert np.abs(np.diff(coarse, axis=1)).mean() > 1.5, f"{factor} pixels"
    assert 40 < grey.mean() < 225
    assert np.ptp(np.percentile(grey, [2, 98])) > 60


def fingerprint(name):
    """Mean and deviation of each channel in each quarter: enough to tell another drawing, not another rounding."""
    pixels = draw(name, 96, 96).astype(float).reshape(2, 48, 2, 48, 3)
    return [round(float(value)) for value in np.concatenate([pixels.mean((1, 3)), pixels.std((1, 3))]).ravel()]


@pytest.mark.parametrize("name", NAMES)
def test_a_drawing_that_changed_has_a_new_version(name):
    version, expected = FINGERPRINTS[name]
    assert version == VERSIONS[name], "a new version needs a new fingerprint"
    found = fingerprint(name)
    assert np.abs(np.subtract(found, expected)).max() <= 2, f"{name} changed: count up VERSIONS, and put down {found}"


def test_what_is_drawn_is_kept_and_nobody_can_change_it():
    assert draw("mosaic", 32, 32) is draw("mosaic", 32, 32)
    with pytest.raises(ValueError, match="read-only"):
        draw("mosaic", 32, 32)[0] = 0


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_512_pixels_take_seconds(name):
    began = time.process_time()
    anew(name, 512, 512)
    assert time.process_time() - began < 8


def test_a_name_there_is_not_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match="unknown style of the bank 'stained-glas': did you mean stained-glass"):
        bank_style("bank:stained-glas")
    with pytest.raises(UsageError, match="16 to 2048 pixels a side, got 8 x 8"):
        draw("mosaic", 8, 8)
    assert in_bank(Path("mosaic")) is None, "a file may be called so"


def test_the_picture_behind_a_name_and_what_the_record_says():
    path = Path("bank:batik")
    picture, pixels = read_style(path), draw("batik")
    assert picture.shape == (1, 3, SIDE, SIDE)
    assert np.array_equal((picture[0].permute(1, 2, 0) * 255).round().numpy(), pixels)
    assert style_sha256(path) == sha256_of_pixels(pixels)
    assert sha256_of_pixels(pixels) == hashlib.sha256(f"{SIDE}x{SIDE}:".encode() + pixels.tobytes()).hexdigest()
    used = used_style(path, "", "ab")
    assert (used.name, used.source, used.licence) == ("batik", f"bank:batik version 1, {SIDE} px", LICENCE)


# --- words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a starry night in oil", "night-swirl"),
        ("Stained Glass window of a cathedral", "stained-glass"),
        ("an ukiyo-e print of the great wave", "woodblock-waves"),
        ("roman mosaic", "mosaic"),
        ("soft aquarelle", "watercolour"),
        ("watercolors", "watercolour"),
        ("cubist guitar", "cubist-shards"),
        ("comic book, ben-day dots", "halftone"),
        ("dots in the manner of pointillism", "pointillism"),
        ("golden autumn forest", "autumn-dabs"),
        ("pencil sketch, smudged", "charcoal"),
        ("pen and ink cross-hatching", "ink-hatching"),
        ("linocut in black and white", "woodcut"),
        ("Gatsby's luxurious twenties", "deco-fans"),
        ("patchwork blanket", "pixel-quilt"),
        ("ebru paper", "marbling"),
        ("indigo tie-dye", "batik"),
        ("wotercolour", "watercolour"),
        ("水彩画", "watercolour"),
        ("梵高的星空", "night-swirl"),
    ],
)
def test_words_find_their_style(text, name):
    assert style_for_words(text).name == name


def test_the_match_says_which_words_it_heard():
    match = match_words("a starry night in oil")
    assert match.matched == ("starry", "night", "oil")
    assert match.line() == (
        f"no CLIP given: took the nearest of {len(NAMES)} named styles, 'night-swirl' (matched: starry, night, oil)"
    )


@pytest.mark.parametrize("text", ["", "xylophone", "a painting in the style of", "的"])
def test_words_that_fit_nothing_are_answered_with_all_styles(text):
    with pytest.raises(UsageError, match=r"fits none of night-swirl, autumn-dabs, .*batik: say it in other words"):
        style_for_words(text)


def test_every_style_has_a_card_a_version_and_its_own_name_on_it():
    assert tuple(CARDS) == NAMES == tuple(VERSIONS)
    for name in NAMES:
        assert style_for_words(name.replace("-", " ")).name == name
        assert bank_style(name).about.endswith(".")


# --- commands --------------------------------------------------------------------------------------------------------


def test_styles_are_listed_with_words(capsys):
    assert main(["list", "styles"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(NAMES)
    assert main(["list", "styles", "--filter", "glass", "--json"]) == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == ["stained-glass"]


def test_the_bank_is_written_with_records(tmp_path, capsys):
    words = ["style", "bank", str(tmp_path / "bank"), "--size", "48", "--styles", "batik,mosaic", "--json"]
    assert main([*words, "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out)["dry_run"] is True
    assert not (tmp_path / "bank").exists()
    assert main(words) == 0
    result = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in result["styles"]] == ["batik", "mosaic"]
    for one in result["styles"]:
        assert np.array_equal(np.asarray(Image.open(one["file"])), draw(one["name"], 48, 48))
        used = read_record(Path(one["file"])).record.styles[0]
        assert (used.licence, used.sha256) == (LICENCE, sha256_of_pixels(draw(one["name"], 48, 48)))
    assert segue.style_bank(tmp_path / "more", styles=("batik",), size=32, seed=1).files()[0].is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "expected a folder to write to, got none"),
        (("{}/a", "--styles", "mosaik"), "unknown style of the bank 'mosaik': did you mean mosaic"),
        (("{}/a", "--size", "8"), "size: expected 16 to 2048, got 8"),
    ],
)
def test_mistakes_are_one_line(tmp_path, capsys, words, message):
    assert main(["style", "bank", *(word.format(tmp_path) for word in words)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_no_other_picture_is_written_over(tmp_path, capsys):
    """A user's mosaic.png is no drawing of the bank; one of an earlier drawing is replaced."""
    words = ["style", "bank", str(tmp_path), "--styles", "batik,mosaic", "--size"]
    assert main([*words, "16"]) == 0
    assert main([*words, "17"]) == 0
    assert image_size(tmp_path / "mosaic.png") == (17, 17)
    Image.new("RGB", (9, 9)).save(tmp_path / "mosaic.png")
    before = [(tmp_path / name).read_bytes() for name in ("batik.png", "mosaic.png")]
    capsys.readouterr()
    for more in ([], ["--dry-run"]):
        assert main([*words, "18", *more]) == 2
        assert "mosaic.png: choose another folder" in capsys.readouterr().err
    (tmp_path / "mosaic.png").write_text("no picture at all")
    assert main([*words, "18"]) == 2
    assert before[0] == (tmp_path / "batik.png").read_bytes()
    assert (tmp_path / "mosaic.png").read_text() == "no picture at all"
