import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from segue.cli import main
from segue.commands import list as listing
from segue.commands.columns import in_columns
from segue.commands.list import NETWORKS, Listing, run
from segue.configs import LIST_KINDS, OPTIMIZERS, SCHEDULES, TRANSFER_MODES, ListConfig
from segue.errors import UsageError
from segue.models import measure
from segue.models.figures import EncoderFigures
from segue.presets import PRESETS

OTHERS = [kind for kind in LIST_KINDS if kind not in NETWORKS]


def names(**options):
    return [row["name"] for row in run(ListConfig(**options)).rows]


@pytest.mark.parametrize("kind", LIST_KINDS)
def test_every_row_of_every_kind_has_a_name_of_its_own_and_a_sentence(kind):
    rows = run(ListConfig(kind=kind)).to_json()
    assert len({row["name"] for row in rows}) == len(rows) >= 3
    assert all(10 < len(row["about"]) < 300 and "\n" not in row["about"] for row in rows)
    assert json.loads(json.dumps(rows)) == rows


@pytest.mark.parametrize(
    ("kind", "choices"), [("transfer", TRANSFER_MODES), ("optimizers", OPTIMIZERS), ("schedules", SCHEDULES)]
)
def test_what_is_listed_is_what_the_option_takes_and_the_default_is_marked(kind, choices):
    rows = run(ListConfig(kind=kind)).rows
    assert tuple(row["name"] for row in rows) == choices
    assert sum(row["about"].endswith("(default)") for row in rows) == 1


def test_the_presets_are_those_of_the_option():
    assert names(kind="presets") == list(PRESETS)


def test_rows_that_share_a_module_have_sentences_of_their_own():
    rows = {row["name"]: row["about"] for row in run(ListConfig(kind="decoders")).rows}
    assert len({rows["fcn32s"], rows["fcn16s"], rows["fcn8s"]}) == 3


def test_the_canon_is_listed_with_all_that_is_known():
    rows = {row["name"]: row for row in run(ListConfig(kind="encoders")).rows}
    assert {"vgg19_bn", "inception_v4", "xception65", "efficientnet_b4", "samvit_base_patch16", "mit_b5"} <= set(rows)
    row = rows["resnet18"]
    assert (row["parameters"], row["strides"], row["size"]) == (11176512, [2, 4, 8, 16, 32], [256, 256])
    assert row["licence"] == next(iter(row["sources"].values())) == "apache-2.0"
    assert row["sources"]["fb_swsl_ig1b_ft_in1k"] == "cc-by-nc-4.0"
    assert row["ms"] > 0
    assert row["measured_on"]


def test_commercial_leaves_out_what_fit_would_refuse():
    left_out = set(names(kind="encoders")) - set(names(kind="encoders", commercial=True))
    assert {"mit_b0", "vit_base_patch16_224.mae", "vit_small_patch16_dinov3"} <= left_out
    assert {"resnet18", "double_conv"} & left_out == set()
    assert names(kind="decoders", commercial=True) == names(kind="decoders")


@pytest.mark.parametrize("kind", ["decoders", "losses"])
def test_the_filter_minds_no_case(kind):
    known = [row["name"] for row in run(ListConfig(kind=kind)).rows]
    for text in ("Unet", "DICE"):
        found = [row["name"] for row in run(ListConfig(kind=kind, filter=text)).rows]
        assert found == [name for name in known if text.lower() in name]


def test_limits_keep_what_is_within_them():
    rows = {row["name"]: row for row in run(ListConfig(kind="encoders")).rows}
    few = names(kind="encoders", max_ms=50, max_params=5)
    assert few == [n for n, row in rows.items() if row["ms"] <= 50 and row["parameters"] <= 5e6]
    assert "mobilenetv2_100" in few
    assert names(kind="decoders", max_params=0.001) == []


@pytest.mark.parametrize("kind", OTHERS)
def test_options_for_networks_are_refused_elsewhere(kind):
    with pytest.raises(UsageError, match=f"--max-ms: expected with encoders or decoders, got {kind}"):
        run(ListConfig(kind=kind, max_ms=5))


