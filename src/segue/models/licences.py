"""The licence of pretrained weights, as far as it is known; never a guess."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

UNKNOWN = "unknown: check the model card"
UNKNOWN_FILE = "unknown: check where the file came from"

# first 8 digits of the SHA-256 (torchvision writes them into the file name) -> name, licence, page
_TORCHVISION = ("BSD-3-Clause (torchvision; trained on ImageNet)", "https://docs.pytorch.org/vision/stable/models.html")
PUBLISHED = {
    "f37072fd": ("torchvision resnet18 IMAGENET1K_V1", *_TORCHVISION),
    "b627a593": ("torchvision resnet34 IMAGENET1K_V1", *_TORCHVISION),
    "0676ba61": ("torchvision resnet50 IMAGENET1K_V1", *_TORCHVISION),
    "11ad3fa6": ("torchvision resnet50 IMAGENET1K_V2", *_TORCHVISION),
    "b0353104": ("torchvision mobilenet_v2 IMAGENET1K_V1", *_TORCHVISION),
    "7ebf99e0": ("torchvision mobilenet_v2 IMAGENET1K_V2", *_TORCHVISION),
    "397923af": ("torchvision vgg16 IMAGENET1K_V1", *_TORCHVISION),
    "6c64b313": ("torchvision vgg16_bn IMAGENET1K_V1", *_TORCHVISION),
    "a639ec97": ("torchvision densenet121 IMAGENET1K_V1", *_TORCHVISION),
}


def hub_licence(config: Mapping[str, Any]) -> str:
    """The licence timm records for a pretrained tag, else a sentence that sends the reader to the model card."""
    licence = config.get("license")
    return licence if licence and licence != "unknown" else UNKNOWN


def stated_licence(metadata: Mapping[str, str]) -> str:
    """The licence a weights file names in its own header: its word, so it is marked as such; one line, 80 characters.

    >>> stated_licence({"licence": "Apache-2.0"}), stated_licence({})
    ('Apache-2.0 (as the file states)', 'unknown: check where the file came from')
    """
    text = metadata.get("licence") or metadata.get("license") or ""
    shown = "".join(character for character in text if character.isprintable()).strip()[:80]
    return f"{shown} (as the file states)" if shown else UNKNOWN_FILE


def published_file(sha256: str) -> tuple[str, str, str] | None:
    """Name, licence and page of a file published under this checksum; None for any other file."""
    return PUBLISHED.get(sha256[:8])
