"""Style networks as ONNX and in 8 bits: the picture of `segue style apply`, at any size, and what is said of it."""

import json
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import timm
import torch

from segue.cli import main
from segue.commands import style_export
from segue.commands.style_export import StyleExportResult
from segue.durable import sha256_of
from segue.errors import DataError, RunError
from segue.export.onnx_file import read_metadata
from segue.speed.apart import timed_apart
from segue.style.adain_network import AdainNetwork
from segue.style.attention_network import AttentionNetwork
from segue.style.autoencoder import Shape
from segue.style.edge_graph import EdgeGraph
from segue.style.edge_inputs import calibration
from segue.style.model_folder import load_style_info, save_style_model
from segue.style.picture import read_picture, write_picture
from segue.style.record import UsedStyle
from segue.style.text_network import TextNetwork
from tiny_painter import folder_of_photos, painter, predicting, textured
from tiny_style import picture

STYLES = (UsedStyle("wave", "wave.jpg", "CC0-1.0", "ab"), UsedStyle("night", "night.jpg"), UsedStyle("cry"))
SIZES = [(33, 47), (64, 64), (101, 35)]  # odd, square and upright
LEVEL = 1 / 255 + 1e-6


def export(*words):
    return main(["style", "export", *map(str, words)])


def export_apart(*words):
    """The same without the checks of types that tests run under, to which a size that is traced is no number."""
    return subprocess.run([sys.executable, "-m", "segue", "style", "export", *map(str, words)], check=False).returncode


def run_onnx(path, **feed):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(None, {name: np.asarray(one, np.float32) for name, one in feed.items()})[0])


