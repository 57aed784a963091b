"""Networks as segmentation_models_pytorch saves them and smp-hub has them: a folder or `hf:` name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from segue.errors import UsageError, WeightsError
from segue.models.build import ModelSpec
from segue.models.encoders import code_licence, pretrained_config
from segue.models.licences import Use, use_of
from segue.models.networks.network import Description
from segue.models.networks.smp import NETWORK
from segue.models.source import Source
from segue.models.sources.card import card_licence
from segue.models.sources.checkpoint import Checkpoint, Tensors
from segue.models.sources.files import Files, files_of

PARTS = {"encoder.": "encoder.net.model.", "decoder.": "decoder.net.", "segmentation_head.": "head."}
MOST = 65_536  # channels or classes
TIMM = {"inceptionv4": "inception_v4", "inceptionresnetv2": "inception_resnet_v2", "xception": "legacy_xception"}


def open_checkpoint(weights: str) -> Checkpoint | None:
    """The network a `config.json` with `_model_class` describes; the library does not record class names."""
    files = files_of(weights)
    content = files.json("config.json") if files else None
    if files is None or content is None or "_model_class" not in content:
        return None
    try:
        config = NETWORK.configure(content)
    except UsageError as error:
        raise WeightsError(f"{weights}: {error}") from None
    architecture, encoder = config["class"].lower(), config["arguments"]["encoder_name"]
    mean, std = _statistics(encoder)
    spec = ModelSpec(
        encoder=f"smp:{encoder}",
        decoder=f"smp:{architecture}",
        in_channels=_count(content, "in_channels", 3),
        classes=_count(content, "classes", 1),
        network=Description("smp", config, mean, std).to_json(),
    )

    def read() -> tuple[Tensors, str | None]:
        tensors, sha256 = files.tensors()
        return {_renamed(name): tensor for name, tensor in tensors.items()}, sha256

    return Checkpoint(spec, (), Source(files.title, _licence(files, encoder), url=files.url), read)


def _renamed(name: str) -> str:
    return next((ours + name.removeprefix(start) for start, ours in PARTS.items() if name.startswith(start)), name)


def _statistics(encoder: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """What timm knows of an encoder of this name: the library tells its own only where it can reach the hub."""
    name = encoder.removeprefix("tu-").removeprefix("timm-")
    config = pretrained_config(TIMM.get(name, name))
    return tuple(config["mean"]), tuple(config["std"])


def _licence(files: Files, encoder: str) -> str:
    """That of the encoder's code where it is narrower than the card, which the library writes "mit" into by itself."""
    code = code_licence(encoder)
    return card_licence(files) if use_of(code) is Use.PERMISSIVE else code


def _count(content: Mapping[str, Any], name: str, default: int) -> int:
    value = content.get(name, default)
    if not isinstance(value, int) or not 1 <= value <= MOST:
        raise WeightsError(f"config.json: expected {name} from 1 to {MOST}, got {value!r}")
    return value
