"""One training step when things go wrong: memory, numbers that are none; and the rules it keeps when they do not."""

import copy
import dataclasses

import pytest
import torch
from torch import nn

from segue.configs import OptimConfig, TransferConfig
from segue.data.loader import Batch
from segue.errors import TrainingStoppedError
from segue.models.build import ModelSpec, SegmentationModel, build
from segue.objectives.supervised import supervised
from segue.train.float32_islands import keep_depthwise_strides_in_float32
from segue.train.machine import make_fabric
from segue.train.optim import make_optimizer, restore_state, state_tensors
from segue.train.state import State
from segue.train.step import Engine, NonFiniteError, training_step
from segue.transfer.lr_groups import lr_groups


def make_engine(model: SegmentationModel, transfer: TransferConfig | None = None) -> Engine:
    transfer = transfer or TransferConfig(mode="full", head_fraction=0.0)
    optim = OptimConfig(lr=0.01, batch=4, clip_norm=0.0)
    fabric = make_fabric("cpu", "fp32")
    return Engine(
        fabric=fabric,
        model=model,
        wrapped=fabric.setup_module(model),
        average=copy.deepcopy(model),
        optimizer=make_optimizer(lr_groups(model, model.stages(), optim, transfer), "cpu"),
        objective=supervised("ce"),
        optim=optim,
        transfer=transfer,
        seed=0,
    )


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(4, 3, 32, 32, generator=generator)
    labels = torch.randint(0, 3, (4, 32, 32), generator=generator, dtype=torch.uint8)
    return Batch(images, labels, ("a", "b", "c", "d"))


def small_model(seed: int = 0) -> SegmentationModel:
    torch.manual_seed(seed)
    return build(ModelSpec("test_resnet", "fcn", 3, 3))


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


def test_float32_islands_keep_parameters_and_results():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 3, stride=2, groups=8), nn.Conv2d(8, 8, 3, stride=2))
    names, image = list(net.state_dict()), torch.randn(1, 3, 16, 16)
    expected = net(image)
    assert keep_depthwise_strides_in_float32(net) == 1
    assert list(net.state_dict()) == names
    assert torch.equal(net(image), expected)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert net[:2](image).dtype == torch.bfloat16