def applied(folder, model, content, *words):
    """What `segue style apply` paints in float32."""
    write_picture(folder / "content.png", content)
    out = folder / "applied.png"
    command = ["style", "apply", str(folder / "content.png"), "--model", str(model), "--out", str(out)]
    assert main([*command, "--precision", "fp32", "--device", "cpu", "--no-watermark", *map(str, words)]) == 0
    return read_picture(out), read_picture(folder / "content.png")


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A network that knows three styles, its graph and its graph in 8 bits."""
    folder = tmp_path_factory.mktemp("learned")
    save_style_model(folder / "model", painter(), STYLES, {"steps": 7})
    words = (folder / "model", "--out", folder / "out.onnx", "--calibrate", folder_of_photos(folder, 6), "--runs", 0)
    assert export(*words, "--size", 64, "--free-strength", "--threads", 1) == 0
    return folder


@pytest.mark.parametrize("size", SIZES)
def test_the_graph_paints_what_apply_paints(learned, tmp_path, size):
    expected, content = applied(tmp_path, learned / "model", picture(3, *size), "--style", "night")
    found = run_onnx(learned / "out.onnx", picture=content, shares=[0, 2, 0], strength=1)
    assert found.shape == content.shape
    assert (found - expected).abs().max() <= LEVEL


def test_shares_and_strength_are_those_of_apply(learned, tmp_path):
    words = ("--style", "wave,cry", "--blend", "1,3", "--strength", "0.4")
    expected, content = applied(tmp_path, learned / "model", picture(3, 50, 39), *words)
    found = run_onnx(learned / "out.onnx", picture=content, shares=[1, 0, 3], strength=0.4)
    assert (found - expected).abs().max() <= LEVEL
    assert torch.equal(run_onnx(learned / "out.onnx", picture=content, shares=[1, 0, 3], strength=0), content)


def test_the_file_says_what_it_is(learned):
    told = {name: read_metadata(learned / name) for name in ("out.onnx", "out.int8.onnx")}
    info = load_style_info(learned / "model")
    for one in told.values():
        assert one["segue.model_sha256"] == info.sha256
        assert [style["licence"] for style in json.loads(one["segue.styles"])] == ["CC0-1.0", "", ""]
        assert [port["name"] for port in json.loads(one["segue.inputs"])] == ["picture", "shares", "strength"]
        assert json.loads(one["segue.trained"]) == {"steps": 7}
    assert told["out.onnx"]["segue.precision"] == "float32"
    assert "convolutions in 8 bits" in told["out.int8.onnx"]["segue.precision"]
    value = onnx.load(learned / "out.onnx").graph.input[0]
    sizes = [one.dim_param or one.dim_value for one in value.type.tensor_type.shape.dim]
    assert (value.name, sizes) == ("picture", [1, 3, "height", "width"])


def test_the_report_holds_what_is_in_the_files(learned):
    report = json.loads((learned / "out.json").read_text())
    assert {name: one["sha256"] for name, one in report["files"].items()} == {
        "ONNX fp32": sha256_of(learned / "out.onnx"), "ONNX INT8": sha256_of(learned / "out.int8.onnx")
    }  # fmt: skip
    assert report["fp32"]["largest_difference"] < 1e-4
    int8 = report["int8"]
    assert (int8["calibrated_on"], int8["held_out"], int8["lpips"]) == (4, True, None)
    assert int8["not_computed"] == "give its weights with --lpips-weights FILE"
    assert 15 < int8["lowest_psnr"] <= int8["psnr"]
    assert (int8["quantised"], int8["convolutions"]) == (6, 8), "two are transposed"
    assert report["speed"] == {}


def test_only_convolutions_are_in_eight_bits(learned):
    graph = onnx.load(learned / "out.int8.onnx").graph
    makers = {output: node.op_type for node in graph.node for output in node.output}
    weights = {one.name: one.data_type for one in graph.initializer}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert all(makers[name] == "DequantizeLinear" for node in convolutions for name in node.input[:2])
    eight = (onnx.TensorProto.INT8, onnx.TensorProto.UINT8)
    whole = {name for name, kind in weights.items() if kind in eight}
    whole |= {output for node in graph.node if node.op_type == "QuantizeLinear" for output in node.output}
    takers = {node.op_type for node in graph.node if whole & set(node.input)}
    assert takers <= {"QuantizeLinear", "DequantizeLinear"}, "everything else computes in float32"
    assert any(node.op_type in ("ReduceMean", "InstanceNormalization") for node in graph.node)


def test_eight_bits_differ_and_are_near(learned):
    feed = {"picture": picture(8, 64, 80), "shares": [1, 0, 0], "strength": 1}
    one, other = (run_onnx(learned / name, **feed) for name in ("out.onnx", "out.int8.onnx"))
    assert 0 < float((one - other).abs().mean()) < 0.1


def test_a_graph_that_paints_another_picture_is_not_written(tmp_path, monkeypatch, capsys):
    save_style_model(tmp_path / "model", painter(1), STYLES[:1])
    monkeypatch.setattr(style_export, "as_onnx", lambda *_: onnx.ModelProto())
    monkeypatch.setattr(style_export, "open_session", lambda *_: None)
    monkeypatch.setattr(style_export, "answer", lambda _, feed: np.zeros_like(feed["picture"]))
    assert export(tmp_path / "model", "--out", tmp_path / "out.onnx") == 1
    assert "expected the network's picture from ONNX, got one that is" in capsys.readouterr().err
    assert not list(tmp_path.glob("out.*"))


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message", "code"),
    [
        (("--out", "x.pt"), "out: expected a file ending in .onnx, got", 2),
        (("--style", "wav"), "did you mean wave", 2),
        (("--free-strength", "--strength", "0.5"), "expected --strength or --free-strength", 2),
        (("--blend", "1,2"), "expected --style beside them", 2),
        (("--style", "wave", "--blend", "1,2"), "expected a share for each of 1 styles, got 2", 2),
        (("--lpips-weights", "x.pth"), "expected --calibrate beside it", 2),
        (("--photos", "5"), "photos: expected --calibrate beside it", 2),
        (("--lpips-backbone", "x.pth"), "lpips_backbone: expected --lpips-weights beside it", 2),
        (("--out", 255 * "x" + ".onnx"), "out: expected a name that the system takes", 2),
        (("--calibrate", "{folder}/empty"), "expected a folder of photos to calibrate with, got none in it", 1),
    ],
)
def test_what_does_not_fit_is_one_line(tmp_path, capsys, words, message, code):
    save_style_model(tmp_path / "model", painter(), STYLES)
    (tmp_path / "empty").mkdir()
    words = [word.format(folder=tmp_path) for word in words]
    assert export(tmp_path / "model", "--out", tmp_path / "out.onnx", *words) == code
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not list(tmp_path.glob("out.*"))


def test_no_other_file_is_written_over_and_no_older_one_stays_beside(tmp_path, capsys):
    save_style_model(tmp_path / "model", painter(), STYLES)
    before = (tmp_path / "model" / "model.json").read_bytes()
    assert export(tmp_path / "model", "--out", tmp_path / "model" / "model.onnx") == 2
    assert "model.json is free, got a file of something else there" in capsys.readouterr().err
    assert (tmp_path / "model" / "model.json").read_bytes() == before
    (tmp_path / "out.int8.onnx").write_bytes(b"older")
    assert export(tmp_path / "model", "--out", tmp_path / "out.onnx") == 2
    assert "expected no 8 bits beside a graph without --calibrate" in capsys.readouterr().err


def test_the_process_that_is_timed_imports_nothing_from_where_it_is_started(tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit('the working folder was imported')")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match="KeyError"):
        timed_apart({}, {"picture": np.zeros(1, np.float32)})


def test_attention_without_a_style_is_refused(tmp_path, capsys):
    save_style_model(tmp_path / "model", AttentionNetwork(Shape(widths=(8, 12, 16))))
    assert export(tmp_path / "model", "--out", tmp_path / "out.onnx") == 2
    assert "style: expected a picture, since a network with attention" in capsys.readouterr().err


def test_photos_are_as_many_as_asked_for_spread_over_all_and_read_when_needed(tmp_path):
    graph = EdgeGraph(painter(1), None, 1.0)
    folder = folder_of_photos(tmp_path, 7)
    kept, held_out = calibration(folder, graph, 32, 6)
    assert [path.stem for path in kept.files] == ["0", "2", "4", "5"]
    assert [path.stem for path in held_out.files] == ["1", "6"]
    assert [feed["picture"].shape for feed in held_out] == [(1, 3, 32, 24), (1, 3, 32, 32)]
    (folder / "5.png").write_bytes(b"broken")
    with pytest.raises(DataError, match=r"5\.png"):
        calibration(folder, graph, 32, 6)


def test_a_dry_run_writes_nothing(tmp_path, capsys):
    save_style_model(tmp_path / "model", painter(), STYLES)
    assert export(tmp_path / "model", "--out", tmp_path / "out.onnx", "--dry-run") == 0
    assert "inputs picture, shares" in capsys.readouterr().out
    assert not list(tmp_path.glob("out.*"))


def test_a_missing_package_is_the_pip_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    assert export(tmp_path, "--out", tmp_path / "out.onnx") == 1
    assert 'pip install "segue[edge]"' in capsys.readouterr().err


def told(speeds):
    """What people read of a report with these medians."""
    speed = {name: {"p50_ms": ms, "p95_ms": ms + 1, "runs": 9, "peak_bytes": 10**8} for name, ms in speeds.items()}
    files = {name: {"bytes": 10**6} for name in speeds if name != "torch fp32"}
    machine = {"threads": 2, "processor": "a processor"}
    fp32 = {"largest_difference": 1e-6, "pictures": 2}
    report = {"fp32": fp32, "int8": None, "files": files, "speed": speed, "machine": machine, "timed_at": [256, 256]}
    return StyleExportResult((), ("wave",), ("picture",), report).lines()


def test_a_slower_form_is_called_slower():
    lines = told({"torch fp32": 30.0, "ONNX fp32": 20.0, "ONNX INT8": 40.0})
    assert lines[-2:] == [
        "ONNX fp32 is 1.50 times as fast as torch fp32",
        "ONNX INT8 is slower here, 2.00 times the time of ONNX fp32",
    ]


# --- other networks --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_any_style_is_an_input_and_every_form_is_timed(tmp_path):
    torch.manual_seed(0)
    save_style_model(tmp_path / "model", AdainNetwork(Shape(widths=(8, 12, 16), blocks=1)))
    write_picture(tmp_path / "style.png", textured(1, 64, 80))
    words = (tmp_path / "model", "--out", tmp_path / "out.onnx", "--calibrate", folder_of_photos(tmp_path, 1))
    assert export_apart(*words, "--size", 64, "--runs", 4, "--free-strength", "--threads", 1) == 0
    report = json.loads((tmp_path / "out.json").read_text())
    assert list(report["speed"]) == ["torch fp32", "ONNX fp32", "ONNX INT8"]
    for one in report["speed"].values():
        assert 0 < one["p50_ms"] <= one["p95_ms"]
        assert one["runs"] == 4
    peaks = [one["peak_bytes"] for one in report["speed"].values()]
    assert peaks[0] > 1.5 * max(peaks[1:]), "ONNX Runtime runs without torch"
    assert report["int8"]["held_out"] is False
    words = ("--style", tmp_path / "style.png", "--strength", "0.7")
    expected, content = applied(tmp_path, tmp_path / "model", picture(3, 45, 70), *words)
    style = read_picture(tmp_path / "style.png")
    style = torch.nn.functional.interpolate(style, (410, 512), mode="bicubic", antialias=True).clamp(0, 1)
    found = run_onnx(tmp_path / "out.onnx", picture=content, style=style, strength=0.7)
    assert (found - expected).abs().max() <= LEVEL


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sanet", "adaattn"])
def test_attention_with_its_style_fixed_paints_what_apply_paints(tmp_path, kind):
    torch.manual_seed(0)
    save_style_model(tmp_path / "model", AttentionNetwork(Shape(widths=(8, 12, 16)), kind))
    write_picture(tmp_path / "style.png", textured(1, 64, 80))
    words = ("--style", f"{tmp_path / 'style.png'},bank:mosaic", "--blend", "1,2", "--style-size", "64")
    assert export_apart(tmp_path / "model", "--out", tmp_path / "out.onnx", "--runs", 0, *words) == 0
    for size in SIZES:
        expected, content = applied(tmp_path, tmp_path / "model", picture(3, *size), *words)
        assert (run_onnx(tmp_path / "out.onnx", picture=content) - expected).abs().max() <= LEVEL


@pytest.mark.slow
def test_predicted_gains_and_offsets_take_a_picture(tmp_path):
    save_style_model(tmp_path / "model", predicting().eval())
    write_picture(tmp_path / "style.png", textured(1, 64, 80))
    words = ("--style-size", "80", "--strength", "0.7")
    assert export_apart(tmp_path / "model", "--out", tmp_path / "out.onnx", "--runs", 0, "--free-strength") == 0
    given = ("--style", tmp_path / "style.png", *words)
    for size in SIZES:
        expected, content = applied(tmp_path, tmp_path / "model", picture(3, *size), *given)
        style = read_picture(tmp_path / "style.png")
        found = run_onnx(tmp_path / "out.onnx", picture=content, style=style, strength=0.7)
        assert (found - expected).abs().max() <= LEVEL


@pytest.mark.slow
def test_a_network_that_follows_a_text_has_its_style_fixed(tmp_path):
    torch.manual_seed(0)
    save_style_model(tmp_path / "model", TextNetwork(Shape(widths=(8, 12, 16), blocks=1)), (UsedStyle("oil", "text"),))
    assert export_apart(tmp_path / "model", "--out", tmp_path / "out.onnx", "--runs", 2, "--size", 64) == 0
    for size in SIZES:
        expected, content = applied(tmp_path, tmp_path / "model", picture(3, *size))
        assert (run_onnx(tmp_path / "out.onnx", picture=content) - expected).abs().max() <= LEVEL


@pytest.mark.slow
def test_a_network_on_mobilenetv3_is_trained_exported_and_quantised(tmp_path):
    photos = folder_of_photos(tmp_path, 6)
    (tmp_path / "paintings").mkdir()
    for seed in range(2):
        write_picture(tmp_path / "paintings" / f"{seed}.png", textured(seed, 64, 80))
    torch.manual_seed(0)
    torch.save(timm.create_model("mobilenetv3_small_050").state_dict(), tmp_path / "encoder.pth")
    words = ["--method", "adain", "--encoder", "loss", "--network", "mobilenetv3_small_050", "--size", "32"]
    words += ["--weights", tmp_path / "encoder.pth", "--style-taps", "stride2,stride8"]
    words += ["--steps", "3", "--batch", "2", "--precision", "fp32", "--threads", "1", "--out", tmp_path / "run"]
    assert main(["style", "train", str(photos), str(tmp_path / "paintings"), *map(str, words)]) == 0
    style = tmp_path / "paintings" / "0.png"
    words = ("--out", tmp_path / "out.onnx", "--calibrate", photos, "--size", 64, "--runs", 0, "--style", style)
    assert export_apart(tmp_path / "run", *words) == 0
    for size in SIZES:
        expected, content = applied(tmp_path, tmp_path / "run", picture(3, *size), "--style", style)
        assert (run_onnx(tmp_path / "out.onnx", picture=content) - expected).abs().max() <= LEVEL
    report = json.loads((tmp_path / "out.json").read_text())
    assert report["int8"]["quantised"] == report["int8"]["convolutions"] > 10
    assert report["styles"][0]["sha256"] == sha256_of(style)
    told = json.loads(read_metadata(tmp_path / "out.onnx")["segue.trained"])
    assert told["loss_network"] == "mobilenetv3_small_050"
