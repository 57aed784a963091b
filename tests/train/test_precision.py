"""fp16: where it is refused, and what the loss scale does; the mechanics run on a CPU, the numbers need a GPU."""

import pytest
import torch

from segue.configs import OptimConfig, TransferConfig
from segue.errors import UsageError
from segue.train.machine import make_fabric, make_scaler, pick_precision
from segue.train.scaling import restore_scaler, scaler_tensors
from segue.train.state import State
from segue.train.step import Engine, NonFiniteError, training_step
from tiny_engine import make_engine, small_batch, small_model


@pytest.fixture
def batch():
    return small_batch()


def scaled_engine(scale: float) -> Engine:
    engine = make_engine(small_model(), TransferConfig(mode="full"))
    engine.scaler = torch.amp.GradScaler("cpu", init_scale=scale, growth_interval=2)
    original = engine.fabric.backward

    def backward(loss: torch.Tensor) -> None:  # what the fabric of a CUDA device does
        original(engine.scaler.scale(loss))

    engine.fabric.backward = backward
    return engine


def test_fp16_off_cuda_is_refused_in_one_line():
    for device in ("cpu", "mps"):
        with pytest.raises(UsageError, match=f"fp16: expected a CUDA device, got {device}: use bf16, or fp32"):
            pick_precision("fp16", device)
    assert pick_precision("fp16", "cuda") == "fp16"


def test_only_fp16_needs_a_scale():
    assert make_scaler("bf16") is None
    assert make_scaler("fp32") is None
    assert scaler_tensors(None) == {}


def test_the_fabric_scales_with_the_scaler_it_is_given():
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    weight = torch.nn.Parameter(torch.ones(1))
    make_fabric("cpu", "fp16", scaler).backward(3 * weight.sum())
    assert weight.grad.item() == 24.0


def test_a_scaled_step_is_the_step_without_scale(batch):
    plain, scaled = make_engine(small_model(), TransferConfig(mode="full")), scaled_engine(2.0**10)
    for engine in (plain, scaled):
        training_step(engine, batch, State(total_steps=10))
    for a, b in zip(plain.model.parameters(), scaled.model.parameters(), strict=True):
        assert torch.equal(a, b)  # a power of two is exact


def test_an_overflow_costs_one_step_and_halves_the_scale(batch):
    engine = scaled_engine(2.0**10)
    engine.model.head.bias.register_hook(lambda gradient: gradient * float("inf"))
    before = {name: tensor.clone() for name, tensor in engine.model.state_dict().items()}
    terms = training_step(engine, batch, State(total_steps=10))
    assert all(torch.equal(before[name], tensor) for name, tensor in engine.model.state_dict().items())
    assert engine.scaler.get_scale() == 2.0**9
    assert all(value == value for value in terms.values())


def test_gradients_that_are_never_finite_stop_the_run(batch):
    engine = scaled_engine(0.5)
    engine.model.head.weight.register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(NonFiniteError, match="gradient's norm"):
        training_step(engine, batch, State(total_steps=10))


def test_a_loss_that_overflows_names_the_way_out(batch):
    engine = scaled_engine(1.0)
    engine.objective = lambda model, part: {"ce": model(part.images).sum() * float("inf")}
    with pytest.raises(NonFiniteError, match=r"fp16 overflows past 65504: try --train\.precision bf16"):
        training_step(engine, batch, State(total_steps=10))


def test_the_scale_comes_back_as_it_was(batch):
    engine, state = scaled_engine(2.0**10), State(total_steps=10)
    for _ in range(3):  # one doubling, and one step towards the next
        training_step(engine, batch, state)
        state.advance()
    saved = scaler_tensors(engine.scaler)
    assert {name: float(value) for name, value in saved.items()} == {"scale": 2.0**11, "_growth_tracker": 1.0}
    twin = torch.amp.GradScaler("cpu", growth_interval=2)
    restore_scaler(twin, saved)
    assert twin.state_dict() == engine.scaler.state_dict()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_fp16_trains_on_a_gpu(batch):
    scaler = make_scaler("fp16")
    fabric = make_fabric("cuda", "fp16", scaler)
    engine = make_engine(small_model().to("cuda"), TransferConfig(mode="full"))
    engine = Engine(
        fabric, engine.model, fabric.setup_module(engine.model), engine.average, engine.optimizer, engine.objective,
        OptimConfig(), TransferConfig(mode="full"), 0, {}, scaler,
    )  # fmt: skip
    losses = []
    state = State(total_steps=30)
    for _ in range(30):
        losses.append(sum(training_step(engine, batch, state).values()))
        state.advance()
    assert losses[-1] < losses[0]
