"""One training step when things go wrong: memory, numbers that are none; and the rules it keeps when they do not."""

import copy
import dataclasses

import pytest
import torch
from torch import nn

from segue.configs import TransferConfig
from segue.data.loader import Batch
from segue.errors import TrainingStoppedError
from segue.models.build import ModelSpec, build
from segue.train.float32_islands import keep_depthwise_strides_in_float32
from segue.train.optim import restore_state, state_tensors
from segue.train.state import State
from segue.train.step import NonFiniteError, training_step
from segue.transfer.lora import add_lora, added_parameters, remove_lora
from tiny_engine import make_engine, small_batch, small_model


@pytest.fixture
def batch():
    return small_batch()


def without_batchnorm(model: nn.Module) -> nn.Module:
    for name, child in model.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(model, name, nn.Identity())
        else:
            without_batchnorm(child)
    return model


def test_running_out_of_memory_splits_the_batch_and_gives_the_same_gradient(batch, caplog):
    torch.manual_seed(0)
    plain = without_batchnorm(build(ModelSpec("vgg11", "fcn", 3, 3)))
    tight = copy.deepcopy(plain)
    training_step(make_engine(plain), batch, State(total_steps=10))
    engine = make_engine(tight)
    original = engine.objective

    def limited(model: nn.Module, part: Batch) -> dict[str, torch.Tensor]:
        if len(part.ids) > 1:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory")
        return original(model, part)

    engine.objective = limited
    state = State(total_steps=10)
    with caplog.at_level("WARNING", logger="segue"):
        training_step(engine, batch, state)
    assert state.micro_batches == 4
    assert "computed in 4 parts" in caplog.text
    for (name, a), b in zip(plain.named_parameters(), tight.parameters(), strict=True):
        # gradients, not weights: Adam's first update is g / |g|, which makes any rounding near zero a full step
        assert torch.allclose(a.grad, b.grad, atol=1e-6 * float(a.grad.abs().max()) + 1e-7), name


def test_a_single_image_that_does_not_fit_stops_with_advice(batch):
    def hungry(model: nn.Module, part: Batch) -> dict[str, torch.Tensor]:
        raise torch.OutOfMemoryError("CUDA out of memory")

    engine = dataclasses.replace(make_engine(small_model()), objective=hungry)
    with pytest.raises(TrainingStoppedError, match=r"single image: use a smaller --data\.size"):
        training_step(engine, batch, State(total_steps=10))


@pytest.mark.parametrize("where", ["image", "loss"])
def test_numbers_that_are_none_change_nothing(batch, where):
    engine = make_engine(small_model())
    if where == "image":
        batch.images[2, 0, 5, 5] = float("nan")
    else:
        original = engine.objective
        engine.objective = lambda model, part: {
            name: term * float("inf") for name, term in original(model, part).items()
        }
    before = {name: tensor.clone() for name, tensor in engine.model.state_dict().items()}
    average = {name: tensor.clone() for name, tensor in engine.average.state_dict().items()}
    with pytest.raises(NonFiniteError):
        training_step(engine, batch, State(total_steps=10))
    assert all(torch.equal(before[name], tensor) for name, tensor in engine.model.state_dict().items())
    assert all(torch.equal(average[name], tensor) for name, tensor in engine.average.state_dict().items())
    assert not state_tensors(engine.optimizer)


def test_other_runtime_errors_are_not_mistaken_for_memory(batch):
    def broken(model: nn.Module, part: Batch) -> dict[str, torch.Tensor]:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes do not match"):
        training_step(dataclasses.replace(make_engine(small_model()), objective=broken), batch, State(total_steps=10))


def test_the_encoder_is_bitwise_unchanged_in_the_head_phase_and_moves_after_it(batch):
    engine = make_engine(small_model(), TransferConfig(mode="staged", head_fraction=0.5, encoder_rate=0.5))
    encoder = {name: tensor.clone() for name, tensor in engine.model.encoder.state_dict().items()}
    head = engine.model.head.weight.detach().clone()
    state = State(total_steps=6)
    for _ in range(3):
        training_step(engine, batch, state)
        state.advance()
    assert all(torch.equal(encoder[name], tensor) for name, tensor in engine.model.encoder.state_dict().items())
    assert not torch.equal(head, engine.model.head.weight)
    training_step(engine, batch, state)
    assert not all(torch.equal(encoder[name], tensor) for name, tensor in engine.model.encoder.state_dict().items())


