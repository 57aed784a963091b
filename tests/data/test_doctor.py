"""Facts about the doctor's checks that need no corpus: values, edges, likeness, reports, the tables."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import corpus
import numpy as np
import pytest

from segue.data.doctor import examine
from segue.data.doctor.codes import CODES, SEVERITIES, problem
from segue.data.doctor.content import damage, sniff
from segue.data.doctor.diagnosis import printable
from segue.data.doctor.examine import look
from segue.data.doctor.masks import SOFT_SHARE, soft_share
from segue.data.doctor.tree import check_tree
from segue.data.formats import open_index
from segue.data.index import Index, Sample

SOURCE = Path(__file__).parents[2] / "src" / "segue"
REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "doctor.md"
SHARED = Path(__file__).parents[3] / "shared" / "data"


# --- the table -------------------------------------------------------------------------------------------------------


def test_every_code_raised_anywhere_is_in_the_table_with_its_severity():
    raised = {}
    for file in SOURCE.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        raised |= dict(re.findall(r'Problem\(\s*"([A-Z0-9_]+)",\s*"(error|warning|info)"', text))
        raised |= dict.fromkeys(re.findall(r'(?:problem|_left_out)\(\s*"([A-Z0-9_]+)"', text))
    assert len(raised) > 30
    for code, severity in raised.items():
        assert severity in (None, CODES[code].severity), code


def test_every_code_of_the_table_is_raised_somewhere():
    text = "".join(file.read_text(encoding="utf-8") for file in SOURCE.rglob("*.py") if file.name != "codes.py")
    assert [code for code in CODES if f'"{code}"' not in text] == []


def test_the_reference_page_has_one_row_for_each_code_and_says_what_the_table_says():
    rows = re.findall(
        r"^\| `([A-Z0-9_]+)` \| (\w+) \| (.+?) \| (.+?) \| (yes|no) \|$", REFERENCE.read_text("utf-8"), re.M
    )
    table = [(c, r.severity, r.meaning, r.remedy, "yes" if r.fixable else "no") for c, r in CODES.items()]
    assert rows == table


def test_codes_are_stable_names_and_remedies_are_one_line():
    for code, row in CODES.items():
        assert re.fullmatch(
            r"(TREE|FILE|NAME|IMG|MASK|PAIR|LIST|ANN|SET|CHANNELS|CLASS|LEAK|GROUP|VIDEO|DUPLICATE)_[A-Z0-9_]+", code
        )
        assert row.severity in SEVERITIES
        assert "\n" not in row.meaning + row.remedy


# --- bytes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_no_cut_of_a_whole_file_passes_as_whole(kind):
    data = corpus.encoded(corpus.picture(0), kind)
    assert sniff(data) == kind
    assert damage(data, kind) is None
    assert [end for end in range(16, len(data), 7) if damage(data[:end], kind) is None] == []


def test_every_flipped_byte_of_a_png_is_found():
    data = bytearray(corpus.encoded(corpus.labels(0), "PNG"))
    for place in range(8, len(data)):
        data[place] ^= 0x10
        assert damage(bytes(data), "PNG") is not None, place
        data[place] ^= 0x10


@pytest.mark.parametrize(
    "options", [{}, {"optimize": True}, {"progressive": True}, {"quality": 10}, {"subsampling": 0}]
)
def test_flat_jpegs_are_not_taken_for_damaged(options):
    flat = np.zeros((256, 256, 3), np.uint8)
    flat[:4] = corpus.picture(0, 4, 256)
    assert damage(corpus.encoded(flat, "JPEG", **options), "JPEG") is None


def test_trailing_bytes_after_a_jpeg_are_no_damage():
    assert damage(corpus.encoded(corpus.picture(0), "JPEG") + bytes(100), "JPEG") is None


# --- masks -----------------------------------------------------------------------------------------------------------


def test_soft_share_is_zero_for_hard_edges_and_large_for_resampled_ones():
    mask = corpus.labels(0)
    assert soft_share(mask) < 0.05
    assert soft_share(corpus.COLOURS[mask]) < 0.05
    assert soft_share(corpus.resampled(mask)) > 0.2


def test_soft_share_says_nothing_about_a_mask_with_hardly_an_edge():
    assert soft_share(np.zeros((20, 20), np.uint8)) == 0
    assert soft_share(np.zeros((1, 1), np.uint8)) == 0


@pytest.mark.parametrize("segments", [1, 2, 4])
def test_thin_classes_between_two_others_are_not_soft(segments):
    mask = np.zeros((64, 64), np.uint8)
    mask[:, 32:] = 7
    for number in range(segments):
        mask[4 + number * 15 : 14 + number * 15, 31] = 3  # poles one pixel wide, along most of the only border
    assert soft_share(mask) < SOFT_SHARE


# --- folders ---------------------------------------------------------------------------------------------------------


def test_a_folder_that_may_not_be_read_is_named(tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0)
    try:
        if os.access(folder, os.R_OK):
            pytest.skip("this user reads everything")
        assert [found.code for found in check_tree([tmp_path])[1]] == ["TREE_UNREADABLE"]
    finally:
        folder.chmod(0o700)


def test_a_file_that_vanishes_during_the_scan_is_named_and_the_rest_goes_on(tmp_path):
    index = open_index([corpus.good_set(tmp_path)])
    index.samples[2].image.unlink()
    index.samples[3].mask.unlink()
    assert [(p.code, p.path) for p in examine(index).errors] == [
        ("IMG_UNREADABLE", index.samples[2].image),
        ("IMG_UNREADABLE", index.samples[3].mask),
    ]


def test_a_set_without_one_readable_pair_is_an_error(tmp_path):
    root = corpus.good_set(tmp_path, 2)
    for path in (root / "masks").iterdir():
        path.write_bytes(b"")
    assert "SET_EMPTY" in {found.code for found in examine(open_index([root])).errors}


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes among files")
def test_a_pipe_in_place_of_an_image_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    found = []
    worker = threading.Thread(target=lambda: found.append(look(Sample("a", tmp_path / "a.png", None))), daemon=True)
    worker.start()
    worker.join(5)
    assert [p.code for p in found[0].problems] == ["IMG_UNREADABLE"]


# --- reports ---------------------------------------------------------------------------------------------------------


def test_names_that_are_not_text_survive_json_and_terminals():
    path = Path(os.fsdecode(b"caf\xe9\n.png"))
    assert printable(path) == "caf\\xe9\\n.png"
    json.dumps(printable(path)).encode()


def test_lines_show_at_most_five_files_of_a_code_and_sum_up(tmp_path):
    problems = tuple(problem("IMG_EMPTY", tmp_path / f"{i}.png", "the file has 0 bytes") for i in range(7))
    index = Index(tmp_path, "folders", (), problems)
    lines = examine(index, roots=[tmp_path]).lines()
    assert lines[0] == "error IMG_EMPTY (7): the file has 0 bytes"
    assert sum("the file has 0 bytes" in line for line in lines[1:]) == 5
    assert "    ... and 2 more" in lines
    assert lines[-1].startswith("8 errors in 0 images")


def test_progress_reaches_one_and_names_the_latest_error(tmp_path):
    root = corpus.good_set(tmp_path)
    corpus.image_file(root).write_bytes(b"")
    seen = []
    examine(open_index([root]), update=lambda share, text: seen.append((share, text)))
    assert [share for share, _ in seen] == sorted(share for share, _ in seen)
    assert seen[0][0] == 0
    assert seen[-1][0] == 1
    assert "IMG_EMPTY in img_3.png" in seen[-1][1]


def test_names_and_layout_names_reach_the_classes(tmp_path):
    diagnosis = examine(open_index([corpus.good_set(tmp_path)]), names=("sky", "road", "car"))
    assert diagnosis.classes.names == ("sky", "road", "car")


def test_two_findings_of_one_code_about_one_path_are_both_kept(tmp_path):
    index = open_index([corpus.good_set(tmp_path)])
    samples = tuple(dataclasses.replace(s, split="val" if i == 0 else "train") for i, s in enumerate(index.samples))
    corpus.save(samples[0].mask, np.zeros((corpus.HEIGHT, corpus.WIDTH), np.uint8))
    found = examine(dataclasses.replace(index, samples=samples)).problems
    assert [p.message for p in found if p.code == "CLASS_ABSENT_VAL"] == [
        "class class 1 (mask value 1) never occurs in val", "class class 2 (mask value 2) never occurs in val",
    ]  # fmt: skip


def test_masks_that_count_from_one_are_found_where_the_layout_fixes_the_names(tmp_path):
    root = corpus.good_set(tmp_path)
    corpus.in_every_mask(lambda mask: mask + 1)(root)
    index = open_index([root])
    named = Index(index.root, index.format, index.samples, names=("sky", "road", "car"))
    assert {found.code for found in examine(named).errors} == {"MASK_OFF_BY_ONE"}
    assert examine(index).errors == (), "without names, 1 2 3 are as good as 0 1 2"


# --- scale and real data ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_hundred_thousand_files_are_walked_in_ten_seconds(tmp_path):
    script = Path(__file__).parents[2] / "benchmarks" / "doctor_scan.py"
    result = subprocess.run([sys.executable, script, "--folder", tmp_path], capture_output=True, text=True, check=True)
    figures = json.loads(result.stdout)
    assert figures["files"] == 100_000
    assert figures["cpu_seconds"] <= 10  # the wall clock is the benchmark's business: here others share the machine
    assert figures["rss_mb"] <= 500


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("name", ["camvid", "nuclei", "retina", "cracks", "aerial"])
def test_real_sets_have_no_errors(name):
    if not SHARED.is_dir():
        pytest.skip("the real data is not beside the checkout")
    diagnosis = examine(open_index([SHARED / name]))
    assert diagnosis.errors == ()
    assert diagnosis.classes is not None
    expected = {"camvid": ["GROUP_ACROSS_SPLITS"], "aerial": ["MASK_RARE_VALUE"]}
    assert [found.code for found in diagnosis.warnings] == expected.get(name, [])
