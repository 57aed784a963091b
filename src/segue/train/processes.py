"""The processes that train one model together: which one is first, and what they add up, tell and ask each other.

torchrun starts a process for each device and says in the environment which is which; without it there is one process,
`ALONE`, for which every function here gives back what it is given. What a training step computes does not depend on how
many processes share it: they hold the images of one batch, and every sum over that batch runs over all of them.

Numbers and objects travel by gloo, which waits without spinning, gradients on GPUs by NCCL. When a process ends, its
connections close and whoever waits for it gets `TrainingStoppedError`.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from segue.errors import SegueError, TrainingStoppedError, UsageError

BUCKET_BYTES = 32 * 2**20  # of gradients summed in one message: copies of all at once would cost a model's memory
# a lost process shows by itself; this would only end those whose first one is long at work
PATIENCE = timedelta(days=1)
_log = logging.getLogger("segue")
T = TypeVar("T")


@dataclass(eq=False)
class Group:
    """Process `rank` of `size`, `on_this_machine` of which share its memory.

    While not `speaking`, it computes as if the others had what it has (see `apart`).
    """

    rank: int = 0
    size: int = 1
    on_this_machine: int = 1
    speaking: bool = True

    @property
    def first(self) -> bool:
        """Whether this process decides, writes and reports."""
        return self.rank == 0

    @property
    def part(self) -> slice:
        """What this process takes of a list that all know.

        Every `size`-th element, so that the n-th of m equal parts of a process's share lies in the n-th of m equal
        parts of the whole: splitting a batch for memory gives the same parts in one process and in many.
        """
        return slice(self.rank, None, self.size)

    def require(self, batch: int, device: str) -> None:
        """Raise `UsageError` when a batch cannot be dealt evenly, or there is no device for each process."""
        gpus = torch.cuda.device_count() if device == "cuda" else self.on_this_machine
        if gpus < self.on_this_machine:
            raise UsageError(
                f"train.device cuda: expected a GPU for each of {self.on_this_machine} processes, got {gpus} GPUs: "
                f"torchrun --nproc-per-node {gpus}, or --train.device cpu"
            )
        if device not in ("cpu", "cuda") and self.size > 1:
            raise UsageError(f"train.device {device}: expected cpu or cuda for several processes: leave torchrun out")
        if batch % self.size:
            near = max(1, round(batch / self.size)) * self.size
            raise UsageError(
                f"optim.batch {batch}: expected a multiple of the {self.size} processes, since it counts the images of "
                f"all of them together: use --optim.batch {near}, or start another number of processes"
            )

    def from_first(self, thing: T) -> T:
        """What the first process gives, in all of them."""
        if self.size == 1:
            return thing
        box = [thing if self.first else None]
        with noticing():
            dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
        return box[0]  # type: ignore[return-value]

    def to_first(self, thing: T) -> list[T]:
        """What every process gives, in their order, for the first; nothing for the others."""
        if self.size == 1:
            return [thing]
        box: list[Any] | None = [None] * self.size if self.first else None
        with noticing():
            dist.gather_object(thing, box)
        return box or []

    def most(self, value: float) -> float:
        """The largest of the values that the processes give."""
        if self.size == 1:
            return value
        box = torch.tensor(value, dtype=torch.float64)
        with noticing():
            dist.all_reduce(box, dist.ReduceOp.MAX)
        return float(box)

    def add(self, values: Tensor) -> Tensor:
        """The sum over all processes, without a gradient; `values` itself where there is one."""
        if self.size == 1:
            return values
        if not self.speaking:
            return values * self.size
        values = values.contiguous()
        with noticing():
            dist.all_reduce(values)
        return values

    def add_in_place(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor by its sum over all processes, a bucket at a time."""
        if self.size == 1:
            return
        for bucket in buckets(tensors, BUCKET_BYTES):
            flat = self.add(torch.cat([tensor.reshape(-1) for tensor in bucket]))
            pieces = torch.split(flat, [tensor.numel() for tensor in bucket])
            for tensor, piece in zip(bucket, pieces, strict=True):
                tensor.copy_(piece.view(tensor.shape))

    def total(self, value: Tensor) -> Tensor:
        """The sum over all processes, for a loss: each process's gradient is that of its own summand."""
        return value if self.size == 1 else _Total.apply(value, self)

    def gather(self, tensor: Tensor) -> Tensor:
        """The tensors of all processes, equal in shape, along a new first axis; no gradient."""
        if self.size == 1 or not self.speaking:
            return torch.stack([tensor.detach()] * self.size)
        tensor = tensor.detach().contiguous()
        parts = [torch.empty_like(tensor) for _ in range(self.size)]
        with noticing():
            dist.all_gather(parts, tensor)
        return torch.stack(parts)

    def whole(self, images: Tensor) -> Tensor:
        """The first axis of the whole batch from that of each process, in order; the gradient is that of its own."""
        return images if self.size == 1 else _Whole.apply(images, self)

    @contextlib.contextmanager
    def apart(self) -> Iterator[None]:
        """Ask and tell nothing meanwhile, as if the others had the same as this process.

        A step rehearsed so takes the memory of a real one, and may fail without leaving the others waiting.
        """
        self.speaking = False
        try:
            yield
        finally:
            self.speaking = True


