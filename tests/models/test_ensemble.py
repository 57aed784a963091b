"""The mean of several networks: what it computes, and what a stranger's folder of one may not do."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch

from segue.errors import RunError, WeightsError
from segue.infer.familiar_file import Seen, save_seen
from segue.infer.segmenter import Segmenter
from segue.infer.tiling import Tiling
from segue.models.artifact import JSON_NAME, load_info, load_model, load_networks, save_temperature
from segue.models.ensemble import Ensemble
from segue.models.ensemble_file import save_ensemble
from segue.models.sources import find
from segue.trust.novelty import familiar
from tiny_model import tiny_info, tiny_model, write_run


@pytest.fixture
def members(tmp_path):
    return [write_run(tmp_path / f"fold-{seed}", seed=seed) for seed in range(3)]


@pytest.fixture
def ensemble(tmp_path, members):
    save_ensemble(tmp_path / "run" / "model", members, 1.5, {"miou": 0.25})
    return tmp_path / "run"


def logits_of(segmenter, pixels):
    rows = []
    segmenter.stream(segmenter.prepare(pixels).working, pixels.shape[:2], lambda _, band: rows.append(band))
    return torch.cat(rows, 1).numpy()


@pytest.mark.parametrize("tiling", [None, Tiling(32, 0.25)], ids=["whole", "tiles"])
@pytest.mark.parametrize("size", [(48, 64), (37, 91)])
def test_its_scores_are_the_mean_of_those_the_members_give_by_themselves(ensemble, members, tiling, size):
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    expected = np.mean([logits_of(Segmenter.load(one, "cpu", tiling), pixels) for one in members], axis=0)
    segmenter = Segmenter.load(ensemble, "cpu", tiling)
    np.testing.assert_allclose(logits_of(segmenter, pixels), expected, atol=1e-4)
    prediction = segmenter.predict(pixels, probabilities=True)
    shares = torch.softmax(torch.from_numpy(expected) / 1.5, 0).numpy()
    np.testing.assert_allclose(prediction.probabilities, shares, atol=1e-4)
    assert np.ptp([logits_of(Segmenter.load(one, "cpu"), pixels) for one in members[:2]], axis=0).max() > 0.1


def test_one_network_twice_is_that_network(tmp_path, members):
    save_ensemble(tmp_path / "twice", members[:1] * 2, 1.0, {})
    pixels = np.random.default_rng(1).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    twice, once = (logits_of(Segmenter.load(run, "cpu"), pixels) for run in (tmp_path / "twice", members[0]))
    np.testing.assert_array_equal(twice, once)


def test_the_folder_is_enough_on_its_own_and_says_what_it_is(ensemble, members):
    for member in members:
        shutil.rmtree(member)
    networks, info = load_networks(ensemble / "model")
    assert (len(networks), info.members, info.temperature, info.scores) == (3, 3, 1.5, {"miou": 0.25})
    assert info == load_info(ensemble)
    assert json.loads((ensemble / "model" / JSON_NAME).read_text())["format"] == 2, "refused by an earlier Segue"
    for seed, network in enumerate(networks):
        expected = tiny_model(tiny_info(), seed).state_dict()
        assert all(torch.equal(tensor, expected[name]) for name, tensor in network.state_dict().items())
    assert save_temperature(ensemble, 2.0) == dataclasses.replace(info, temperature=2.0)
    assert len(load_networks(ensemble)[0]) == 3


def test_the_largest_training_image_of_all_is_the_ensembles(tmp_path):
    infos = [tiny_info(), tiny_info()]
    prep = dataclasses.replace(infos[1].prep, largest=10**6, pixel_scale=0.6)
    infos[1] = dataclasses.replace(infos[1], prep=prep)
    runs = [write_run(tmp_path / str(number), info) for number, info in enumerate(infos)]
    joined = save_ensemble(tmp_path / "model", runs, 1.0, {}).prep
    assert (joined.largest, joined.pixel_scale) == (10**6, pytest.approx(0.9))


def test_where_one_network_is_needed_an_ensemble_is_refused(ensemble):
    for refused in (load_model, lambda run: find(str(run)), lambda run: save_ensemble(run / "x", [run, run], 1.0, {})):
        with pytest.raises(RunError, match="expected a single network, got an ensemble of 3: name the run of one of"):
            refused(ensemble)


def test_networks_that_do_not_fit_each_other_are_refused(tmp_path, members):
    info = tiny_info()
    others = [
        tiny_info(classes=3),
        dataclasses.replace(info, prep=dataclasses.replace(info.prep, mean=(0.1, 0.2, 0.3))),
        dataclasses.replace(info, spec=dataclasses.replace(info.spec, decoder="linear")),
    ]
    for number, other in enumerate(others):
        run = write_run(tmp_path / f"other-{number}", other)
        with pytest.raises(RunError, match=f"other-{number}: expected a network with the encoder, decoder, classes"):
            save_ensemble(tmp_path / "run", [members[0], run], 1.0, {})
    for few in (members[:1], members[:1] * 21):
        with pytest.raises(RunError, match=f"expected 2 to 20 networks for an ensemble, got {len(few)}"):
            save_ensemble(tmp_path / "run", few, 1.0, {})
    assert not (tmp_path / "run").exists()


def edited(ensemble, change):
    path = ensemble / "model" / JSON_NAME
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda c: c.pop("members"), "expected the entry 'members'"),
        (lambda c: c.update(members=c["members"][:1]), "expected a list of 2 to 20 files"),
        (lambda c: c.update(members=c["members"] * 9), "expected a list of 2 to 20 files"),
        (lambda c: c.update(members={"1": {}}), "expected a list of 2 to 20 files"),
        (lambda c: c["members"][1].update(file="../../../etc/passwd"), r"members\.2\.file: expected member-2\.safet"),
        (lambda c: c["members"][1].update(file="/etc/passwd"), r"members\.2\.file: expected member-2\.safetensors"),
        (lambda c: c["members"][1].update(file="member-1.safetensors"), r"members\.2\.file: expected member-2"),
        (lambda c: c["members"].reverse(), r"members\.1\.file: expected member-1"),
        (lambda c: c["members"].append(3), "not a valid model description"),
        (lambda c: c["members"][0].pop("sha256"), "expected the entry 'sha256'"),
        (lambda c: c["members"][0].update(bytes="many"), "not a valid model description"),
        (lambda c: c.update(format=1), "expected the entry 'weights'"),
        (lambda c: c.update(format=3), "expected model format 1 or 2, got 3"),
    ],
)
def test_a_hostile_description_is_one_line(ensemble, change, text):
    edited(ensemble, change)
    with pytest.raises(RunError, match=text) as caught:
        Segmenter.load(ensemble, "cpu")
    assert "\n" not in str(caught.value)


def test_a_damaged_missing_or_exchanged_member_is_refused(ensemble):
    path = ensemble / "model" / "member-2.safetensors"
    good = path.read_bytes()
    for content in (good[:-1], good[:-3] + b"abc", (ensemble / "model" / "member-1.safetensors").read_bytes()):
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=r"member-2\.safetensors: expected"):
            Segmenter.load(ensemble, "cpu")
    path.unlink()
    with pytest.raises(WeightsError, match=r"member-2\.safetensors: .*cannot read"):
        Segmenter.load(ensemble, "cpu")


def test_only_the_working_memory_of_one_network_is_needed(members):
    networks = [load_model(run)[0] for run in members]
    running = []
    for number, network in enumerate(networks):
        network.encoder.register_forward_pre_hook(lambda *_, number=number: running.append(number))
        network.head.register_forward_hook(lambda *_, number=number: running.remove(number))
        network.head.register_forward_hook(lambda *_: seen.append(len(running)))
    seen = []
    with torch.inference_mode():
        ensemble = Ensemble(networks)
        ensemble.scores(ensemble.features(torch.rand(1, 3, 32, 32)), 32, 32)
    assert seen == [0, 0, 0]


def test_it_knows_what_its_first_member_knows_and_sees_as_that_one_does(tmp_path, members):
    photo = np.random.default_rng(2).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    first, last = (Segmenter.load(one, "cpu") for one in (members[0], members[-1]))
    known = familiar(first.look(first.prepare(photo)).features, [])
    save_seen(members[0], Seen(known, np.zeros((1, 7))))
    save_ensemble(tmp_path / "run" / "model", members, 1.0, {})
    shutil.rmtree(members[0])
    segmenter = Segmenter.load(tmp_path / "run", "cpu")
    assert segmenter.predict(photo).distance == pytest.approx(0, abs=2e-3)
    assert known.distance(last.look(last.prepare(photo)).features) > 0.01, "or another member's eyes would do"
    assert segmenter.info.members == 3
