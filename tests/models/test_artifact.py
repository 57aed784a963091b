import dataclasses
import hashlib
import json

import pytest
import safetensors.torch
import torch

from segue.data.merging import merge_classes
from segue.errors import RunError, WeightsError
from segue.models.artifact import JSON_NAME, WEIGHTS_NAME, load_info, load_model, save_model, save_temperature
from tiny_model import tiny_info, tiny_model, write_run


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "run")


def edit_json(run, change):
    path = run / "model" / JSON_NAME
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def replace_weights(run, content):
    """New bytes with a matching record: only the checks behind the checksum are left."""
    (run / "model" / WEIGHTS_NAME).write_bytes(content)
    record = {"file": WEIGHTS_NAME, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    edit_json(run, lambda content: content.update(weights=record))


def test_what_is_saved_is_what_is_loaded(run):
    info = tiny_info()
    model, loaded = load_model(run)
    assert loaded == info
    saved = tiny_model(info).state_dict()
    assert model.state_dict().keys() == saved.keys()
    assert all(torch.equal(tensor, saved[name]) for name, tensor in model.state_dict().items())
    assert not model.training


def test_the_model_folder_is_enough_on_its_own(run):
    assert load_model(run / "model")[1] == load_info(run)


def test_colour_coded_classes_survive(tmp_path):
    info = tiny_info()
    classes = dataclasses.replace(info.classes, values=info.classes.palette, ignored=((155, 155, 155),))
    info = dataclasses.replace(info, classes=classes)
    save_model(tmp_path, tiny_model(info), info)
    assert load_info(tmp_path).classes == classes


def test_merged_classes_survive(tmp_path):
    classes = merge_classes(tiny_info().classes, {"thing": ("disc", "box"), "ignore": ("stripe",)})
    info = dataclasses.replace(tiny_info(len(classes)), classes=classes)
    save_model(tmp_path, tiny_model(info), info)
    assert classes.merged
    assert load_info(tmp_path).classes == classes


def test_the_same_model_gives_the_same_bytes(tmp_path):
    files = [write_run(tmp_path / name) / "model" for name in ("a", "b")]
    for name in (WEIGHTS_NAME, JSON_NAME):
        assert (files[0] / name).read_bytes() == (files[1] / name).read_bytes()


def test_the_folder_holds_safetensors_json_and_nothing_else(run):
    assert sorted(path.name for path in (run / "model").iterdir()) == [JSON_NAME, WEIGHTS_NAME]
    content = json.loads((run / "model" / JSON_NAME).read_text())
    assert content["source"]["licence"] == "CC0-1.0"
    assert content["classes"][1] == {"name": "disc", "colour": [200, 40, 40], "value": 1}


def test_loading_leaves_the_random_numbers_of_the_caller_alone(run):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    load_model(run)
    assert torch.equal(torch.rand(3), expected)


def test_a_score_that_is_not_a_number_is_left_out(tmp_path):
    info = dataclasses.replace(tiny_info(), scores={"miou": float("nan"), "dice": 0.25})
    save_model(tmp_path, tiny_model(info), info)
    assert load_info(tmp_path).scores == {"dice": 0.25}


def test_a_model_of_before_there_were_temperatures_has_none(run):
    assert "calibration" not in json.loads((run / "model" / JSON_NAME).read_text())
    assert load_info(run).temperature is None


def test_a_temperature_is_written_and_nothing_else_changes(run):
    before = json.loads((run / "model" / JSON_NAME).read_text())
    info = load_info(run)
    assert save_temperature(run, 1.37) == dataclasses.replace(info, temperature=1.37)
    assert load_model(run)[1] == dataclasses.replace(info, temperature=1.37)
    calibration = {"method": "temperature", "temperature": 1.37}
    assert json.loads((run / "model" / JSON_NAME).read_text()) == before | {"calibration": calibration}


@pytest.mark.parametrize(
    "wrong",
    [1.5, {}, {"method": "splines", "temperature": 1}, {"method": "temperature"}]
    + [{"method": "temperature", "temperature": value} for value in (0, -1, float("nan"), float("inf"), "hot", None)],
)
def test_a_calibration_that_is_none_is_refused(run, wrong):
    edit_json(run, lambda content: content.update(calibration=wrong))
    with pytest.raises(RunError, match=r"model\.json: "):
        load_info(run)


def test_weights_that_are_not_finite_are_never_saved(tmp_path):
    model = tiny_model(tiny_info())
    with torch.no_grad():
        model.head.weight[0, 0] = float("nan")
    with pytest.raises(WeightsError, match=r"head\.weight"):
        save_model(tmp_path / "model", model, tiny_info())
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir(), lambda path: path.write_text("x")])
def test_a_place_without_a_model_is_named(tmp_path, make):
    make(tmp_path / "nothing")
    with pytest.raises(RunError, match=r"nothing: expected a run or model folder"):
        load_model(tmp_path / "nothing")