ALONE = Group()


class LostProcessError(TrainingStoppedError):
    """One of the processes that train together has ended."""

    def __init__(self) -> None:
        super().__init__(
            "another of the processes that train together ended, and so do all: what it said stands above, unless it "
            "was killed; segue fit --resume RUN goes on from the last resume point"
        )


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(_ctx: Any, value: Tensor, group: Group) -> Tensor:  # noqa: ANN401 - torch's context
        return group.add(value.detach().clone())

    @staticmethod
    def backward(_ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        return gradient, None


class _Whole(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, group: Group) -> Tensor:  # noqa: ANN401
        ctx.part = group.part
        return group.gather(images).transpose(0, 1).flatten(0, 1)  # image n of process r is image n * size + r

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        return gradient[ctx.part], None


def buckets(tensors: Iterable[Tensor], most_bytes: int) -> Iterator[list[Tensor]]:
    """Consecutive tensors of one type together, at most `most_bytes` at a time unless one alone has more.

    >>> [len(bucket) for bucket in buckets([torch.zeros(3)] * 5, 24)]
    [2, 2, 1]
    """
    bucket: list[Tensor] = []
    size = 0
    for tensor in tensors:
        if bucket and (size + tensor.nbytes > most_bytes or tensor.dtype != bucket[0].dtype):
            yield bucket
            bucket, size = [], 0
        bucket.append(tensor)
        size += tensor.nbytes
    if bucket:
        yield bucket


def everyone() -> Group:
    """The processes that were joined; `ALONE` where none were."""
    if not (dist.is_available() and dist.is_initialized()):
        return ALONE
    return Group(dist.get_rank(), dist.get_world_size(), int(os.environ["LOCAL_WORLD_SIZE"]))


@contextlib.contextmanager
def joined() -> Iterator[Group]:
    """Connect the processes torchrun started; raises `SegueError` when they cannot be.

    "cuda" then means a GPU of its own for each, where there are enough (see `Group.require`).
    """
    enough = torch.cuda.device_count() >= int(os.environ["LOCAL_WORLD_SIZE"])
    if enough:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    try:
        dist.init_process_group("cpu:gloo,cuda:nccl" if enough else "gloo", timeout=PATIENCE)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise SegueError(f"expected to reach the other processes of torchrun, could not: {reason}") from None
    yield everyone()
    dist.destroy_process_group()  # not after an error: it would wait for those that are gone


@contextlib.contextmanager
def noticing(elsewhere: bool = False) -> Iterator[None]:
    """Turn what a closed connection raises into `LostProcessError`; `elsewhere`, only what says that it is this."""
    try:
        yield
    except RuntimeError as error:
        if elsewhere and not isinstance(error, dist.DistBackendError) and "gloo" not in str(error):
            raise
        _log.debug("lost: %s", error)
        raise LostProcessError from None
