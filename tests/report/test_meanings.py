import re
from pathlib import Path

import pytest

from segue.report.meanings import MEANINGS, linked, meanings

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("claim", MEANINGS)
def test_every_claim_is_defined_in_the_documentation(claim):
    page, _, anchor = MEANINGS[claim].defined.partition("#")
    titles = re.findall(r"^#+ (.+)$", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert anchor in {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_a_link_leads_to_its_sentence():
    assert 'href="#meaning-interval"' in linked("95 % interval", "interval")
    assert '<div id="meaning-interval">' in meanings(["interval"])
    assert meanings([]) == ""


def test_every_figure_of_the_first_screen_is_explained():
    said = MEANINGS["scores"].sentence
    assert [
        name for name in ("Dice", "Pixel accuracy", "mean pixel accuracy", "Frequency-weighted IoU") if name not in said
    ] == []
