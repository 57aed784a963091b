import numpy as np
from PIL import Image

from segue.report.reliability import calibration_section, save_reliability
from segue.trust.crossfit import cross_fitted, uncalibrated
from segue.trust.sample import PixelSample


def sample(pixels=400, images=4):
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (pixels, 3)).astype(np.float32)
    labels = np.where(random.random(pixels) < 0.7, logits.argmax(1), 0).astype(np.uint8)
    owner = np.sort(random.integers(0, images, pixels))
    return PixelSample(logits, labels, np.zeros(pixels, bool), owner, np.ones(images))


def test_the_diagram_has_a_line_for_before_and_one_for_after(tmp_path):
    colours = {}
    for name, calibration in (("both", cross_fitted(sample(), [""] * 4)), ("before", uncalibrated(sample()))):
        save_reliability(tmp_path / f"{name}.png", calibration.summary())
        pixels = np.asarray(Image.open(tmp_path / f"{name}.png").convert("RGB")).astype(int)
        colours[name] = [
            (np.abs(pixels - rgb).max(axis=2) < 3).sum() for rgb in ((0xC0, 0x56, 0x21), (0x0B, 0x6E, 0x99))
        ]
    assert min(colours["both"]) > 100
    assert colours["before"][0] > 100
    assert colours["before"][1] == 0


def test_the_same_figures_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        save_reliability(tmp_path / name, cross_fitted(sample(), [""] * 4).summary())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_section_carries_its_picture_and_links_to_the_meaning():
    section = calibration_section(cross_fitted(sample(), [""] * 4).summary())
    assert 'src="data:image/png;base64,' in section
    assert 'href="#meaning-calibration"' in section


def test_without_a_labelled_pixel_there_is_no_section():
    assert calibration_section(uncalibrated(sample(pixels=0)).summary()) == ""
