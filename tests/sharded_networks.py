"""What two processes compute and hold of sharded networks, as JSON; the tests start it with torchrun.

torchrun --nproc-per-node 2 sharded_networks.py ENCODER+DECODER...
"""

import copy
import json
import sys

import torch
from torch import Tensor, nn

from segue.configs import OptimConfig
from segue.models.build import ModelSpec, SegmentationModel, build
from segue.train import sharding
from segue.train.optimizers import OPTIMIZERS
from segue.train.processes import Group, joined
from segue.train.sharding import own, whole


def gradients(model: SegmentationModel, images: Tensor) -> dict[str, Tensor]:
    """Of the sum of squares of the scores, so that those of parts add up."""
    model(images).square().sum().backward()
    return {name: whole(p.grad).clone() for name, p in model.named_parameters() if p.grad is not None}


def difference(found: dict[str, Tensor], expected: dict[str, Tensor]) -> float:
    """The largest of any tensor, relative to the largest number in it."""
    assert found.keys() == expected.keys()
    return max(float((found[n] - t).abs().max() / t.abs().max().clamp(min=1e-12)) for n, t in expected.items())


def compare(name: str, group: Group) -> dict[str, float]:
    """Gradients of a network, and its weights after one step of each optimiser, sharded and not."""
    encoder, _, decoder = name.partition("+")
    torch.manual_seed(0)
    # evaluated: BatchNorm's statistics would be those of each process's images
    model = build(ModelSpec(encoder, decoder, 3, 3)).eval()
    images = torch.randn(4, 3, 64, 64)
    alone, parts = copy.deepcopy(model), copy.deepcopy(model)
    sharding.shard(parts, parts.encoder, "cpu", group.size)
    expected = gradients(alone, images)
    found = {"gradients": difference(gradients(parts, images[group.part]), expected)}
    for kind in ("adamw", "adam", "sgd", "rmsprop"):
        weights = []
        for sharded in (False, True):
            network = copy.deepcopy(model)
            if sharded:
                sharding.shard(network, network.encoder, "cpu", group.size)
            for key, parameter in network.named_parameters():
                parameter.grad = torch.empty_like(parameter)
                sharding.put(parameter.grad, expected.get(key, torch.zeros(parameter.shape)))
            optim = OptimConfig(optimizer=kind, lr=0.01)
            optimizer = OPTIMIZERS[kind]([{"params": list(network.parameters()), "lr": 0.01}], optim, "cpu")
            optimizer.step()
            weights.append({key: whole(p.detach()) for key, p in network.named_parameters()})
        found[kind] = difference(weights[1], weights[0])
    return found


def held(group: Group) -> dict[str, float]:
    """Shares of a network of 11 million weights that this process has: always, and at most at any one time."""
    model = build(ModelSpec("resnet18", "fcn", 3, 3))
    everything = sum(parameter.nbytes for parameter in model.parameters())
    sharding.shard(model, model.encoder, "cpu", group.size)
    most = 0

    def count(*_: object) -> None:
        nonlocal most
        most = max(most, sum(p.untyped_storage().nbytes() for p in model.parameters() if own(p) is p))

    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(count)
            module.register_full_backward_hook(count)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    with torch.autocast("cpu", torch.bfloat16):
        scores = model(torch.randn(2, 3, 64, 64, requires_grad=True))  # or else backward hooks are not called alike
    scores.float().sum().backward()
    optimizer.step()
    parameters = list(model.parameters())
    bytes_held = {
        "weights": sum(own(p).nbytes for p in parameters),
        "gradients": sum(own(p.grad).nbytes for p in parameters if p.grad is not None),
        "moments": sum(own(t).nbytes for state in optimizer.state.values() for t in state.values()) / 2,
        "gathered at most": most,
    }
    return {name: number / everything for name, number in bytes_held.items()}


def main() -> None:
    with joined() as group:
        found = {"held": held(group)}
        sharding.BLOCK = 1000
        found |= {name: compare(name, group) for name in sys.argv[1:]}
        for line in group.to_first(json.dumps(found)):
            sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
