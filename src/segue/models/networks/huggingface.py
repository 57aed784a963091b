"""What all networks of Hugging Face's `transformers` have in common: reading a configuration, building, loading.

Of a configuration only the fields that its class declares are used. What else a published one may hold (a path, code to
fetch, a quantiser, a kernel from the hub) never reaches the library. `transformers` is imported when a network of it is
used, and comes with `pip install "segue[foundation]"`.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from segue.errors import UsageError
from segue.extras import require
from segue.models.encoders import Encoder
from segue.models.maps import Maps
from segue.models.networks.network import Parts

EXTRA = "foundation"
BACKBONES = ("swin", "convnext", "resnet")  # model types that may stand inside a network
MAX_WEIGHTS = 4_000_000_000
EXTRAS = ("use_auxiliary_head", "output_auxiliary_logits", "use_auxiliary_loss")  # of a loss that is not used here


@dataclass(frozen=True)
class Loaded:
    """A network with a file's tensors: the ids of what the file did not have, and the names that found no place."""

    parts: Parts
    missing: set[int]
    unexpected: tuple[str, ...]


@dataclass(frozen=True)
class Network:
    """A network of transformers: the name of its class there, and how it is taken apart."""

    architecture: str
    split: Callable[[Any], Parts]

    def configure(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """The part of a published `config.json` that says how to build the network, complete, in plain types.

        Raises `UsageError` for a network inside this one that is not among `BACKBONES`.
        """
        kind = self._class().config_class
        with quiet():
            return _without_extras(_declared(kind.from_dict(dict(content))))

    def build(self, config: Mapping[str, Any], in_channels: int, classes: int) -> Parts:
        """Build the network with random weights from what `configure` returned."""
        kind = self._class()
        with quiet():
            complete = self._config(config, in_channels, classes)
            with torch.device("meta"):  # a stranger's numbers: the size is known before memory is asked for
                count = sum(parameter.numel() for parameter in kind(complete).parameters())
            if count > MAX_WEIGHTS:
                raise UsageError(f"network: expected at most {MAX_WEIGHTS:,} weights, got {count:,}")
            return self.split(kind(complete))

    def load(self, config: Mapping[str, Any], classes: int, tensors: Mapping[str, Tensor]) -> Loaded:
        """Build the network with the tensors of a published file, whose names the library brings up to date."""
        with quiet():
            model, info = self._class().from_pretrained(
                None, config=self._config(config, None, classes), state_dict=dict(tensors), output_loading_info=True,
                ignore_mismatched_sizes=True, dtype=torch.float32,
            )  # fmt: skip
        lacking = {name if isinstance(name, str) else name[0] for key in _LACKING for name in info[key]}
        missing = {id(tensor) for name, tensor in model.state_dict(keep_vars=True).items() if name in lacking}
        return Loaded(self.split(model), missing, tuple(sorted(info["unexpected_keys"])))

    def _class(self) -> Any:  # noqa: ANN401
        return getattr(require("transformers", EXTRA), self.architecture)

    def _config(self, content: Mapping[str, Any], in_channels: int | None, classes: int) -> Any:  # noqa: ANN401
        config = self._class().config_class.from_dict(_without_extras(content))
        config.num_labels = classes
        inner = getattr(config, "backbone_config", None) or config
        inner.num_channels = in_channels or inner.num_channels
        return config


_LACKING = ("missing_keys", "mismatched_keys")


class Trunk(nn.Module):
    """An encoder of transformers as `Encoder` wants it: `maps(model, images)` gives its feature maps as a list."""

    def __init__(self, model: nn.Module, maps: Callable[[Any, Tensor], list[Tensor]]) -> None:
        super().__init__()
        self.model = model
        self._maps = maps
        self.feature_info: Any = None

    def forward(self, images: Tensor) -> list[Tensor]:
        """The feature maps, fine to coarse."""
        return self._maps(self.model, images)


def encoder_of(trunk: Trunk, channels: tuple[int, ...], strides: tuple[int, ...], taps: tuple[str, ...]) -> Encoder:
    """An `Encoder` around a trunk; `taps` are names below its model."""
    trunk.feature_info = Maps(channels, strides, tuple(f"model.{tap}" for tap in taps))
    return Encoder(trunk)


def backbone_encoder(backbone: Any) -> Encoder:  # noqa: ANN401
    """An `Encoder` around a backbone of transformers (Swin, ConvNeXt, ResNet), whose stages halve from stride 4 on."""
    stages = [int(name.removeprefix("stage")) for name in backbone.out_features]
    inner = "swin.encoder.layers" if hasattr(backbone, "swin") else "encoder.stages"
    return encoder_of(
        Trunk(backbone, backbone_maps),
        tuple(backbone.channels),
        tuple(2 ** (stage + 1) for stage in stages),
        tuple(f"{inner}.{stage - 1}" for stage in stages),
    )


def backbone_maps(backbone: Any, images: Tensor) -> list[Tensor]:  # noqa: ANN401
    """The maps a backbone was configured to give."""
    return list(backbone(images).feature_maps)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep progress bars and remarks of the library off the screen; what matters is in the load report."""
    logging = require("transformers", EXTRA).utils.logging
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def _declared(config: Any) -> dict[str, Any]:  # noqa: ANN401
    """The fields a configuration's own class declares, as plain types."""
    common = {field.name for field in dataclasses.fields(require("transformers", EXTRA).PreTrainedConfig)}
    names = [field.name for field in dataclasses.fields(config) if field.name not in common | {"_out_indices"}]
    values = {name.removeprefix("_"): _plain(getattr(config, name)) for name in names}
    if getattr(config, "out_features", None):  # which maps a backbone gives; not every one of them declares it
        values["out_features"] = list(config.out_features)
    return {"model_type": config.model_type, **values}


def _plain(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if hasattr(value, "model_type"):
        if value.model_type not in BACKBONES:
            raise UsageError(f"expected a network on {', '.join(BACKBONES)}, got one on {value.model_type!r}")
        return _declared(value)
    return value


def _without_extras(content: Mapping[str, Any]) -> dict[str, Any]:
    return {name: False if name in EXTRAS else value for name, value in content.items()}
