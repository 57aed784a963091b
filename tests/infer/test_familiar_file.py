"""What new images are compared with, as a file of the model folder: kept exactly, refused when it is anything else."""

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from segue.errors import RunError, WeightsError
from segue.infer.familiar_file import Seen, load_seen, require_threshold, save_seen
from segue.infer.segmenter import Segmenter
from segue.infer.tiling import Tiling
from segue.models.artifact import FAMILIAR_NAME, JSON_NAME, load_info, save_temperature
from segue.trust.novelty import FEWEST, Familiar, familiar
from tiny_model import tiny_info, tiny_model, write_run


def seen_of(held_out=FEWEST, features=512):
    random = np.random.default_rng(0)
    directions = random.normal(size=(5, features)).astype(np.float16)
    return Seen(Familiar(directions, random.uniform(0, 0.1, held_out)), random.uniform(0, 1, (5, 7)))


@pytest.fixture
def run(tmp_path):
    save_seen(write_run(tmp_path / "run"), seen_of())
    return tmp_path / "run"


def test_what_is_saved_is_what_is_loaded_and_a_temperature_leaves_it(run):
    save_temperature(run, 1.5)
    info, expected = load_info(run), seen_of()
    got = load_seen(run, info)
    np.testing.assert_array_equal(got.familiar.directions, expected.familiar.directions)
    np.testing.assert_array_equal(got.familiar.held_out, expected.familiar.held_out)
    np.testing.assert_array_equal(got.colours, expected.colours)
    content = (run / "model" / FAMILIAR_NAME).read_bytes()
    record = {"file": FAMILIAR_NAME, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert json.loads((run / "model" / JSON_NAME).read_text())["familiar"] == record


def test_a_model_of_before_has_none_and_predicts(tmp_path):
    write_run(tmp_path / "run")
    assert load_seen(tmp_path / "run", load_info(tmp_path / "run")) is None
    prediction = Segmenter.load(tmp_path / "run", "cpu").predict(np.zeros((48, 64, 3), np.uint8))
    assert (prediction.distance, prediction.unlike_training) == (None, None)


def replaced(run, tensors):
    """Other tensors with a matching record: only the checks behind the checksum are left."""
    content = tensors if isinstance(tensors, bytes) else safetensors.torch.save(tensors)
    (run / "model" / FAMILIAR_NAME).write_bytes(content)
    path = run / "model" / JSON_NAME
    record = {"file": FAMILIAR_NAME, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"familiar": record}))


def tensors(**changes):
    seen = seen_of()
    good = {"directions": seen.familiar.directions, "held_out": seen.familiar.held_out, "colours": seen.colours}
    held = {name: torch.from_numpy(one) for name, one in good.items()} | changes
    return {name: one for name, one in held.items() if one is not None}


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (b"", "damaged"),
        (b"no tensors", "damaged"),
        (tensors(stranger=torch.zeros(1)), "expected directions, held_out, colours, got"),
        (tensors(colours=None), "expected directions, held_out, colours, got"),
        (tensors(directions=torch.zeros(5, 512)), "directions: expected 2 axes of torch.float16"),
        (tensors(directions=torch.zeros(0, 512, dtype=torch.float16)), "directions: expected at least one"),
        (tensors(held_out=torch.zeros(3, 3, dtype=torch.float64)), "held_out: expected 1 axes"),
        (tensors(held_out=torch.full((30,), -5.0, dtype=torch.float64)), "held_out: expected distances from 0 to 2"),
        (tensors(held_out=torch.full((30,), float("nan"), dtype=torch.float64)), "NaN or infinity in held_out"),
        (tensors(colours=torch.zeros(5, 8, dtype=torch.float64)), "colours: expected rows of 7 numbers"),
        (tensors(colours=torch.zeros(0, 7, dtype=torch.float64)), "colours: expected rows of 7 numbers"),
    ],
)
def test_anything_else_is_refused_in_one_line(run, wrong, text):
    replaced(run, wrong)
    with pytest.raises(WeightsError, match=text) as caught:
        Segmenter.load(run, "cpu")
    assert FAMILIAR_NAME in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:-1])])
def test_a_file_that_is_gone_or_cut_is_refused(run, damage):
    damage(run / "model" / FAMILIAR_NAME)
    with pytest.raises(WeightsError, match=r"familiar\.safetensors: expected"):
        Segmenter.load(run, "cpu")


@pytest.mark.parametrize("record", [None, [], {}, {"file": "../x", "bytes": 1, "sha256": ""},
    {"file": FAMILIAR_NAME, "bytes": 2**40, "sha256": ""}])  # fmt: skip
def test_a_record_that_is_none_is_refused(run, record):
    path = run / "model" / JSON_NAME
    path.write_text(json.dumps(json.loads(path.read_text()) | {"familiar": record}))
    with pytest.raises(RunError, match=r"model\.json: "):
        load_info(run)


def test_to_abstain_takes_a_limit():
    require_threshold(Path("run"), seen_of(FEWEST))
    with pytest.raises(RunError, match=f"expected {FEWEST} held-out images .* got {FEWEST - 1} .*leave --abstain out"):
        require_threshold(Path("run"), seen_of(FEWEST - 1))
    with pytest.raises(RunError, match="got one of before this was kept"):
        require_threshold(Path("run"), None)


# --- what a segmenter sees -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "tiling"), [((50, 70), None), ((150, 190), Tiling(64, 0.25))])
def test_a_look_alone_is_what_a_prediction_sees(size, tiling):
    info = tiny_info()
    segmenter = Segmenter(tiny_model(info), info, "cpu", tiling)
    image = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    seen, alone = segmenter.predict(image).look, segmenter.look(segmenter.prepare(image))
    np.testing.assert_array_equal(seen.features, alone.features)
    np.testing.assert_array_equal(seen.colours, alone.colours)
    assert (len(seen.features) > 1) == (tiling is not None)


def test_a_training_image_is_near_and_noise_is_unlike():
    info, random = tiny_info(), np.random.default_rng(0)
    model = tiny_model(info)
    plain = Segmenter(model, info, "cpu")
    slope = np.linspace(0, 150, 64)[None, :, None] + np.zeros((48, 1, 3))

    def photograph():
        return (slope + random.uniform(0, 60) + random.normal(0, 4, (48, 64, 3))).clip(0, 255).astype(np.uint8)

    pictures = [photograph() for _ in range(30)]
    features = [plain.predict(picture).look.features for picture in pictures]
    known = familiar(np.concatenate(features[:10]), features[10:])
    segmenter = Segmenter(model, info, "cpu", seen=Seen(known, np.zeros((10, 7))))
    assert segmenter.predict(pictures[0]).distance == pytest.approx(0, abs=1e-3)
    assert segmenter.predict(pictures[0]).unlike_training is False
    noise = segmenter.predict(random.integers(0, 256, (48, 64, 3)).astype(np.uint8))
    assert noise.unlike_training is True
    assert noise.distance > known.threshold
    few = dataclasses.replace(known, held_out=known.held_out[:5])
    assert Segmenter(model, info, "cpu", seen=Seen(few, np.zeros((10, 7)))).predict(pictures[0]).unlike_training is None
