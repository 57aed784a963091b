"""SegFormer, UPerNet, DPT, Mask2Former and EoMT as Hugging Face's transformers saves them: a folder or `hf:` name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from segue.errors import UsageError, WeightsError
from segue.models.build import ModelSpec
from segue.models.networks import NETWORKS
from segue.models.networks.huggingface import Network
from segue.models.networks.network import Description, Parts
from segue.models.source import Source
from segue.models.sources.card import card_licence
from segue.models.sources.checkpoint import Checkpoint, Tensors
from segue.models.sources.files import Files, files_of
from segue.models.trunks.trunk import IMAGENET_MEAN, IMAGENET_STD

KINDS = ("segformer", "upernet", "dpt", "mask2former", "eomt")  # rows of NETWORKS that are networks of transformers
NAMELESS = re.compile(r"LABEL_\d+")  # what transformers calls classes nobody named


def open_checkpoint(weights: str) -> Checkpoint | None:
    """The network a `config.json` with `model_type` describes; raises `WeightsError` for one that is not supported."""
    files = files_of(weights)
    content = files.json("config.json") if files else None
    if files is None or content is None:
        if files is not None and not files.local:
            raise WeightsError(f"{weights}: expected a model with a config.json, got none: check the name")
        return None
    if "_model_class" in content:  # segmentation_models_pytorch's
        return None
    kind = _kind(weights, content)
    network: Network = NETWORKS[kind]
    try:
        config = network.configure(content)
    except UsageError as error:
        raise WeightsError(f"{weights}: {error}") from None
    names = _names(content)
    mean, std = _statistics(files)
    inner = (config.get("backbone_config") or config)["model_type"]
    spec = ModelSpec(
        encoder=f"transformers:{inner}",
        decoder=f"transformers:{kind}",
        in_channels=int((config.get("backbone_config") or config).get("num_channels", 3)),
        classes=len(names),
        network=Description(kind, config, mean, std).to_json(),
    )
    source = Source(files.title, card_licence(files, str(content.get("_name_or_path") or "")), url=files.url)

    def read() -> tuple[Tensors, str | None]:
        tensors, sha256 = files.tensors()
        _refuse_masked_attention(weights, tensors)
        return _by_our_names(network, config, len(names), tensors), sha256

    known = () if all(NAMELESS.fullmatch(name) for name in names) else names
    return Checkpoint(spec, known, source, read)


def _kind(weights: str, content: Mapping[str, Any]) -> str:
    architectures = content.get("architectures") or ()
    supported = {NETWORKS[kind].architecture: kind for kind in KINDS}
    found = next((supported[name] for name in architectures if name in supported), None)
    if found is None and isinstance(content.get("architecture"), str):
        name = content["architecture"]
        raise WeightsError(
            f"{weights}: expected a whole network, got timm's encoder {name}: use --model.encoder {name}"
        )
    if found is None:
        got = ", ".join(str(name) for name in architectures) or content.get("model_type", "no architecture")
        raise WeightsError(f"{weights}: expected one of {', '.join(supported)}, got {got}")
    return found


def _names(content: Mapping[str, Any]) -> tuple[str, ...]:
    """The class names in the order of the head's rows, as `id2label` numbers them.

    Whether the network was trained with `do_reduce_labels` (ADE20K: mask value 1 is row 0) does not matter: it moves
    the values in masks, never the rows.
    """
    labels = content.get("id2label") or {"0": "LABEL_0", "1": "LABEL_1"}  # the default, which is not written
    try:
        numbered = {int(number): str(name) for number, name in labels.items()}
        return tuple(numbered[number] for number in range(len(numbered)))
    except (AttributeError, ValueError, KeyError):
        raise WeightsError("config.json: expected id2label with a name for each number from 0 on") from None


def _statistics(files: Files) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation for pixel values from 0 to 1, whatever scale the published preprocessing works on."""
    content = files.json("preprocessor_config.json")
    if content is None:
        return IMAGENET_MEAN, IMAGENET_STD
    scale = 255.0 * float(content.get("rescale_factor", 1 / 255)) if content.get("do_rescale", True) else 255.0
    normalised = content.get("do_normalize", True)
    mean = content.get("image_mean", IMAGENET_MEAN) if normalised else (0.0,) * 3
    std = content.get("image_std", IMAGENET_STD) if normalised else (1.0,) * 3
    return _scaled(mean, scale), _scaled(std, scale)


def _scaled(values: Sequence[float] | float, scale: float) -> tuple[float, ...]:
    listed = values if isinstance(values, Sequence) else (values,) * 3
    return tuple(round(float(value) / scale, 9) for value in listed)


def _refuse_masked_attention(weights: str, tensors: Mapping[str, Tensor]) -> None:
    share = tensors.get("attn_mask_probs")
    if share is not None and bool((share > 0).any()):
        raise WeightsError(
            f"{weights}: expected an EoMT whose masked attention was phased out (attn_mask_probs 0), got one in the "
            "middle of its training: finish it, or take a published one"
        )


def _by_our_names(network: Network, config: Mapping[str, Any], classes: int, tensors: Mapping[str, Tensor]) -> Tensors:
    """The tensors by the names they have in Segue's model; those that nothing took keep the name of the file."""
    loaded = network.load(config, classes, tensors)
    ours = _state(loaded.parts)
    found = {name: tensor.detach() for name, tensor in ours.items() if id(tensor) not in loaded.missing}
    return {**found, **{name: tensors.get(name, torch.empty(0)) for name in loaded.unexpected}}


def _state(parts: Parts) -> dict[str, torch.Tensor]:
    whole = nn.Module()
    whole.encoder, whole.decoder, whole.head = parts.encoder, parts.decoder, parts.head
    return whole.state_dict(keep_vars=True)
