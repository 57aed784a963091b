"""The auxiliary head from configuration to saved model: it trains beside the rest, and leaves nothing behind."""

import dataclasses
import json
import signal
import time

import pytest
import torch
from safetensors.torch import load_file, save_file

from fakes import write_folders
from segue.configs import AugmentConfig, DataConfig, FitConfig, ModelConfig, OptimConfig, TrainConfig, TransferConfig
from segue.data.loader import Batch
from segue.data.prepare import prepare
from segue.errors import InterruptedRunError, WeightsError
from segue.losses import parse_loss
from segue.models.artifact import load_model, save_model
from segue.models.build import ModelSpec, build
from segue.models.encoders import create_encoder
from segue.models.weights import load_pretrained
from segue.objectives.supervised import supervised
from segue.train.loop import run_loop
from segue.train.machine import make_fabric
from segue.train.record import flat
from segue.train.resolve import resolve
from segue.train.signals import StopRequest
from segue.train.start import install, resume, start
from tiny_model import tiny_info

DECODERS_WITH_A_HEAD = {"fcn_d8": "3", "pspnet": "3", "deeplabv3": "3", "upernet": "3", "ddrnet": "0"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_folders(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "encoder.safetensors"
    torch.manual_seed(5)
    save_file(create_encoder("test_resnet").net.state_dict(), path)
    return path


def configured(data, weights, mode, auxiliary=0.4, **train):
    config = FitConfig(
        paths=(data,),
        steps=4,
        data=DataConfig(size=(32, 32), workers=0),
        model=ModelConfig("test_resnet", "fcn_d8", str(weights), auxiliary=auxiliary),
        transfer=TransferConfig(mode=mode),
        optim=OptimConfig(batch=2, class_weights=0),
        augment=AugmentConfig(),
        train=TrainConfig("cpu", "fp32", threads=1, validations=2, patience=1, **train),
    )
    prepared = prepare(config.paths, config.data, config.seed, lambda *_: None)
    return resolve(config, prepared), prepared


def loop_of(config, prepared, folder):
    return install(start(config, prepared, time.perf_counter()), folder)


def copies(module):
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def changed(before, module):
    return {name for name, tensor in module.state_dict().items() if not torch.equal(before[name], tensor)}


# --- the network -----------------------------------------------------------------------------------------------------


def test_the_head_hangs_where_the_papers_have_it():
    found = {}
    for decoder in DECODERS_WITH_A_HEAD:
        encoder = "ddrnet23_slim" if decoder == "ddrnet" else "test_resnet"
        model = build(ModelSpec(encoder, decoder, 3, 2), auxiliary=True)
        (found[decoder],) = model.auxiliary
    assert found == DECODERS_WITH_A_HEAD
    assert not build(ModelSpec("test_resnet", "unet", 3, 2), auxiliary=True).auxiliary
    assert not build(ModelSpec("test_resnet@1", "pspnet", 3, 2), auxiliary=True).auxiliary


def test_prediction_never_runs_it():
    model = build(ModelSpec("test_resnet", "pspnet", 3, 2), auxiliary=True).eval()
    model.auxiliary["3"].register_forward_hook(lambda *_: pytest.fail("the auxiliary head was run"))
    with torch.no_grad():
        assert model(torch.randn(1, 3, 32, 32)).shape == (1, 2, 32, 32)


def test_a_saved_model_has_none_and_loads_strictly(tmp_path):
    info = dataclasses.replace(tiny_info(), spec=ModelSpec("test_resnet", "fcn_d8", 3, 4))
    model = build(info.spec, auxiliary=True).eval()
    save_model(tmp_path / "model", model, info)
    again, _ = load_model(tmp_path)
    images = torch.randn(1, 3, 40, 40)
    with torch.no_grad():
        assert torch.equal(again(images), model(images))
    assert not again.auxiliary
    tensors = load_file(tmp_path / "model" / "model.safetensors")
    assert not [name for name in tensors if name.startswith("auxiliary.")]
    save_whole(tmp_path / "model", model)
    with pytest.raises(WeightsError, match=r"got the weight auxiliary\.3\..* which the network does not have"):
        load_model(tmp_path)


def save_whole(folder, model):
    """Put weights with the auxiliary head into a model folder, checksum included."""
    import hashlib

    save_file(model.state_dict(), folder / "model.safetensors")
    content = (folder / "model.safetensors").read_bytes()
    described = json.loads((folder / "model.json").read_text())
    described["weights"] |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (folder / "model.json").write_text(json.dumps(described))


# --- the loss --------------------------------------------------------------------------------------------------------


def test_its_loss_is_a_term_of_its_own():
    torch.manual_seed(0)
    model = build(ModelSpec("test_resnet", "pspnet", 3, 3), auxiliary=True).eval()
    batch = Batch(torch.randn(2, 3, 32, 32), torch.randint(0, 3, (2, 32, 32), dtype=torch.uint8), ("a", "b"))
    with torch.no_grad():
        terms = supervised("ce + 0.5*dice", auxiliary=0.3)(model, batch)
        plain = supervised("ce + 0.5*dice")(model, batch)
        _, (extra,) = model(batch.images, auxiliary=True)
        expected = 0.3 * parse_loss("ce + 0.5*dice", None)(extra, batch.labels.long())
    assert list(terms) == ["ce", "dice", "auxiliary"]
    assert list(plain) == ["ce", "dice"]
    assert {name: terms[name] for name in plain} == plain
    torch.testing.assert_close(terms["auxiliary"], expected)


def test_mixed_precision_reaches_it():
    """Fabric casts what passes through `forward` and nothing else: why the head is asked for by an argument of it."""
    model = build(ModelSpec("test_resnet", "fcn_d8", 3, 2), auxiliary=True).eval()
    seen = []
    model.auxiliary["3"].register_forward_hook(lambda _, given, result: seen.append(result.dtype))
    fabric = make_fabric("cpu", "bf16")
    with torch.no_grad():
        scores, (extra,) = fabric.setup_module(model)(torch.randn(1, 3, 32, 32), auxiliary=True)
    assert seen == [torch.bfloat16]
    assert (scores.dtype, extra.dtype) == (torch.float32, torch.float32)


# --- training --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["staged", "partial", "lora", "scratch"])
def test_it_trains_at_the_decoders_rate_in_every_mode_the_encoder_trains_in(data, weights, tmp_path, mode):
    config, prepared = configured(data, weights, mode)
    loop = loop_of(config, prepared, tmp_path)
    engine = loop.engine
    own = {id(weight) for weight in engine.model.auxiliary.parameters()}
    groups = [group for group in engine.optimizer.param_groups if any(id(p) in own for p in group["params"])]
    assert {group["peak"] for group in groups} == {config.optim.lr}
    assert sum(id(p) in own for group in engine.optimizer.param_groups for p in group["params"]) == len(own)
    before = copies(engine.model.auxiliary)
    run_loop(loop, StopRequest())
    assert {name for name in before if name.endswith(("weight", "bias"))} <= changed(before, engine.model.auxiliary)
    assert changed(before, engine.average.auxiliary)
    assert all(flat(row)["loss/auxiliary"] > 0 for row in loop.state.history)


@pytest.mark.parametrize(("mode", "auxiliary"), [("frozen", 0.4), ("full", 0.0)])
def test_there_is_none_where_it_has_nothing_to_supervise_or_no_weight(data, weights, tmp_path, mode, auxiliary):
    config, prepared = configured(data, weights, mode, auxiliary)
    loop = loop_of(config, prepared, tmp_path)
    assert not loop.engine.model.auxiliary
    run_loop(loop, StopRequest())
    assert "loss/auxiliary" not in flat(loop.state.history[-1])


def test_in_the_head_phase_it_warms_up_while_the_encoder_rests(data, weights, tmp_path):
    config, prepared = configured(data, weights, "staged")
    config = dataclasses.replace(config, transfer=TransferConfig(mode="staged", head_fraction=0.9), steps=3)
    loop = loop_of(config, prepared, tmp_path)
    encoder, head = copies(loop.engine.model.encoder), copies(loop.engine.model.auxiliary)
    run_loop(loop, StopRequest())
    assert changed(encoder, loop.engine.model.encoder) == set()
    assert changed(head, loop.engine.model.auxiliary)


def test_a_resumed_run_ends_with_the_same_auxiliary_weights(data, weights, tmp_path):
    config, prepared = configured(data, weights, "full")
    folders = [tmp_path / name for name in ("whole", "cut")]
    for folder in folders:
        folder.mkdir()
    whole, cut = (loop_of(config, prepared, folder) for folder in folders)
    run_loop(whole, StopRequest())
    stop = StopRequest()

    def ask_to_stop(state):
        stop.signal_number = signal.SIGTERM if state.step == 3 else None

    cut.on_step = ask_to_stop
    with pytest.raises(InterruptedRunError):
        run_loop(cut, stop)
    rest = resume(config, prepared, folders[1], time.perf_counter())
    assert rest.state.step == 3
    run_loop(rest, StopRequest())
    expected = whole.engine.model.state_dict()
    assert any(name.startswith("auxiliary.") for name in expected)
    assert all(torch.equal(expected[name], tensor) for name, tensor in rest.engine.model.state_dict().items())
    assert [flat(row) for row in rest.state.history] == [flat(row) for row in whole.state.history]


# --- from one run to the next ----------------------------------------------------------------------------------------


def test_learned_upsampling_goes_with_its_classes_and_auxiliary_heads_begin_anew(tmp_path):
    """Also for `fcn32s`, which has no weights between the maps and the head."""
    for decoder in ("fcn32s", "fcn_d8"):
        info = dataclasses.replace(tiny_info(), spec=ModelSpec("test_resnet", decoder, 3, 4))
        first = build(info.spec)
        if first.upsample is not None:
            torch.nn.init.normal_(first.upsample.weight)
        save_model(tmp_path / decoder / "model", first, info)
        second = build(info.spec, auxiliary=True)
        head = copies(second.auxiliary)
        load_pretrained(second, str(tmp_path / decoder), info.classes.names[::-1])
        assert torch.equal(second.head.weight, first.head.weight.flip(0))
        assert changed(head, second.auxiliary) == set()
        if first.upsample is not None:
            assert torch.equal(second.upsample.weight, first.upsample.weight.flip(0))