def test_the_optimisers_state_comes_back_by_name(batch):
    engine = make_engine(small_model().to(memory_format=torch.channels_last))
    state = State(total_steps=4)
    training_step(engine, batch, state)
    twin = make_engine(copy.deepcopy(engine.model))
    # as a file holds them: without the memory layout
    saved = {
        name: tensor.clone(memory_format=torch.contiguous_format)
        for name, tensor in state_tensors(engine.optimizer).items()
    }
    restore_state(twin.optimizer, saved)
    state.advance()
    training_step(engine, batch, state)
    training_step(twin, batch, state)
    for a, b in zip(engine.model.parameters(), twin.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_global_random_state_has_no_say_in_a_step(batch):
    results = []
    for noise in (1, 2):
        engine = make_engine(small_model())
        torch.manual_seed(noise)
        results.append(training_step(engine, batch, State(total_steps=4)))
    assert results[0] == results[1]


def strided_depthwise() -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=8)


def test_float32_islands_keep_parameters_and_results():
    net = nn.Sequential(nn.Conv2d(3, 8, 1), strided_depthwise(), nn.Conv2d(8, 8, 3, stride=2))
    names, image = list(net.state_dict()), torch.randn(1, 3, 16, 16)
    expected = net(image)
    assert keep_depthwise_strides_in_float32(net) == 1
    assert list(net.state_dict()) == names
    assert torch.equal(net(image), expected)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert net[:2](image).dtype == torch.bfloat16


def test_a_float32_island_gives_what_the_plain_convolution_gives_up_to_the_rounding_of_bfloat16():
    plain = strided_depthwise()
    island = nn.Sequential(copy.deepcopy(plain))
    keep_depthwise_strides_in_float32(island)
    image = torch.randn(2, 8, 17, 20).bfloat16().contiguous(memory_format=torch.channels_last)
    wide, narrow = image.float().requires_grad_(), image.clone().requires_grad_()
    expected = plain(wide)
    slope = torch.randn_like(expected).bfloat16()
    expected.backward(slope.float())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = island(narrow)
    found.backward(slope)
    pairs = [(found, expected), (narrow.grad, wide.grad)]
    pairs += [(new.grad, old.grad) for new, old in zip(island.parameters(), plain.parameters(), strict=True)]
    for new, old in pairs:
        assert torch.allclose(new.float(), old, atol=2**-7 * float(old.detach().abs().max()))


def test_l2sp_pulls_the_trained_encoder_back_towards_where_it_started(batch):
    distances = []
    for strength in (0.0, 400.0):
        engine = make_engine(small_model(), TransferConfig(mode="full", l2sp=strength))
        start = {name: tensor.clone() for name, tensor in engine.model.named_parameters()}
        state = State(total_steps=8)
        for _ in range(8):
            training_step(engine, batch, state)
            state.advance()
        weights = [n for n, p in engine.model.encoder.named_parameters(prefix="encoder") if p.ndim > 1]
        moved = dict(engine.model.named_parameters())
        distances.append(sum((moved[name] - start[name]).square().sum().item() for name in weights))
    assert 0 < distances[1] < 0.5 * distances[0]


def test_the_weights_at_the_end_of_the_head_phase_are_kept_once(batch):
    transfer = TransferConfig(mode="staged", head_fraction=0.5, interpolate="auto")
    engine, state = make_engine(small_model(), transfer), State(total_steps=6)
    for step in range(6):
        if step == 3:
            expected = {name: tensor.clone() for name, tensor in engine.average.state_dict().items()}
        assert bool(engine.kept) == (step > 3)
        training_step(engine, batch, state)
        state.advance()
    assert sorted(engine.kept) == sorted(f"head_phase.{name}" for name in expected)
    assert all(torch.equal(engine.kept[f"head_phase.{name}"], tensor) for name, tensor in expected.items())


def test_the_average_of_a_network_with_lora_keeps_the_pretrained_bits(batch):
    model, transfer = small_model(), TransferConfig(mode="lora", rank=2)
    base = {name: tensor.clone() for name, tensor in model.state_dict().items() if name.startswith("encoder.")}
    add_lora(model.encoder, transfer, seed=0)
    engine, state = make_engine(model, transfer), State(total_steps=5)
    for _ in range(5):
        training_step(engine, batch, state)
        state.advance()
    for network in (engine.model, engine.average):
        assert any(bool(parameter.any()) for parameter in added_parameters(network)[1::2])  # B has left zero
        remove_lora(network)
        after = network.state_dict()
        assert all(torch.equal(base[name], after[name]) for name in base)


def test_dropout_and_its_randomness_are_keyed_to_the_step(batch):
    losses = []
    for noise in (1, 2):
        torch.manual_seed(0)
        engine = make_engine(build(ModelSpec("test_resnet", "fcn", 3, 3), dropout=0.5, drop_path=0.3))
        torch.manual_seed(noise)
        state = State(total_steps=4)
        losses.append([training_step(engine, batch, state)])
        state.advance()
        losses[-1].append(training_step(engine, batch, state))
    assert losses[0] == losses[1]
