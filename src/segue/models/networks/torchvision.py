"""torchvision's segmentation networks on MobileNetV3, whole: Segue's own parts do not compute the same.

timm's MobileNetV3 differs from torchvision's dilated one in two ways: its normalisation adds 1e-5 to the variance, not
1e-3, and it begins to dilate one convolution later. And torchvision's DeepLabV3 has rates of 12, 24, 36 at stride 16.
Its networks on ResNet are Segue's own (`segue.models.sources.torchvision`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from segue.errors import UsageError
from segue.models.encoders import Encoder
from segue.models.maps import Maps
from segue.models.networks.network import Parts, Wrapped

NAMES = ("deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large")


class Network:
    """A row of `NETWORKS`: `config` holds the name of torchvision's function."""

    def build(self, config: Mapping[str, Any], in_channels: int, classes: int) -> Parts:
        """Build the network with random weights."""
        from torchvision.models import segmentation

        name = config["name"]
        if name not in NAMES:
            raise UsageError(f"network torchvision: expected {' or '.join(NAMES)}, got {name!r}")
        model = getattr(segmentation, name)(weights=None, weights_backbone=None, num_classes=classes)
        encoder = Encoder(_Features(model.backbone, in_channels))
        return _lraspp(encoder, model.classifier) if name.startswith("lraspp") else _deeplab(encoder, model.classifier)


NETWORK = Network()


class _Features(nn.Module):
    """MobileNetV3 as torchvision cuts it: a map before every halving and one at the end, the last two at stride 16."""

    def __init__(self, backbone: nn.ModuleDict, in_channels: int) -> None:
        super().__init__()
        self.features = nn.Sequential(*backbone.values())
        if in_channels != 3:
            stem: Any = self.features[0]
            first = stem[0]
            stem[0] = nn.Conv2d(
                in_channels, first.out_channels, first.kernel_size, first.stride, first.padding, bias=False
            )
        halving = [number for number, block in enumerate(self.features) if getattr(block, "_is_cn", False)]
        self._taps = [0, *halving, len(self.features) - 1]
        channels = tuple(self.features[number].out_channels for number in self._taps)
        names = tuple(f"features.{number}" for number in self._taps)
        self.feature_info = Maps(channels, (2, 4, 8, 16, 16, 16), names)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> list[Tensor]:
        maps = []
        for number, block in enumerate(self.features):
            images = block(images)
            if number in self._taps:
                maps.append(images)
        return maps


def _deeplab(encoder: Encoder, classifier: Any) -> Parts:  # noqa: ANN401
    *layers, head = classifier.children()
    decoder = _Last(nn.Sequential(*layers))
    return Parts(encoder, Wrapped(decoder, len(encoder.channels), head.in_channels), head)


def _lraspp(encoder: Encoder, classifier: Any) -> Parts:  # noqa: ANN401
    """Scores of two maps added up are scores of both maps side by side, so one convolution is the head."""
    low, high = classifier.low_classifier, classifier.high_classifier
    width = high.in_channels + low.in_channels
    head = nn.Conv2d(width, high.out_channels, kernel_size=1)
    return Parts(encoder, Wrapped(_Gated(classifier.cbr, classifier.scale), len(encoder.channels), width), head)


class _Last(nn.Module):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, features: list[Tensor]) -> Tensor:
        return self.net(features[-1])  # type: ignore[no-any-return]


class _Gated(nn.Module):
    """LR-ASPP: the last map, gated by its own average, beside the one at stride 8."""

    def __init__(self, cbr: nn.Module, scale: nn.Module) -> None:
        super().__init__()
        self.cbr = cbr
        self.scale = scale

    def forward(self, features: list[Tensor]) -> Tensor:
        low, high = features[-4], features[-1]
        gated = self.cbr(high) * self.scale(high)
        return torch.cat([functional.interpolate(gated, low.shape[-2:], mode="bilinear"), low], dim=1)
