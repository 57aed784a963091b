"""Several processes that train together compute what one does: losses, BatchNorm, steps, validation.

Threads play the processes here, so that every row and corner is cheap; `test_torchrun.py` has real ones.
"""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from torch import nn
from torch.nn import functional

from fakes import COLOURS, write_folders
from segue.configs import OptimConfig
from segue.data.classes import Classes
from segue.data.geometry import Preprocessing
from segue.data.index import Sample
from segue.data.keyed import step_seed
from segue.data.loader import Batch
from segue.errors import UsageError
from segue.losses import LOSSES, parse_loss, takes_class_weights
from segue.objectives.supervised import supervised
from segue.train.batch_norm import WholeBatchNorm
from segue.train.processes import ALONE, Group, buckets
from segue.train.signals import StopRequest
from segue.train.state import State
from segue.train.step import training_step
from segue.train.validate import Validator
from thread_group import in_threads
from tiny_engine import make_engine, small_batch, small_model


@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("parts", [1, 2])
def test_every_place_of_a_batch_is_taken_once_and_parts_of_shares_are_shares_of_parts(size, parts):
    batch = torch.arange(24)
    groups = [Group(rank, size) for rank in range(size)]
    assert sorted(torch.cat([batch[group.part] for group in groups]).tolist()) == list(range(24))
    for number, whole in enumerate(batch.tensor_split(parts)):
        taken = torch.cat([batch[group.part].tensor_split(parts)[number] for group in groups])
        assert sorted(taken.tolist()) == whole.tolist()


def test_a_batch_that_cannot_be_dealt_is_refused_with_one_that_can():
    Group(0, 4).require(8, "cpu")
    with pytest.raises(UsageError, match=r"optim.batch 6: .* the 4 processes.* --optim.batch 8,"):
        Group(0, 4).require(6, "cpu")


def test_processes_without_a_device_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    Group(0, 4, on_this_machine=2).require(8, "cuda")
    with pytest.raises(UsageError, match=r"a GPU for each of 4 processes, got 2 GPUs: torchrun --nproc-per-node 2,"):
        Group(0, 4, on_this_machine=4).require(8, "cuda")
    with pytest.raises(UsageError, match=r"train.device mps: expected cpu or cuda"):
        Group(0, 2, on_this_machine=2).require(8, "mps")
    ALONE.require(8, "mps")


def test_one_process_gets_back_what_it_gives():
    values = torch.ones(3, requires_grad=True)
    assert ALONE.total(values) is values
    assert ALONE.whole(values) is values
    assert ALONE.from_first(values) is values
    assert ALONE.most(3) == 3


def test_gradients_travel_in_buckets_of_one_type():
    tensors = [torch.zeros(4), torch.zeros(2), torch.zeros(9), torch.zeros(1, dtype=torch.float64), torch.zeros(1)]
    assert [[t.numel() for t in bucket] for bucket in buckets(tensors, 24)] == [[4, 2], [9], [1], [1]]
    memory = torch.zeros(2, 3, 4, 4).to(memory_format=torch.channels_last)

    def add(group):
        mine = (torch.arange(96.0).view(2, 3, 4, 4) * (group.rank + 1)).to(memory_format=torch.channels_last)
        group.add_in_place([mine, torch.ones(())])
        return mine

    for summed in in_threads(add):
        assert summed.stride() == memory.stride()
        torch.testing.assert_close(summed, 3 * torch.arange(96.0).view(2, 3, 4, 4))


def test_processes_draw_their_own_dropout_and_the_first_draws_that_of_one_process():
    assert step_seed(7, 5, 0) == step_seed(7, 5)
    assert len({step_seed(7, step, process) for step in range(50) for process in range(8)}) == 400


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", LOSSES.names())
def test_every_loss_is_that_of_the_whole_batch(name, weighted):
    if weighted and not takes_class_weights(name):
        pytest.skip("takes no class weights")
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(4, 3, 6, 5, generator=generator)
    labels = torch.randint(0, 2, (4, 6, 5), generator=generator)
    labels[1, :2] = 2  # a class that one process alone has
    labels[2, 1:] = 255  # and fewer labelled pixels in the other
    class_weights = torch.tensor([0.5, 1.0, 4.0]) if weighted else None
    whole = logits.clone().requires_grad_()
    loss = parse_loss(name, class_weights)(whole, labels)
    loss.backward()

    def part(group):
        mine = logits[group.part].clone().requires_grad_()
        value = parse_loss(name, class_weights, group)(mine, labels[group.part])
        value.backward()
        return value.detach(), mine.grad

    for rank, (value, gradient) in enumerate(in_threads(part)):
        torch.testing.assert_close(value, loss.detach())
        torch.testing.assert_close(gradient, whole.grad[rank::2], atol=1e-7, rtol=1e-5)


class FusedNorm(nn.BatchNorm2d):
    """Calls the function itself, by position, as timm's fused layers do."""

    def forward(self, x):
        return functional.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, True, self.momentum, self.eps
        ).relu()


