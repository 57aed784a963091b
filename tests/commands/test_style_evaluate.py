"""`segue style evaluate` from the command line to the report."""

import csv
import json
import random

import numpy as np
import pytest
import torch
from PIL import Image

import segue
from segue import style_configs
from segue.cli import main
from segue.durable import sha256_of
from segue.infer.segmenter import Segmenter
from segue.style.adain_network import AdainNetwork
from segue.style.autoencoder import Shape
from segue.style.bank.catalogue import bank_style
from segue.style.evaluation import naming
from segue.style.evaluation.lpips import CHANNELS
from segue.style.evaluation.measures import BASELINES
from segue.style.loss_network import build_loss_network
from segue.style.model_folder import save_style_model
from segue.style.picture import eight_bits, read_picture, resized, write_picture
from segue.style.record import StyleRecord, UsedStyle, write_marked
from tiny_model import write_run
from tiny_painter import painter, predicting
from tiny_style import picture

CONTENTS, STYLES = ("harbour", "town"), ("monet", "munch")


def save_network(path, name, tap):
    """Random weights of a network as far as a tap, in torchvision's names."""
    network = build_loss_network(name, [tap])
    state = {f"features.{key.removeprefix('trunk.layers.')}": t for key, t in network.state_dict().items()}
    kept = {key: t for key, t in state.items() if key.endswith(("weight", "bias"))}
    for tensor in kept.values():
        torch.nn.init.normal_(tensor, 0, tensor[0].numel() ** -0.5 if tensor.ndim > 1 else 0.05)
    torch.save(kept, path)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Random weights of a VGG16 to relu3_3, a SqueezeNet, and LPIPS."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    save_network(folder / "vgg16.pth", "vgg16", "relu3_3")
    save_network(folder / "squeeze.pth", "squeezenet1_1", "fire9")
    heads = {f"lin{i}.model.1.weight": torch.rand(1, count, 1, 1) for i, count in enumerate(CHANNELS)}
    torch.save(heads, folder / "lpips.pth")
    return folder


@pytest.fixture
def folder(tmp_path):
    """Two photos of odd sizes, two paintings, and a folder of results: the mean of both pictures."""
    for name in ("photos", "paintings", "mine", "masks"):
        (tmp_path / name).mkdir()
    for seed, name in enumerate(CONTENTS):
        write_picture(tmp_path / "photos" / f"{name}.png", picture(seed, 67 + seed, 90))
        Image.fromarray(np.full((67 + seed, 90), 1, np.uint8)).save(tmp_path / "masks" / f"{name}.png")
    for seed, name in enumerate(STYLES):
        write_picture(tmp_path / "paintings" / f"{name}.jpg", picture(20 + seed, 80, 75 + seed))
    for content in CONTENTS:
        for style in STYLES:
            one, other = (tmp_path / "photos" / f"{content}.png", tmp_path / "paintings" / f"{style}.jpg")
            there = read_picture(one)
            mixed = torch.lerp(there, resized(read_picture(other), tuple(there.shape[2:])), 0.5)
            write_picture(tmp_path / "mine" / f"{content}--{style}.png", mixed)
    return tmp_path


def command(folder, weights, *words, results=("mine",), judges=True):
    given = ["style", "evaluate", str(folder / "photos"), str(folder / "paintings")]
    given += [str(folder / name) for name in results]
    sitting = [f"squeezenet1_1={weights / 'squeeze.pth'}", f"vgg16={weights / 'vgg16.pth'}"]
    return [*given, "--out", str(folder / "out"), "--size", "64", *(["--judges", *sitting] if judges else []), *words]


