"""Networks of segmentation_models_pytorch, whole: encoder, decoder, and the head whose scores it enlarges itself.

Segue's own decoders use the library's too, but stop at a coarser map, have no dropout and read the classes by a 1x1
convolution. A published checkpoint of the library computes what it was trained to only in the library's own network.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from segue.errors import UsageError
from segue.models.encoders import SMALLEST, Encoder
from segue.models.maps import Maps
from segue.models.networks.network import Parts, Wrapped
from segue.table import did_you_mean

MOST = 4096  # channels anywhere in a decoder
NEVER = ("encoder_weights", "activation", "aux_params")  # a download, scores that are no logits, a classifier


class Network:
    """A row of `NETWORKS`: `config` holds the library's class name and the arguments it was built with."""

    def configure(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """What of a `config.json` of the library says how to build the network: the arguments its class declares.

        Raises `UsageError` for a class or an encoder the library does not have, and for its DPT, which has another
        kind of encoder.
        """
        name = str(content.get("_model_class"))
        declared = inspect.signature(_class_of(name)).parameters.values()
        names = {p.name for p in declared if p.kind is not inspect.Parameter.VAR_KEYWORD}
        arguments = {key: value for key, value in content.items() if key in names and key not in NEVER}
        if any(number > MOST for number in _numbers(arguments)):
            raise UsageError(f"network smp: expected numbers up to {MOST:,}, got larger ones")
        arguments["encoder_name"] = _checked_encoder(str(arguments.get("encoder_name", "resnet34")))
        return {"class": name, "arguments": arguments}

    def build(self, config: Mapping[str, Any], in_channels: int, classes: int) -> Parts:
        """Build the network with random weights from what `configure` returned."""
        # checked again: it may come from a stranger's model.json
        checked = self.configure({**config["arguments"], "_model_class": config["class"]})
        fixed = {"encoder_weights": None, "in_channels": in_channels, "classes": classes}
        return split(_class_of(checked["class"])(**{**checked["arguments"], **fixed}))


NETWORK = Network()


def split(model: Any) -> Parts:  # noqa: ANN401
    """The parts of a model of the library."""
    count = len(model.encoder.out_channels)
    out_channels = model.segmentation_head[0].in_channels
    # PAN halves the last map three times more
    smallest = 8 * model.encoder.output_stride if type(model).__name__ == "PAN" else SMALLEST
    encoder = Encoder(Trunk(model.encoder), smallest=smallest)
    return Parts(encoder, Wrapped(model.decoder, count, out_channels), model.segmentation_head)


class Trunk(nn.Module):
    """An encoder of the library. The image itself is its first map, as the library's decoders expect."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401
        super().__init__()
        self.model = model
        channels = tuple(model.out_channels)
        strides = tuple(min(2**level, model.output_stride) for level in range(len(channels)))
        self.feature_info = Maps(channels, strides, tuple(f"model.{tap}" for tap in _taps(model)))

    def forward(self, images: Tensor) -> list[Tensor]:
        """The image and its feature maps, fine to coarse."""
        return list(self.model(images))


def _numbers(value: Any) -> Iterator[float]:  # noqa: ANN401 - what a stranger's JSON holds
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ()
    for part in parts:
        yield from _numbers(part)
    if isinstance(value, (int, float)):
        yield abs(value)


def _class_of(name: str) -> Any:  # noqa: ANN401
    import segmentation_models_pytorch as smp
    from segmentation_models_pytorch.base import SegmentationModel

    classes = {kind.__name__: kind for kind in smp.MODEL_ARCHITECTURES_MAPPING.values()}
    usable = {key: kind for key, kind in classes.items() if kind.forward is SegmentationModel.forward}
    if name not in usable:
        raise UsageError(f"network smp: no architecture {name!r}: {did_you_mean(name, list(usable))}")
    return usable[name]


def _checked_encoder(name: str) -> str:
    """The name, if the library or timm has it; names that stand for a download or a file are refused."""
    import timm
    from segmentation_models_pytorch.encoders import encoders

    universal = name.removeprefix("tu-").partition(".")[0]
    if name in encoders or (name.startswith("tu-") and timm.is_model(universal) and not set(name) & set(":/\\")):
        return name
    raise UsageError(f"network smp: no encoder {name!r}: {did_you_mean(name, list(encoders))}")


def _taps(encoder: Any) -> list[str]:  # noqa: ANN401
    """The name of the submodule each map comes out of, seen by running the encoder once; "-" for none."""
    if hasattr(encoder, "patch_embed1"):
        return _mix_transformer_taps(encoder)
    image = torch.zeros(1, encoder._in_channels, 64, 64, device=next(encoder.parameters()).device)
    seen: dict[int, str] = {}
    keep: list[Any] = []  # a tensor that is gone may leave its id to another
    hooks = [module.register_forward_hook(_note(name, seen, keep)) for name, module in encoder.named_modules() if name]
    training = encoder.training
    encoder.eval()
    with torch.no_grad():
        maps = encoder(image)
    encoder.train(training)
    for hook in hooks:
        hook.remove()
    return [seen.get(id(map_), "-") for map_ in maps]


def _note(name: str, seen: dict[int, str], keep: list[Any]) -> Any:  # noqa: ANN401
    def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:  # noqa: ANN401
        # the module that made a tensor, then those around it; one that passes on what it got is none of them
        if seen.get(id(output), f"{name}.").startswith(f"{name}."):
            seen[id(output)] = name
        keep.append(output)

    return hook


def _mix_transformer_taps(encoder: Any) -> list[str]:  # noqa: ANN401
    """Those of the library's Mix Transformer, whose maps are copies; its modules are put in the order of their use."""
    order = [f"{part}{stage}" for stage in range(1, 5) for part in ("patch_embed", "block", "norm")]
    modules = encoder._modules
    encoder._modules = {name: modules[name] for name in [*order, *(name for name in modules if name not in order)]}
    return [f"norm{level - 1}" if level > 1 else "-" for level in range(len(encoder.out_channels))]