def test_missing_weights(run):
    (run / "model" / WEIGHTS_NAME).unlink()
    with pytest.raises(WeightsError, match="cannot read"):
        load_model(run)


@pytest.mark.parametrize("keep", [0, 7, 100, -1])
def test_truncated_weights(run, keep):
    path = run / "model" / WEIGHTS_NAME
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WeightsError, match="bytes"):
        load_model(run)


def test_one_flipped_bit(run):
    path = run / "model" / WEIGHTS_NAME
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="SHA-256"):
        load_model(run)


def changed(**tensors):
    state = {name: tensor.clone() for name, tensor in tiny_model(tiny_info()).state_dict().items()}
    for name, tensor in tensors.items():
        name = name.replace("__", ".")
        if tensor is None:
            del state[name]
        else:
            state[name] = tensor
    return safetensors.torch.save(state)


def repeated_key():
    good = changed()
    length = int.from_bytes(good[:8], "little")
    header = good[8 : 8 + length].rstrip()
    first = header[1 : header.index(b"}") + 1]
    header = b"{" + first + b"," + header[1:]
    return len(header).to_bytes(8, "little") + header + good[8 + length :]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (lambda: b"", "damaged"),
        (lambda: b"not a safetensors file at all", "damaged"),
        (lambda: (2**60).to_bytes(8, "little") + b"{}", "damaged"),
        (lambda: changed()[:-10], "damaged"),
        (repeated_key, "damaged.*twice"),
        (lambda: changed(head__bias=torch.full((4,), float("nan"))), "NaN or infinity in head.bias"),
        (lambda: changed(head__bias=torch.full((4,), float("inf"))), "NaN or infinity in head.bias"),
        (lambda: changed(head__bias=None), "expected the weight head.bias, got none"),
        (lambda: changed(stranger=torch.zeros(1)), "got the weight stranger"),
        (lambda: changed(head__bias=torch.zeros(5)), "head.bias: expected shape"),
        (lambda: changed(head__bias=torch.zeros(4, dtype=torch.float64)), "head.bias: expected shape"),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(run, content, text):
    replace_weights(run, content())
    with pytest.raises(WeightsError, match=text):
        load_model(run)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda c: c.update(format=99), "expected model format 1 or 2, got 99"),
        (lambda c: c.pop("format"), "expected model format 1 or 2, got None"),
        (lambda c: c.pop("classes"), "expected the entry 'classes'"),
        (lambda c: c["spec"].pop("encoder"), "expected the entry 'spec.encoder'"),
        (lambda c: c["spec"].update(encoder="os.system"), "not a valid model"),
        (lambda c: c["spec"].update(decoder="nothing"), "unknown decoder"),
        (lambda c: c["spec"].update(classes=9), "expected 9 classes"),
        (lambda c: c["spec"].update(in_channels=7), "expected 7 channels"),
        (lambda c: c["spec"].update(stranger=1), "unknown option spec.stranger"),
        (lambda c: c.update(spec=[]), "not a valid model"),
        (lambda c: c.update(classes=[]), "expected 1 to 255 names"),
        (lambda c: c["classes"][0].update(name=3), "names"),
        (lambda c: c["classes"][0].update(colour=[0, 0, 300]), "three numbers"),
        (lambda c: c["classes"][0].update(value=-1), "0 to 65535"),
        (lambda c: c["classes"][0].update(value=1), "values that differ"),
        (lambda c: c["classes"][0].update(value=[1, 2, 3]), "values that differ"),
        (lambda c: c.update(merged=[{"name": "a", "value": 9, "id": 77}]), "the id of a class"),
        (lambda c: c.update(merged=[{"name": "a", "value": 1, "id": 0}]), "one original class"),
        (lambda c: c.update(merged=[{"name": "a", "value": [1, 2, 3], "id": 0}]), "one original class"),
        (lambda c: c["preprocessing"].update(std=[0.0, 1.0, 1.0]), "above zero"),
        (lambda c: c["preprocessing"].update(size=[10**6, 10**6]), "expected a size up to"),
        (lambda c: c["preprocessing"].update(zoom="big"), "expected a number"),
        (lambda c: c["weights"].update(file="../../etc/passwd"), "weights.file"),
        (lambda c: c.update(scores=None), "not a valid model"),
    ],
)
def test_a_damaged_description_is_one_line(run, change, text):
    edit_json(run, change)
    with pytest.raises(RunError, match=text) as caught:
        load_model(run)
    assert str(run / "model" / JSON_NAME) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"format": 1, "format": 1}', "[" * 100_000, "\ud800"])
def test_json_that_is_no_json(run, content):
    (run / "model" / JSON_NAME).write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(RunError, match=r"expected (JSON|model format)"):
        load_model(run)
