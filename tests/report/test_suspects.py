import dataclasses

import numpy as np
import pytest
import torch

from fakes import write_folders
from segue.data.classes import Classes
from segue.data.formats import open_index
from segue.data.loader import read_sample
from segue.infer.evaluate import Evaluation, evaluate
from segue.infer.segmenter import Segmenter
from segue.report.inputs import Crop, ReportInputs
from segue.report.page import render
from segue.report.pictures import WRONG
from segue.report.suspects import LEAST_AROUND, SHOWN, SIDE, crop_panels, suspect_crops, suspect_section
from segue.trust.label_errors import ImageEvidence, LabelErrors, Suspect, Suspicions
from tiny_model import tiny_info, tiny_model

CLASSES = Classes(("ground", "disc<b>"), ((0, 0, 0), (0, 200, 0)), (0, 1))


def crop(size=(30, 40)):
    truth = np.zeros(size, np.uint8)
    prediction, suspect = truth.copy(), np.zeros(size, bool)
    prediction[10:20, 12:24] = 1
    suspect[10:20, 12:24] = True
    return Crop("folder/<i>", 0, 1, np.full((*size, 3), 90, np.uint8), truth, prediction, suspect)


@pytest.fixture(scope="module")
def segmenter():
    return Segmenter(tiny_model(tiny_info()), tiny_info(), "cpu")


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    return open_index([write_folders(tmp_path_factory.mktemp("data") / "d", 3)]).samples


def test_an_evaluation_holds_the_evidence_of_its_images(segmenter, samples):
    suspicions = Suspicions(4)
    for sample in samples:
        pixels, truth = read_sample(sample, segmenter.classes, segmenter.info.prep)
        shares = segmenter.predict(pixels, probabilities=True).probabilities
        evidence = ImageEvidence(truth)
        evidence.take(0, torch.from_numpy(shares).log())
        suspicions.add(evidence)
    expected, found = suspicions.label_errors(), evaluate(segmenter, samples).label_errors
    np.testing.assert_allclose(found.thresholds, expected.thresholds, rtol=1e-4)
    np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-4)
    assert len(found.suspects) == len(expected.suspects)


def test_crops_hold_the_patch_and_its_surroundings_in_the_order_of_the_list(segmenter, samples):
    evaluation = evaluate(segmenter, samples)
    positions = (np.arange(20, 28)[:, None] * 64 + np.arange(50, 60)).ravel()
    listed = tuple(Suspect(image, 0, 2, 9.0, (20, 50, 28, 60), positions) for image in (2, 0, 2))
    errors = LabelErrors(np.zeros(4), np.zeros(3), listed)
    crops = suspect_crops(segmenter, samples, dataclasses.replace(evaluation, label_errors=errors))
    assert [one.id for one in crops] == [samples[i].id for i in (2, 0, 2)]
    top, left = 20 - LEAST_AROUND, 50 - LEAST_AROUND
    for one in crops:
        assert one.truth.shape == one.prediction.shape == one.suspect.shape == one.pixels.shape[:2]
        assert one.truth.shape == (28 + LEAST_AROUND - top, 64 - left)
        rows, columns = np.nonzero(one.suspect)
        assert (rows.min() + top, columns.min() + left, rows.size) == (20, 50, 80)
        whole = segmenter.predict(next(s for s in samples if s.id == one.id).image).mask
        np.testing.assert_array_equal(one.prediction, whole[top:44, left:])
    assert len(suspect_crops(segmenter, samples, dataclasses.replace(evaluation, label_errors=errors), count=1)) == 1
    assert suspect_crops(segmenter, samples, dataclasses.replace(evaluation, label_errors=None)) == ()


@pytest.mark.parametrize("size", [(30, 40), (600, 400)])
def test_panels_are_of_one_size_and_outline_the_patch(size):
    shown = crop_panels(crop(size), CLASSES)
    assert {max(picture.shape[:2]) for picture in shown} == {SIDE}
    edges = [(picture == WRONG).all(axis=2) for picture in shown]
    assert edges[0].any()
    for edge in edges[1:]:
        np.testing.assert_array_equal(edge, edges[0])
    inside = shown[2][:, :, 1] > shown[1][:, :, 1]
    assert inside.any()  # the prediction is painted, the label is not
    assert not (inside & edges[0]).any()


def test_the_section_opens_patches_and_says_what_they_mean():
    text = suspect_section([crop()] * 2, CLASSES)
    assert text.count("<details") == 2
    assert text.count(" open>") == 1
    assert text.count("<img") == 6
    assert "folder/&lt;i&gt;" in text
    assert "labelled <b>ground</b>, the network sees <b>disc&lt;b&gt;</b>" in text
    assert "120 pixels" in text
    assert 'href="#meaning-suspects"' in text
    assert suspect_section([], CLASSES) == ""
    assert SHOWN == 12


def test_the_page_has_the_section_and_its_meaning():
    matrix = np.eye(2, dtype=np.int64) * 9
    summary = Evaluation(("a", "b"), ("", ""), np.stack([matrix] * 2), CLASSES, 0.1).summary(resamples=100)
    page = render(ReportInputs("t", CLASSES, summary, matrix, "c", suspects=(crop(),)))
    assert '<section id="suspects"><h2>Suspected label errors</h2>' in page
    assert "docs/explanation/trust.md#suspected-label-errors" in page
