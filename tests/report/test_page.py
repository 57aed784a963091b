import base64
import dataclasses
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from fakes import scene
from segue.data.classes import Classes
from segue.data.index import Problem
from segue.infer.evaluate import Evaluation
from segue.metrics.confusion import confusion
from segue.report.inputs import DataSummary, Example, ReportInputs, SplitSummary
from segue.report.kinds import kinds_section
from segue.report.page import render, write_report
from segue.train.state import Row

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&lt;"
VOID = {"meta", "img"}


class Page(HTMLParser):
    """Counts tags, and checks that those that open also close, in order."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.open, self.text = [], [], [], ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def example(number):
    image, truth = scene(number)
    truth[:2] = 255
    prediction = np.roll(np.where(truth == 255, 0, truth), 3, axis=1).astype(np.uint8)
    return Example(f"folder/{number}", image, truth, prediction, 0.5 + number / 100)


def sample(name="disc", examples=3):
    classes = Classes(
        ("ground", name, "box", "stripe"), ((9, 9, 9), (200, 0, 0), (0, 200, 0), (0, 0, 200)), (0, 1, 2, 3)
    )
    shown = tuple(example(i) for i in range(examples))
    matrices = np.stack([confusion(e.truth, e.prediction, 4) for e in shown])
    evaluation = Evaluation(tuple(e.id for e in shown), ("",) * examples, matrices, classes, 1.0)
    losses = {"ce": 1.0, "jaccard": 0.5}
    return ReportInputs(
        title="shapes",
        classes=classes,
        summary=evaluation.summary(resamples=100),
        matrix=evaluation.matrix,
        command="segue fit data --seed 0",
        history=tuple(Row(s, 8 * s, 1e-3, losses, s / 100, 0.9, {}) for s in (10, 20, 30)),
        worst=shown[:1],
        random=shown[1:],
        data=DataSummary("data", "folders", 3, (SplitSummary("train", 6, 6, np.array([9, 3, 2, 1])),)),
        pretrained={"weights": "a.safetensors", "licence": "Apache-2.0"},
        config={"optim": {"lr": 0.001}},
        environment={"torch": "2.15"},
        seconds=75.0,
        class_weights={"ground": 0.25, name: 1.75, "box": 1.5, "stripe": 0.5},
    )


def test_the_page_shows_every_part():
    inputs = sample()
    page = Page(render(inputs))
    miou, (low, high) = inputs.summary["miou"], inputs.summary["interval"]
    for text in (
        "shapes", f"{miou:.3f}", f"{low:.3f} – {high:.3f}", "over 3 images", "1m15s", "validation mIoU",
        "Caution: 3 images are too few for an interval to be trusted", "docs/explanation/trust.md#the-interval",
        "ground", "frequency-weighted IoU", "folder/0", "mIoU 0.500", "a.safetensors", "Apache-2.0", "lr: 0.001",
        "segue fit data --seed 0", "2.15", "The doctor found nothing wrong.", "weight in the loss", "1.750",
    ):  # fmt: skip
        assert text in page.text, text
    assert page.tags.count("img") == 3 * 4
    assert page.tags.count("svg") == 3


def test_further_metrics_stand_in_a_table_with_their_units_and_intervals():
    def scores(value, **more):
        return {"value": value, "interval": [None, None] if value is None else [value - 1, value + 1], **more}

    def every(value, **more):
        return [scores(value, **more) | {"name": name} for name in ("ground", "disc", "box", "stripe")]

    further = {
        "hd95": scores(4.5, missed=3) | {"classes": every(None, missed=1)},
        "nsd": scores(0.75) | {"classes": every(0.25)},
    }
    inputs = sample()
    measure = {"spacing": None, "tolerance": 2.0, "missed": "exclude"}
    page = Page(render(dataclasses.replace(inputs, summary=inputs.summary | {"metrics": further, "measure": measure})))
    text = page.text.partition("Further metrics")[2].partition("Further metrics")[2].partition("Confusion")[0]
    assert text.startswith(" what this meansclasshd95 in pixelsnsd up to 2 pixelsground")
    assert "ground– 1 time on one side only0.250 -0.750 – 1.250disc" in text
    assert "all classes4.500 3.500 – 5.500; 3 times on one side only0.750 -0.250 – 1.750" in text


def test_the_page_needs_nothing_but_itself():
    page = Page(render(sample()))
    for name, value in page.attributes:
        if name in ("src", "href", "action", "data", "poster", "srcset"):
            assert value.startswith(("data:image/jpeg;base64,", "#"))
    assert "url(" not in render(sample())
    assert "@import" not in render(sample())


def test_links_lead_to_sections_that_are_there():
    page = Page(render(sample()))
    anchors = {value for name, value in page.attributes if name == "id"}
    assert {value[1:] for name, value in page.attributes if name == "href"} <= anchors


def test_the_browser_may_run_the_one_script_alone():
    text = render(sample())
    script = re.search(r"<script>(.*)</script>", text, re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in text


def hostile():
    inputs = sample(name=EVIL)
    data = dataclasses.replace(
        inputs.data, root=EVIL, format=EVIL, findings=(Problem(EVIL, EVIL, Path(EVIL), EVIL, EVIL),),
        splits=(dataclasses.replace(inputs.data.splits[0], name=EVIL),),
    )  # fmt: skip
    examples = tuple(dataclasses.replace(e, id=EVIL) for e in inputs.random)
    history = tuple(dataclasses.replace(row, losses={EVIL: 1.0, "b": 2.0}) for row in inputs.history)
    return dataclasses.replace(
        inputs, title=EVIL, command=EVIL, history=history, worst=examples, random=examples, data=data,
        pretrained={EVIL: EVIL}, config={EVIL: {EVIL: EVIL}}, environment={EVIL: EVIL},
    )  # fmt: skip


def test_names_from_outside_are_text_wherever_they_stand():
    page, tame = Page(render(hostile())), Page(render(sample()))
    assert page.tags.count("script") == 1
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert page.tags.count("img") == 16  # four examples, no more
    assert set(page.tags) - set(tame.tags) <= {"ul", "li", "code", "em"}  # the findings
    assert page.text.count("<script>alert(1)</script>") >= 15


def test_control_characters_do_not_break_the_page():
    inputs = dataclasses.replace(sample(name="a\x00b\x1b[31m\u202e"), title="c\x08d\ud800")
    page = Page(render(inputs))
    assert not set("\x00\x1b\x08\u202e\ud800") & set(page.text)


def test_what_is_empty_gets_no_section():
    inputs = sample()
    bare = ReportInputs("t", inputs.classes, inputs.summary, inputs.matrix, "segue evaluate")
    page = Page(render(bare))
    assert [value for name, value in page.attributes if name == "id"] == [
        "result", "classes", "confusion", "again", "meaning",
        "meaning-miou", "meaning-scores", "meaning-confusion", "meaning-interval", "meaning-again",
    ]  # fmt: skip


def test_every_section_leads_to_what_it_means():
    page = render(sample())
    for section in re.findall(r"<section.*?</section>", page, re.DOTALL):
        name = re.search('id="([a-z]+)"', section)[1]
        assert "#meaning-" in section or name in ("meaning", "config", "environment")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"miou": 0.6449, "n_images": 1234},
            "agree on 64 %, on average over 4 classes: this was measured on 1,234",
        ),
        ({"miou": 1.0, "n_images": 1, "excluded": ["a", "b", "c"]}, "agree on 100 %: this was measured on 1 image."),
        ({"miou": None, "interval": [None, None]}, "No labelled pixel was scored."),
    ],
)
def test_the_first_sentence_is_right_when_read_aloud(changed, said):
    inputs = sample()
    summary = inputs.summary | {"excluded": []} | changed
    assert said in Page(render(dataclasses.replace(inputs, summary=summary))).text


def test_undefined_scores_are_dashes():
    inputs = sample(examples=1)
    zero = np.zeros((1, 4, 4), np.int64)
    evaluation = Evaluation(("a",), ("",), zero, inputs.classes, 0.1)
    text = render(dataclasses.replace(inputs, summary=evaluation.summary(), matrix=zero[0], random=()))
    assert "nan" not in Page(text).text.lower()
    assert "–" in Page(text).text
    assert "Not in the mean" in text


@pytest.mark.parametrize("rows", [1, 2])
def test_a_run_of_one_validation_can_be_drawn(rows):
    history = tuple(Row(0, 0, 0.0, {}, float("nan") if rows == 1 else 0.0, 0.0, {}) for _ in range(rows))
    Page(render(dataclasses.replace(sample(), history=history)))


def test_many_classes_keep_the_matrix_readable():
    count = 60
    classes = Classes(tuple(f"class {i}" for i in range(count)), ((1, 2, 3),) * count, tuple(range(count)))
    matrices = np.random.default_rng(0).integers(0, 9, (2, count, count))
    evaluation = Evaluation(("a", "b"), ("", ""), matrices, classes, 1.0)
    text = render(ReportInputs("t", classes, evaluation.summary(resamples=100), evaluation.matrix, "c"))
    assert 'class="matrix dense"' in text


def test_the_file_is_written(tmp_path):
    write_report(tmp_path / "report.html", sample())
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == render(sample())


@pytest.mark.parametrize("threshold", [None, 0.02])
def test_images_of_another_kind_are_told_by_the_training_images_that_are_kept(threshold):
    known = {"images": 256, "held_out": 30, "threshold": threshold}
    said = kinds_section({"familiar": known, "source": None, "parts": {}})
    assert "from the nearest it keeps of 256" in said, "of many images, those that lie farthest apart are kept"
