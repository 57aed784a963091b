"""The doctor's corpus: every planted fault is found, under its code, at its file; sound data raises nothing."""

from __future__ import annotations

import corpus
import pytest

from segue.data.doctor import examine
from segue.data.doctor.codes import CODES
from segue.data.formats import open_index

CASES = corpus.cases()
EVERYWHERE = ("all masks", "lossy WebP masks", "one class everywhere")  # cases in which every file is at fault


def diagnose(root, **options):
    return examine(open_index([root]), roots=[root], **options)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_planted_fault_is_found_at_its_file(case, tmp_path):
    root = corpus.good_set(tmp_path / "set")
    faulty = case.plant(root)
    diagnosis = diagnose(root)
    if not case.code:
        assert not diagnosis.errors + diagnosis.warnings
        return
    assert case.code in {found.code for found in diagnosis.problems if found.path == faulty}
    if not case.name.startswith(EVERYWHERE):
        assert {found.path.stem.casefold() for found in diagnosis.errors} <= {faulty.stem.casefold()}, (
            "a sound file is accused"
        )


def test_corpus_is_as_large_as_promised_and_plants_nearly_every_code():
    planted = {case.code for case in CASES}
    not_planted = {
        "LIST_MISSING",
        "LIST_TWICE",
        "SET_EMPTY",
        "CLASS_UNCLEAR",
        "TREE_UNREADABLE",
        "VIDEO_ONE_GROUP",
        "SET_DRAWN",
        "SET_PARTS_UNSEEN",
        *(code for code in CODES if code.startswith("ANN_")),
    }  # tests of their own
    assert len(CASES) >= 80
    assert set(CODES) - planted - not_planted <= {
        "IMG_UNREADABLE",
        "NAME_CONTROL",
        "NAME_NOT_UTF8",
        "NAME_CLASH",
        "TREE_SPECIAL",
    }


@pytest.mark.slow
def test_500_good_pairs_raise_nothing(tmp_path):
    corpus.good_set(tmp_path, 300, split="train")
    corpus.good_set(tmp_path, 100, split="val")
    corpus.good_set(tmp_path, 100, suffix=".jpg", split="test")
    diagnosis = diagnose(tmp_path)
    assert diagnosis.images == 500
    assert diagnosis.problems == ()