@pytest.mark.parametrize("kind", [nn.BatchNorm2d, FusedNorm])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_batchnorm_takes_the_statistics_of_the_whole_batch(kind, dtype):
    generator = torch.Generator().manual_seed(0)
    images = (100 + torch.randn(4, 3, 5, 4, generator=generator)).to(dtype)  # sums of squares would lose the spread
    up = torch.randn(4, 3, 5, 4, generator=generator).to(dtype)
    torch.manual_seed(0)
    layer = kind(3)
    nn.init.normal_(layer.weight)
    layers = [copy.deepcopy(layer) for _ in range(2)]
    whole = images.clone().requires_grad_()
    result = layer(whole)
    result.backward(up)

    def part(group):
        mine, own = images[group.part].clone().requires_grad_(), layers[group.rank]
        with WholeBatchNorm(group):
            out = own(mine)
        out.backward(up[group.part])
        return out.detach(), mine.grad

    exact = {"atol": 1e-5, "rtol": 1e-4} if dtype is torch.float32 else {"atol": 0.05, "rtol": 0.02}
    for rank, (out, gradient) in enumerate(in_threads(part)):
        assert out.dtype == gradient.dtype == dtype
        torch.testing.assert_close(out, result[rank::2].detach(), **exact)
        torch.testing.assert_close(gradient, whole.grad[rank::2], **exact)
        torch.testing.assert_close(layers[rank].running_mean, layer.running_mean)
        torch.testing.assert_close(layers[rank].running_var, layer.running_var)
    for name in ("weight", "bias"):
        summed = sum(getattr(own, name).grad for own in layers)
        torch.testing.assert_close(summed, getattr(layer, name).grad, **exact)


def test_batchnorm_at_rest_keeps_its_statistics():
    layer = nn.BatchNorm2d(2).eval()
    images = torch.randn(2, 2, 3, 3)
    with WholeBatchNorm(Group(0, 2)):  # which could not be asked: nothing is joined
        torch.testing.assert_close(layer(images), functional.batch_norm(images, torch.zeros(2), torch.ones(2)))


MODEL = small_model()  # once: threads share torch's generator
OPTIM = OptimConfig(optimizer="sgd", lr=0.01, batch=4, clip_norm=0.5)  # Adam makes a full step of rounding near zero


def shared_engine(group, loss="ce + jaccard", across=True):
    engine = make_engine(copy.deepcopy(MODEL), optim=OPTIM)
    engine.group = group
    engine.objective = supervised(loss, across=group if across and group.size > 1 else None)
    return engine


def uneven_batch():
    batch = small_batch()
    labels = batch.labels.clone()
    labels[1, 4:] = 255
    labels[2:, :, 5:] = 1
    return Batch(batch.images, labels, batch.ids)


def share_of(batch, group):
    return Batch(batch.images[group.part], batch.labels[group.part], batch.ids[group.part])


def steps(group, engine=None, parts=1, count=3):
    engine = engine or shared_engine(group)
    state = State(total_steps=10, micro_batches=parts)
    losses = []
    for _ in range(count):
        losses.append(training_step(engine, share_of(uneven_batch(), group), state))
        state.advance()
    return engine, losses, state


def assert_alike(engine, expected, atol=1e-5):
    for model, wanted in ((engine.model, expected.model), (engine.average, expected.average)):
        for (name, a), b in zip(model.state_dict().items(), wanted.state_dict().values(), strict=True):
            torch.testing.assert_close(a, b, atol=atol, rtol=1e-4, msg=lambda text, name=name: f"{name}: {text}")


@pytest.mark.parametrize("parts", [1, 2])
def test_steps_of_two_processes_are_those_of_one(parts):
    one, losses, _ = steps(ALONE, parts=parts)
    both = in_threads(lambda group: steps(group, parts=parts))
    for engine, theirs, _ in both:
        assert_alike(engine, one)
        for mine, wanted in zip(theirs, losses, strict=True):
            assert mine == pytest.approx(wanted, rel=1e-4)
    for a, b in zip(both[0][0].model.parameters(), both[1][0].model.parameters(), strict=True):
        assert torch.equal(a, b)  # nothing drifts apart


def test_losses_averaged_over_processes_would_be_other_steps():
    one, _, _ = steps(ALONE)
    both = in_threads(lambda group: steps(group, shared_engine(group, across=False)))
    with pytest.raises(AssertionError):
        assert_alike(both[0][0], one)


def test_memory_that_runs_out_in_one_process_splits_the_batch_in_all():
    """Only one runs out: the other would wait for its sums for ever if they found out in the middle of a step."""
    expected, _, _ = steps(ALONE, parts=2)

    def work(group):
        engine = shared_engine(group)
        original = engine.objective

        def tight(model, part):
            if group.rank == 1 and len(part.ids) > 1:
                raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
            return original(model, part)

        engine.objective = tight
        return steps(group, engine)

    for engine, _, state in in_threads(work):
        assert state.micro_batches == 2
        assert_alike(engine, expected)


@pytest.fixture(scope="module")
def validator(tmp_path_factory):
    root = write_folders(tmp_path_factory.mktemp("photos"), count=3)
    images = sorted((root / "images").iterdir())
    samples = tuple(Sample(path.stem, path, root / "masks" / f"{path.stem}.png", "val") for path in images)
    classes = Classes(("ground", "disc", "box", "stripe"), COLOURS, (0, 1, 2, 3))
    prep = Preprocessing((32, 32), 1.0, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3), largest=48 * 64, pixel_scale=1.0)
    return Validator(samples, classes, prep, Fabric(accelerator="cpu", devices=1), 0)


@pytest.mark.parametrize("size", [2, 4])
def test_validation_counts_every_image_once(validator, size):
    """Three images for two processes, of which none is counted twice, and for four, of which one has none."""
    torch.manual_seed(0)
    model = nn.Conv2d(3, 4, 1).eval()
    expected = validator(model, StopRequest())
    for found in in_threads(lambda group: replace(validator, group=group)(model, StopRequest()), size):
        assert found.miou == expected.miou
        np.testing.assert_array_equal(found.class_iou, expected.class_iou)


def test_validation_ends_in_all_when_one_is_asked_to_stop(validator):
    model = nn.Conv2d(3, 4, 1).eval()

    def work(group):
        stop = StopRequest()
        stop.signal_number = 15 if group.rank == 1 else None
        return replace(validator, group=group)(model, stop)

    assert list(in_threads(work)) == [None, None]
