"""The report of `segue style evaluate`: well formed, closed to strangers, and honest about what was not computed."""

import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from segue.report.scatter import Point, scatter
from segue.report.style_page import NO_ORDER, OWN, Row, render, shown
from segue.style.evaluation.measures import scores_of
from segue.style.evaluation.summary import Judged, summarised

EVIL = "<script>alert(1)</script>\"'&"
NAN = math.nan


def page(name="mine", judges=("net",), pictures=1, **reasons):
    pairs = [(f"c{i}", f"s{j}") for i in range(4) for j in range(3)]
    levels = {"identity": 0.9, "colour": 0.95, "mine@0.5": 0.5, name: 0.3}
    values = {
        (method, pair): {"content_net": 1 - level, "moments_net": level + place / 100, "ssim": 0.5}
        for method, level in levels.items()
        for place, pair in enumerate(pairs)
    }
    methods = [
        Judged(one, f"about {one}", ("net",) if one == name else (), "mine" if "@" in one else "") for one in levels
    ]
    summary = summarised(values, methods, scores_of(judges), reasons, against="identity", styles=3, seed=0)
    pixels = np.full((300, 200, 3), 120, np.uint8)
    return render(
        "Style evaluation",
        summary,
        [Row(f"c in the style of {name}", {name + "+" * i: pixels for i in range(pictures)})],
        {"seed": "0"},
    )


def test_what_strangers_name_is_text():
    text = page(EVIL, lpips=EVIL)
    assert "<script>alert" not in text
    assert text.count("&lt;script&gt;alert(1)") > 5


def test_the_page_says_what_not_to_trust():
    text = page()
    assert text.count(f'<small class="caution">{NO_ORDER}') >= 1, "colour is farther from the style than identity"
    assert f"{OWN} judged by its own network" in text
    assert "not computed: no method was scored by it" in text
    assert "4 contents and 3 styles are too few" in text


def test_every_chart_is_well_formed_and_names_each_method():
    charts = re.findall(r"<svg .*?</svg>", page(EVIL), re.DOTALL)
    assert len(charts) == 1
    texts = [one.text for one in ElementTree.fromstring(charts[0]).iter("text")]
    assert {"identity", "colour", "mine@0.5", f"{EVIL}{OWN}"} <= set(texts)


def test_pictures_are_shrunk_into_the_page():
    found = re.search(r'<img src="data:image/jpeg;base64,[^"]+" alt="mine" width="(\d+)" height="(\d+)"', page())
    assert (int(found[1]), int(found[2])) == (149, 224)


def test_points_stand_where_they_belong_and_names_do_not_cover_each_other():
    ends = (NAN, NAN)
    points = [Point(f"p{i}", 0.5, 0.5 + i / 1000, ends, ends) for i in range(4)]
    root = ElementTree.fromstring(re.search(r"<svg.*</svg>", scatter("t", ("x", "y"), points))[0])
    labels = [(float(one.get("x")), float(one.get("y"))) for one in root.iter("text") if one.text.startswith("p")]
    assert len({round(y) for _, y in labels}) == 4
    high, low = scatter("t", ("x", "y"), [Point("a", 1, 1, ends, ends), Point("b", 0, 0, ends, ends)]).split("<circle")[
        1:
    ]
    places = [float(re.search(r'cy="([\d.]+)"', one)[1]) for one in (high, low)]
    assert places[0] < places[1], "more is further up"


def test_a_measure_is_explained_once():
    text = page(judges=("net", "other"))
    assert text.count("<strong>gram</strong>") == 2
    assert text.count("distance to the style&#x27;s Gram matrices") == 1


def test_many_pictures_stand_in_lines_of_one_length():
    for count, columns in ((1, 1), (6, 6), (7, 4), (10, 5), (13, 5)):
        assert f"--columns:{columns}" in page(pictures=count)


def test_strengths_are_joined_and_nothing_gives_no_chart():
    ends = (NAN, NAN)
    points = [Point(f"m@{x}", x, 1 - x, ends, ends, "m") for x in (0.0, 0.5, 1.0)]
    drawn = scatter("t", ("x", "y"), points)
    assert drawn.count("<polyline") == 1
    assert drawn.count("<circle") == 3
    assert re.findall(r">(m@[^<]*)</text>", drawn) == ["m@1.0"], "the last carries the name"
    assert scatter("t", ("x", "y"), [Point("a", NAN, 1, ends, ends)]) == ""


@pytest.mark.parametrize(("value", "text"), [(0.12345, "0.123"), (12.345, "12.3"), (NAN, "–"), (-0.5, "-0.500")])
def test_figures_have_the_decimals_they_need(value, text):
    assert shown(value) == text