def judged(folder, weights, capsys, *words, **options):
    code = main([*command(folder, weights, *words, **options), "--json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    found = json.loads(captured.out)
    return found, {row["key"]: row for row in found["measures"]}


def test_results_are_judged_beside_the_baselines(folder, weights, capsys):
    found, rows = judged(
        folder,
        weights,
        capsys,
        "--lpips-weights",
        str(weights / "lpips.pth"),
        "--lpips-backbone",
        str(weights / "squeeze.pth"),
    )
    assert (found["pairs"], found["contents"], found["styles"], found["against"]) == (4, 2, 2, "identity")
    assert [one["name"] for one in found["methods"]] == ["identity", "style", "colour", "fda", "mine"]
    value = {key: {name: one["value"] for name, one in row["methods"].items()} for key, row in rows.items()}
    for key in ("content_vgg16", "content_squeezenet1_1", "lpips"):
        assert value[key]["identity"] == 0
        assert value[key]["mine"] > 0
    assert value["ssim"]["identity"] == pytest.approx(1)
    assert value["rank_vgg16"]["style"] == value["top1_vgg16"]["style"] == 1
    assert value["colours"]["style"] < 0.02
    assert value["colours"]["colour"] < value["colours"]["identity"]
    assert value["instability"]["identity"] == pytest.approx(1, abs=0.2), "but for rounding to 8 bits"
    assert set(value["seconds"]) == {"identity", "style", "colour", "fda"}, "what others painted was not timed here"
    assert rows["miou"]["not_computed"].startswith("give a run of segue fit")
    assert rows["kept"]["not_computed"].startswith("give masks")


def test_the_files_are_there_and_agree(folder, weights, capsys):
    found, rows = judged(folder, weights, capsys)
    out = folder / "out"
    assert json.loads((out / "evaluation.json").read_text())["measures"] == found["measures"]
    table = list(csv.DictReader((out / "pairs.csv").read_text().splitlines()))
    assert len(table) == 5 * 4
    mine = [float(row["ssim"]) for row in table if row["method"] == "mine"]
    assert np.median(mine) == pytest.approx(rows["ssim"]["methods"]["mine"]["value"], rel=1e-4)
    assert {row["lpips"] for row in table} == {""}
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "not computed: give its weights with --lpips-weights FILE" in page
    assert page.count("<img ") == 4 * (2 + 3), "content and style, colour, fda and mine"
    assert "http" not in page.replace("http-equiv", "")


def test_lines_say_it_in_a_table(folder, weights, capsys):
    assert main(command(folder, weights)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("4 pairs of 2 contents and 2 styles; medians")
    assert lines[1].split() == ["measure", "identity", "style", "colour", "fda", "mine"]
    assert any(line.startswith("content (vgg16) ↓") for line in lines)
    assert any(line.startswith("caution: 2 contents and 2 styles are too few") for line in lines)


def test_what_was_painted_can_be_judged_again_with_the_same_numbers(folder, weights, capsys):
    _, rows = judged(folder, weights, capsys, results=())
    _, later = judged(folder, weights, capsys, "--methods", "identity", results=("out/pictures/fda", "mine"))
    for key in ("content_vgg16", "gram_vgg16", "ssim", "edge_f1", "colours", "rank_squeezenet1_1"):
        assert rows[key]["methods"]["fda"]["value"] == later[key]["methods"]["fda"]["value"], key


def test_the_order_of_files_changes_no_number(folder, weights, capsys, monkeypatch):
    first, _ = judged(folder, weights, capsys, "--pairs", "3", "--seed", "4")
    whole = naming.pictures

    def shuffled(root, endings):
        listing = whole(root, endings)
        random.Random(1).shuffle(listing.files)
        return listing

    monkeypatch.setattr(naming, "pictures", shuffled)
    again, _ = judged(folder, weights, capsys, "--pairs", "3", "--seed", "4")
    assert again["pairs"] == 3
    for one in (first, again):
        one["measures"] = [row for row in one["measures"] if row["key"] != "seconds"]
        del one["seconds"]
    assert first == again


def test_gatys_is_painted_and_marked_where_its_own_network_judges(folder, weights, capsys):
    words = (
        "--methods",
        "identity,gatys",
        "--gatys-preset",
        "vgg16-relu3",
        "--gatys-weights",
        str(weights / "vgg16.pth"),
    )
    found, rows = judged(folder, weights, capsys, *words, "--gatys-steps", "12", "--pairs", "2", "--stability", "1")
    assert found["against"] == "gatys"
    assert rows["gram_vgg16"]["methods"]["gatys"]["own_judge"] is True
    assert rows["gram_squeezenet1_1"]["methods"]["gatys"]["own_judge"] is False
    assert rows["gram_vgg16"]["methods"]["identity"]["own_judge"] is False
    gram = {name: one["value"] for name, one in rows["gram_vgg16"]["methods"].items()}
    assert gram["gatys"] < gram["identity"]
    assert rows["instability"]["methods"]["gatys"]["count"] == 1
    painted = next((folder / "out" / "pictures" / "gatys").iterdir())
    record = segue.style_inspect(painted).found.record
    assert record.options["loss_network"] == "vgg16"
    assert main([*command(folder, weights, results=("out/pictures/gatys",)), "--methods", "identity"]) == 0
    assert "† judged by its own network" in capsys.readouterr().out, "the record remembers it"


def test_a_trained_network_is_a_curve_of_strengths(folder, weights, capsys):
    styles = [UsedStyle("renamed", "", "", sha256_of(folder / "paintings" / "munch.jpg")), UsedStyle("klee")]
    run = folder / "run"
    save_style_model(run / "model", painter(2), styles, {"loss_network": "vgg16"})
    words = ("--model", str(run), "--strengths", "1,0,0.5", "--methods", "identity", "--against", "identity")
    found, rows = judged(folder, weights, capsys, *words, "--stability", "1")
    assert [one["name"] for one in found["methods"]] == ["identity", "run@0", "run@0.5", "run@1", "mine"]
    assert (found["styles"], found["styles_to_choose_from"]) == (1, 2)
    assert found["pairs"] == 2, "it has learned one of the styles, whatever that is called there"
    content = [rows["content_squeezenet1_1"]["methods"][f"run@{one}"]["value"] for one in ("0", "0.5", "1")]
    assert content[0] == 0, "strength 0 is the content"
    assert content[0] < content[1] < content[2]
    assert rows["gram_vgg16"]["methods"]["run@1"]["own_judge"] is True
    assert rows["gram_vgg16"]["methods"]["mine"]["own_judge"] is False
    table = csv.DictReader((folder / "out" / "pairs.csv").read_text().splitlines())
    seconds = [float(row["seconds"]) for row in table if row["method"] == "run@1"]
    assert rows["seconds"]["methods"]["run@1"]["value"] == pytest.approx(np.median(seconds), rel=1e-4)
    assert len(seconds) == 2
    assert rows["instability"]["methods"]["run@0"]["value"] == pytest.approx(1, abs=0.1)
    page = (folder / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count("<polyline") >= 2, "a curve for each judge"


def test_a_network_of_other_styles_is_refused(folder, weights, capsys):
    save_style_model(folder / "run" / "model", painter(1), [UsedStyle("klee")], {})
    assert main([*command(folder, weights), "--model", str(folder / "run")]) == 1
    assert "expected a network that knows one of the styles, got one of klee" in capsys.readouterr().err
    assert main([*command(folder, weights), "--model", str(folder / "mine")]) == 1
    assert "expected a run or model folder of a style network" in capsys.readouterr().err


def test_a_record_names_the_network_that_must_not_judge(folder, weights, capsys):
    for path in sorted((folder / "mine").iterdir()):
        pixels = np.asarray(Image.open(path))
        record = StyleRecord("x", (UsedStyle("y"),), options={"network": "squeezenet1_1"})
        write_marked(pixels, path, record, watermark=False)
    words = ("--lpips-weights", str(weights / "lpips.pth"), "--lpips-backbone", str(weights / "squeeze.pth"))
    _, rows = judged(folder, weights, capsys, *words)
    own = {key for key, row in rows.items() for one in row["methods"].values() if one["own_judge"]}
    expected = {f"{name}_squeezenet1_1" for name in ("content", "moments", "gram", "texture", "rank", "top1")}
    assert own == {*expected, "lpips"}


def test_a_segmenter_is_asked_for_what_it_still_finds(folder, weights, capsys, tmp_path):
    run = write_run(tmp_path / "run")
    words = ("--segmenter", str(run), "--masks", str(folder / "masks"), "--keep-mask", str(folder / "masks"))
    _, rows = judged(folder, weights, capsys, *words)
    segmenter = Segmenter.load(run, "cpu")
    agreed, true = [], []
    for content in CONTENTS:
        for style in STYLES:
            size = (round((67 + CONTENTS.index(content)) * 64 / 90), 64)
            there, result = (
                eight_bits(resized(read_picture(folder / name), size))
                for name in (f"photos/{content}.png", f"mine/{content}--{style}.png")
            )
            wanted, found = segmenter.predict(there).mask, segmenter.predict(result).mask
            agreed.append(mean_iou(wanted, found))
            true.append(mean_iou(np.ones_like(found), found))
    assert rows["miou"]["methods"]["identity"]["value"] == 1
    assert rows["miou"]["methods"]["mine"]["value"] == pytest.approx(np.median(agreed), abs=1e-6)
    assert rows["miou_truth"]["methods"]["mine"]["value"] == pytest.approx(np.median(true), abs=1e-6)
    assert 0 < np.median(agreed) < 1, "what was blended in is seen"
    changes = []
    for path in (folder / "mine").iterdir():
        content = np.asarray(Image.open(folder / "photos" / f"{path.name.partition('--')[0]}.png")).astype(int)
        changes.append(np.abs(np.asarray(Image.open(path)) - content).max())
    assert rows["kept"]["methods"]["mine"]["value"] == max(changes) > 5, "nothing was kept"


def mean_iou(truth, found):
    """Over the classes that one of two masks has."""
    classes = np.union1d(truth, found)
    return np.mean(
        [((truth == one) & (found == one)).sum() / ((truth == one) | (found == one)).sum() for one in classes]
    )


def test_weights_that_the_hub_does_not_give_leave_a_reason_and_no_substitute(folder, weights, capsys, monkeypatch):
    from segue.errors import WeightsError

    def nobody(name, ways_out):
        raise WeightsError(f"cannot download {name}")

    monkeypatch.setattr("segue.style.loss_network.fetch_published", nobody)
    words = ["--judges", "vgg19", f"vgg16={weights / 'vgg16.pth'}", "--lpips-weights", str(weights / "lpips.pth")]
    _, rows = judged(folder, weights, capsys, *words, judges=False)
    assert {rows[f"{name}_vgg19"]["not_computed"] for name in ("content", "gram", "rank")} == {"cannot download vgg19"}
    assert rows["lpips"]["not_computed"] == "cannot download squeezenet1_1"
    assert rows["lpips"]["methods"] == rows["gram_vgg19"]["methods"] == {}
    assert rows["gram_vgg16"]["not_computed"] is None


def test_one_style_has_no_retrieval(folder, weights, capsys):
    words = command(folder, weights, "--json", "--stability", "0", results=())
    words[3] = str(folder / "paintings" / "monet.jpg")
    assert main(words) == 0
    rows = {row["key"]: row for row in json.loads(capsys.readouterr().out)["measures"]}
    assert rows["rank_vgg16"]["not_computed"] == rows["top1_vgg16"]["not_computed"] == "needs two styles or more, got 1"
    assert rows["instability"]["not_computed"] == "asked for on 0 pairs"
    assert rows["gram_vgg16"]["methods"]["style"]["value"] < 0.05


def test_an_interruption_leaves_what_was_painted(folder, weights, capsys, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("segue.commands.style_evaluate.summarised", lambda *_, **__: stopped())
    assert main(command(folder, weights, "--methods", "fda", "--stability", "0", results=())) == 130
    assert "what was painted is in pictures/ of the --out folder" in capsys.readouterr().err
    assert len(list((folder / "out" / "pictures" / "fda").iterdir())) == 4


def test_every_picture_of_a_network_for_any_style_looks_at_its_style(folder, weights, capsys, monkeypatch):
    """Else the first strength alone would be timed with it."""
    looked = []
    prepared = AdainNetwork.prepared
    monkeypatch.setattr(AdainNetwork, "prepared", lambda *words: looked.append(1) or prepared(*words))
    save_style_model(folder / "any" / "model", AdainNetwork(Shape(widths=(8, 8), taps=("stride4",))).eval(), (), {})
    words = ("--model", str(folder / "any"), "--strengths", "0.5,1", "--methods", "identity", "--stability", "0")
    judged(folder, weights, capsys, *words)
    assert len(looked) == 2 * 4, "two strengths of four pairs"


def test_pictures_of_an_earlier_run_into_the_same_folder_do_not_stay(folder, weights, capsys):
    words = ("--methods", "fda,colour", "--stability", "0")
    judged(folder, weights, capsys, *words, results=())
    painted = folder / "out" / "pictures"
    mine = painted / "fda" / "harbour--mine.png"
    Image.fromarray(np.zeros((40, 50, 3), np.uint8)).save(mine)
    (painted / "fda" / "a--b.png").write_bytes(b"no picture")
    before = {path.name for path in (painted / "fda").iterdir()}
    judged(folder, weights, capsys, "--methods", "fda", "--stability", "0", "--pairs", "1", "--size", "80", results=())
    left = sorted(path.name for path in (painted / "fda").iterdir())
    assert len(before) == 6
    assert len(left) == 3
    assert {mine.name, "a--b.png"} < set(left), "what was not painted here is not ours to remove"
    (new,) = set(left) - {mine.name, "a--b.png"}
    assert max(read_picture(painted / "fda" / new).shape[2:]) == 80
    assert len(list((painted / "colour").iterdir())) == 4, "a method that was not asked for is as it was"


def test_the_encoder_of_a_network_is_told_from_a_judge(folder, weights, capsys):
    """What looks at styles while painting saw the exam, too."""
    trained = {"loss_network": "vgg19", "predictor": "squeezenet1_1@2", "predictor_weights": {"sha256": "ab"}}
    save_style_model(folder / "run" / "model", predicting().eval(), (), trained)
    words = ("--model", str(folder / "run"), "--strengths", "1", "--pairs", "2", "--stability", "0")
    found, _ = judged(folder, weights, capsys, *words)
    assert found["painted_here"]["run@1"]["parts"] == "squeezenet1_1, ab"
    told = next(one for one in found["methods"] if one["name"] == "run@1")
    assert told["own_judges"] == ["squeezenet1_1"]


def test_an_out_below_what_is_read_is_refused(folder, weights, capsys):
    for place in ("photos", "paintings", "mine"):
        assert main(["style", "evaluate", str(folder / "photos"), str(folder / "paintings"), str(folder / "mine"),
                     "--out", str(folder / place / "sub"), "--dry-run"]) == 2  # fmt: skip
        assert "out: expected a folder of its own" in capsys.readouterr().err


def test_the_evaluation_names_all_that_it_rests_on(folder, weights, capsys, tmp_path):
    run = write_run(tmp_path / "street")
    styles = [UsedStyle("munch"), UsedStyle("monet")]
    save_style_model(folder / "run" / "model", painter(2), styles, {"loss_network": "vgg19"})
    words = ["--lpips-weights", str(weights / "lpips.pth"), "--lpips-backbone", str(weights / "squeeze.pth")]
    words += ["--segmenter", str(run), "--masks", str(folder / "masks"), "--model", str(folder / "run")]
    found, _ = judged(folder, weights, capsys, *words, "--strengths", "1", "--pairs", "3", "--stability", "0")
    squeeze, lpips = sha256_of(weights / "squeeze.pth"), sha256_of(weights / "lpips.pth")
    assert [judge["sha256"] for judge in found["judges"]] == [squeeze, sha256_of(weights / "vgg16.pth")]
    assert (found["lpips"]["network"], found["lpips"]["sha256"]) == ("squeezenet1_1", squeeze)
    assert (found["lpips"]["channel_weights"], found["lpips"]["channel_weights_sha256"]) == ("lpips.pth", lpips)
    assert found["segmenter"] == {"run": str(run), "sha256": [sha256_of(run / "model" / "model.safetensors")]}
    assert found["painted_here"]["run@1"]["sha256"] == sha256_of(folder / "run" / "model" / "model.safetensors")
    assert found["painted_here"]["run@1"]["made_with"] == "vgg19"
    assert set(found["painted_here"]["identity"]) == {"about"}
    hashes = found["sha256"]
    assert hashes["contents"] == {name: sha256_of(folder / "photos" / f"{name}.png") for name in CONTENTS}
    assert hashes["styles"] == {name: sha256_of(folder / "paintings" / f"{name}.jpg") for name in STYLES}
    assert hashes["masks"] == {name: sha256_of(folder / "masks" / f"{name}.png") for name in CONTENTS}
    assert len(hashes["results"]["mine"]) == 3
    for name, sha256 in hashes["results"]["mine"].items():
        assert sha256 == sha256_of(folder / "mine" / f"{name}.png")
    assert json.loads((folder / "out" / "evaluation.json").read_text())["sha256"] == hashes
    page = (folder / "out" / "report.html").read_text(encoding="utf-8")
    assert "lpips.pth on squeezenet1_1" in page
    assert str(run) in page


def test_styles_may_be_those_of_the_bank(folder, weights, capsys):
    words = command(folder, weights, "--methods", "colour,style", "--stability", "0", "--json", results=())
    words[3] = "bank:woodcut,batik"
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["pairs"], found["styles"], list(found["sha256"]["styles"])) == (4, 2, ["batik", "woodcut"])
    rows = {row["key"]: row for row in found["measures"]}
    assert rows["top1_vgg16"]["methods"]["style"]["value"] == 1
    record = segue.style_inspect(folder / "out" / "pictures" / "colour" / "town--batik.png").found.record
    assert record.styles[0].source == bank_style("batik").source
    assert record.styles[0].sha256 == found["sha256"]["styles"]["batik"]
    # a picture painted elsewhere in a style of the bank is known by its record, whatever it is called
    (folder / "named").mkdir()
    (folder / "out" / "pictures" / "colour" / "town--batik.png").rename(folder / "named" / "anything.png")
    words[4:4] = [str(folder / "named")]
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["pairs"] == 1
    for styles, code, message in (
        ("bank:batik,batik", 1, "expected each style once, got batik again"),
        ("bank:batick", 2, "unknown style of the bank 'batick': did you mean batik?"),
    ):
        assert main([*words[:3], styles, *words[5:]]) == code
        assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("damage", "words", "message"),
    [
        (lambda root: (root / "mine" / "town--munch.png").write_bytes(b"no picture"), (), "town--munch.png"),
        (
            lambda root: write_picture(root / "mine" / "town--munch.png", picture(0, 40, 90)),
            (),
            "town--munch.png: expected sides in the ratio of its content",
        ),
        (lambda root: (root / "photos" / "town.png").write_bytes(b"no picture"), (), "town.png"),
        (lambda root: write_picture(root / "photos" / "town.png", picture(1, 16, 90)), (), "at this size"),
        (lambda root: None, ("--judges", "vgg16={}/none.pth"), "none.pth: expected a weights file"),
        (lambda root: None, ("--judges", "vgg16={}/lpips.pth"), "expected the weights of vgg16"),
        (lambda root: None, ("--lpips-weights", "{}/vgg16.pth"), "expected LPIPS weights for SqueezeNet"),
        (lambda root: None, ("--segmenter", "{}"), "expected a run"),
        (lambda root: None, ("--methods", "gatys", "--gatys-weights", "{}/lpips.pth"), "expected the weights of vgg19"),
    ],
    ids=["picture", "ratio", "content", "narrow", "judge", "other judge", "lpips", "segmenter", "gatys"],
)
def test_a_dry_run_finds_what_the_run_would_stumble_over(folder, weights, capsys, damage, words, message):
    damage(folder)
    given = [word.format(weights) for word in words]
    assert main([*command(folder, weights, *given, judges="--judges" not in words), "--dry-run"]) in (1, 2)
    assert message in capsys.readouterr().err
    assert not (folder / "out").exists()


def test_a_dry_run_fetches_nothing_and_says_so(folder, weights, capsys, monkeypatch):
    monkeypatch.setattr("segue.style.loss_network._file", lambda name, w: pytest.fail("asked for") if w == "hub" else w)
    words = ["--lpips-weights", str(weights / "lpips.pth"), "--methods", "identity,gatys", "--judges", "resnet18"]
    assert main([*command(folder, weights, *words, judges=False), "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:4] == [
        "not looked at: weights of resnet18, from the hub",
        "not looked at: the network below LPIPS, from the hub",
        "not looked at: the network of gatys, from the hub",
    ]


def test_a_dry_run_writes_nothing(folder, weights, capsys):
    assert main([*command(folder, weights), "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith(
        "4 pairs of content and style, judged for identity, style, colour, fda, mine"
    )
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--against", "theirs"), 2, "against: expected one of identity, style, colour, fda, mine, got 'theirs'"),
        (("--methods", "identity,gaty"), 2, "methods: expected one of identity, style, colour, fda, gatys, got 'gaty'"),
        (("--judges", "vgg16", "vgg16=x.pth"), 2, "judges: expected each network once, got vgg16 again"),
        (("--judges", "vgg61"), 2, "vgg61"),
        (("--judges", "vgg16={}/none.pth"), 1, "none.pth: expected a weights file, got nothing there"),
        (("--lpips-weights", "{}/photos/town.png"), 1, "expected a file ending in one of .safetensors"),
        (("--masks", "{}/masks"), 2, "masks: expected --segmenter beside it"),
        (("--keep-mask", "{}/paintings"), 1, "expected a mask named as each content, got none for harbour, town"),
        (("--segmenter", "{}/mine"), 1, "mine"),
        (("--out", "{}/mine"), 2, "out: expected a folder of its own, got"),
        (("--size", "9"), 2, "size: expected 64 to 2048, got 9"),
        (("--device", "mps"), 2, "device: expected one that this machine has"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_mistakes_are_one_line(folder, weights, capsys, words, code, message):
    given = [word.format(folder) for word in words]
    assert main(command(folder, weights, *given, judges="--judges" not in words)) == code
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (folder / "out").exists()


def test_folders_that_cannot_be_told_apart_or_read_are_one_line(folder, weights, capsys):
    write_picture(folder / "mine" / "ship--monet.png", picture(0))
    assert main(command(folder, weights)) == 1
    assert "got 1 of 5 others (ship--monet.png fits no content and style)" in capsys.readouterr().err
    (folder / "mine" / "ship--monet.png").unlink()
    assert main(command(folder, weights, results=("mine", "mine"))) == 2
    assert "got two called mine" in capsys.readouterr().err
    write_picture(folder / "photos" / "town.png", picture(1, 16, 90))
    assert main(command(folder, weights, results=())) == 1
    assert "got 11 x 64 at this size" in capsys.readouterr().err
    assert main(["style", "evaluate", str(folder / "photos")]) == 2
    assert "expected contents and styles, got fewer" in capsys.readouterr().err


def test_the_python_mirror_is_the_verb(folder, weights):
    judges = (f"vgg16={weights / 'vgg16.pth'}",)
    options = {"judges": judges, "size": 64, "pairs": 1, "methods": ("identity",)}
    result = segue.style_evaluate(
        folder / "photos", folder / "paintings", folder / "mine", out=folder / "out", **options
    )
    assert result.summary.line("content_vgg16").cells[0].middle.value == 0
    assert (result.out / "report.html").is_file()


def test_every_baseline_is_a_choice():
    assert style_configs.BASELINES == BASELINES


@pytest.mark.shared
@pytest.mark.slow
def test_real_judges_put_the_baselines_into_their_order(shared, tmp_path, capsys):
    data, backbones = shared / "data" / "style", shared / "weights" / "backbones"
    squeezenet = backbones / "squeezenet1_1_imagenet_torchvision.pth"
    words = ["style", "evaluate", str(data / "content"), str(data / "paintings"), "--out", str(tmp_path / "out")]
    words += ["--methods", "identity,colour,gatys", "--gatys-preset", "vgg16-relu3", "--gatys-steps", "60"]
    words += ["--gatys-weights", str(backbones / "vgg16_features0-14_torchvision_imagenetnorm.pth")]
    words += ["--judges", f"squeezenet1_1={squeezenet}", f"resnet18={backbones / 'resnet18_to_layer3_imagenet.pth'}"]
    words += ["--lpips-weights", str(shared / "weights" / "metrics" / "lpips_v0.1_squeeze_lin.pth")]
    words += ["--lpips-backbone", str(squeezenet), "--size", "96", "--pairs", "6", "--stability", "0", "--json"]
    assert main(words) == 0
    rows = {row["key"]: row for row in json.loads(capsys.readouterr().out)["measures"]}
    for name in ("content", "moments", "gram", "texture"):
        for judge in ("squeezenet1_1", "resnet18"):
            assert rows[f"{name}_{judge}"]["ranks_baselines"] is True, (name, judge)
    assert rows["lpips"]["ranks_baselines"] is True
    assert rows["ssim"]["ranks_baselines"] is True