def test_a_list_without_a_kind_names_the_kinds():
    with pytest.raises(UsageError, match=r"segue list encoders, decoders, .* schedules or styles"):
        run(ListConfig())


def test_every_table_of_names_can_be_listed():
    source = Path(listing.__file__).parents[1]
    tables = {name for path in source.rglob("*.py") for name in re.findall(r"^(\w+) = Table\(", path.read_text(), re.M)}
    pages = Path(listing.__file__).read_text() + (source / "models" / "catalogue.py").read_text()
    # trunks and twins are encoders, and the methods of style train stand in its help
    assert {name for name in tables if name not in pages} == {"TRUNKS", "TWINS", "METHODS"}
    assert len(tables) >= 7


@pytest.mark.parametrize(
    "arguments",
    [["list", "encoders", "--commercial", "--max-ms", "50"], ["list", "decoders"], ["list", "presets"]],
)
def test_lists_that_need_no_torch_do_not_import_it(arguments):
    code = f"import sys; from segue.cli import main; main({arguments}); sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_people_get_columns_and_an_explanation(capsys):
    assert main(["list", "encoders", "--commercial", "--max-ms", "50"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["name", "M", "strides", "ms", "licence", "when", "to", "choose", "it"]
    row = next(line for line in lines if line.startswith("mobilenetv2_100 "))
    assert row.split()[1:3] == ["1.8", "2-32"]
    assert "apache-2.0" in row
    assert "--all shows the names" in lines[-1]
    assert main(["list", "losses", "--filter", "no such loss"]) == 0
    assert capsys.readouterr().out == "nothing matches\n"


def test_strides_and_counts_are_short():
    rows = [
        {"name": "a", "strides": [4, 8, 16, 32], "parameters": 1_810_000, "ms": 26.13},
        {"name": "b", "strides": [16] * 4, "parameters": 930_000, "ms": 9.04},
        {"name": "c", "strides": [8, 8, 64]},
        {"name": "d"},
    ]
    cells = [line.split("  ") for line in in_columns(rows, listing.COLUMNS["encoders"])]
    assert [[cell.strip() for cell in line if cell.strip()] for line in cells[1:]] == [
        ["a", "1.8", "4-32", "26"],
        ["b", "0.93", "16 x 4", "9.0"],
        ["c", "–", "8 8 64", "–"],
        ["d", "–", "–", "–"],
    ]


# --- measuring on the user's machine ---------------------------------------------------------------------------------


def fake_measure(monkeypatch, seconds_each):
    """A measurement that takes `seconds_each` of a clock of its own and gives 7 ms."""
    now = [0.0]
    monkeypatch.setattr("segue.commands.list.time.perf_counter", lambda: now[0])

    def measured(name):
        now[0] += seconds_each
        if name == "vgg19":
            raise UsageError("encoder vgg19 gives no feature maps")
        return EncoderFigures(1_000_000, (4, 8), (256, 256), 7.0, {}, "apache-2.0")

    monkeypatch.setattr(measure, "measure_encoder", measured)


def test_measuring_replaces_the_shipped_times_and_filters_by_the_new_ones(monkeypatch):
    fake_measure(monkeypatch, seconds_each=1)
    result = run(ListConfig(kind="encoders", filter="vgg", measure=True, max_ms=10))
    assert [row["name"] for row in result.rows] == ["vgg16", "vgg16_bn", "vgg19_bn"]
    assert {(row["ms"], row["measured_on"]) for row in result.rows} == {(7.0, "this machine")}
    assert "on this machine" in result.notes[0]
    assert result.notes[1].startswith("1 were not measured")


def test_measuring_stops_when_the_time_is_up_and_shows_no_other_machine_s_times(monkeypatch):
    fake_measure(monkeypatch, seconds_each=40)
    rows = run(ListConfig(kind="encoders", measure=True, seconds=60)).rows
    assert [row["name"] for row in rows if "ms" in row] == ["vgg16", "vgg16_bn"]
    assert len(rows) == len(names(kind="encoders"))


def test_measuring_really_measures():
    result = run(ListConfig(kind="encoders", filter="mobilenetv3_small", measure=True))
    assert 0 < result.rows[0]["ms"] < 10_000
    assert isinstance(result, Listing)
