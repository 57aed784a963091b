"""Which tensor of a file belongs to which tensor of an encoder, whoever named them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import takewhile

from torch import Tensor

PREFIXES = (
    *("", "encoder.net.", "encoder.model.", "encoder.", "backbone.", "features.", "model.", "net."),
    "base_encoder.",  # MoCo v3, which also stores the slower copy as momentum_encoder
    "encoder_q.",  # MoCo and MoCo v2, beside encoder_k
    "image_encoder.",  # SAM
)
STATISTIC = "num_batches_tracked"  # a counter that old files lack; it says nothing about which layer this is

Match = dict[str, str]  # encoder name -> file name


def match_names(encoder: Mapping[str, Tensor], file: Mapping[str, Tensor], stem: str) -> Match:
    """Pair the tensors of an encoder with those of a file.

    Tried in turn, and the pairing that covers most elements wins: timm's names (which torchvision shares for ResNet,
    VGG and DenseNet), plain or as timm's feature extractors write them, under the prefixes of common libraries; then
    layer by layer in order of definition, for torchvision's MobileNet and EfficientNet, whose layers carry numbers.
    Paired tensors have the same shape; only `stem`, the first weight, may differ in input channels, and a position
    embedding in its number of tokens.
    """
    found: Match = {}
    for prefix in PREFIXES:
        part = {name[len(prefix) :]: name for name in file if name.startswith(prefix)}
        if not part:
            continue
        found = max(found, _by_name(encoder, file, part, stem), key=lambda match: elements(match, encoder))
        if elements(found, encoder) == elements(encoder, encoder):
            return found
        found = max(found, _by_order(encoder, file, part, stem), key=lambda match: elements(match, encoder))
    return found


def elements(names: Iterable[str], tensors: Mapping[str, Tensor]) -> int:
    """How many floating-point numbers the named tensors hold: weights and statistics, not counters and indices."""
    return sum(tensors[name].numel() for name in names if tensors[name].is_floating_point())


def fits(name: str, expected: Tensor, given: Tensor, stem: str) -> bool:
    """Whether a tensor can take the place of another, as it is or adapted."""
    if expected.shape == given.shape:
        return True
    if name == stem and expected.ndim == given.ndim == 4:
        return (expected.shape[0], *expected.shape[2:]) == (given.shape[0], *given.shape[2:])
    if name.endswith("pos_embed") and expected.ndim == given.ndim == 3:
        return expected.shape[2] == given.shape[2]
    return False


def _by_name(encoder: Mapping[str, Tensor], file: Mapping[str, Tensor], part: Mapping[str, str], stem: str) -> Match:
    match: Match = {}
    for short, name in part.items():
        own = next((spelling for spelling in _spellings(short) if spelling in encoder), None)
        if own is not None and fits(own, encoder[own], file[name], stem):
            match[own] = name
    return match


def _spellings(name: str) -> tuple[str, ...]:
    """How timm's extractors may write a name: joined at the first dot, or below `model` or `body`."""
    # the files of torchvision's DenseNets still say norm.1 where the network says norm1
    name = re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12])\.", r"\1\2.", name)
    name = re.sub(r"(blocks\.\d+\.mlp\.)lin([12])\.", r"\1fc\2.", name)  # SAM's word for a linear layer
    return name, name.replace(".", "_", 1), f"model.{name}", f"body.{name}"


def _by_order(encoder: Mapping[str, Tensor], file: Mapping[str, Tensor], part: Mapping[str, str], stem: str) -> Match:
    """Pair layer after layer, from the first on, until two do not have the same tensors of the same shapes."""
    own, given = _layers(encoder), _layers({short: file[name] for short, name in part.items()}, in_order=False)

    def alike(pair: tuple[str, str]) -> bool:
        ours, theirs = own[pair[0]], given[pair[1]]
        return (ours.keys() ^ theirs.keys()) <= {STATISTIC} and all(
            fits(f"{pair[0]}.{leaf}", tensor, theirs[leaf], stem) for leaf, tensor in ours.items() if leaf in theirs
        )

    pairs = takewhile(alike, zip(own, given, strict=False))
    return {
        f"{ours}.{leaf}": part[f"{theirs}.{leaf}"]
        for ours, theirs in pairs
        for leaf in own[ours]
        if leaf in given[theirs]
    }


def _layers(tensors: Mapping[str, Tensor], *, in_order: bool = True) -> dict[str, dict[str, Tensor]]:
    """Tensors by layer; layers as they come, or by the numbers in their names (safetensors files are not in order)."""
    layers: dict[str, dict[str, Tensor]] = {}
    for name in tensors if in_order else sorted(tensors, key=_by_number):
        layer, _, leaf = name.rpartition(".")
        layers.setdefault(layer, {})[leaf] = tensors[name]
    return layers


def _by_number(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in name.split(".")]
