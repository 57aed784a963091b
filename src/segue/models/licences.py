"""The licence of pretrained weights, as far as it is known; never a guess."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

UNKNOWN = "unknown: check the model card"
UNKNOWN_FILE = "unknown: check where the file came from"
TIMM_CODE = "apache-2.0"  # the licence of timm itself; weights have one each

# identifiers as SPDX, the Hugging Face hub and timm write them, in lower case
PERMISSIVE = {"apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "isc", "cc-by-4.0", "cc0-1.0", "unlicense"}
NON_COMMERCIAL = {
    "apple-amlr",  # Apple's Machine Learning Research Model licence: research only
    "fair-noncommercial-research-license",
    "nvidia-source-code-license",  # SegFormer's: research or evaluation only
}
OWN_TERMS = {
    "apple-ascl",
    "cvnets-license",
    "dinov3-license",  # commercial use is allowed, some fields are not, and the text has to travel with the weights
    "fastvit-license",
    "gemma",
    "mobileone-license",
    "nvidia-open-model-license",
    "qwen-community-1.0",
    "sapiens2-license",
    "seer-license",
}

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
    "dcbb9e9d": ("torchvision vgg19 IMAGENET1K_V1", *_TORCHVISION),
    "b8a52dc0": ("torchvision squeezenet1_1 IMAGENET1K_V1", *_TORCHVISION),
    "a639ec97": ("torchvision densenet121 IMAGENET1K_V1", *_TORCHVISION),
}


class Use(Enum):
    """What a licence allows, as far as its identifier tells: no judgement of your case."""

    PERMISSIVE = "permissive"
    NON_COMMERCIAL = "non-commercial"
    OWN_TERMS = "terms of its own"
    UNKNOWN = "unknown"


def use_of(licence: str) -> Use:
    """Which kind of licence this is; a remark in brackets behind it does not count, any other addition does.

    >>> use_of("BSD-3-Clause (torchvision; trained on ImageNet)"), use_of("cc-by-nc-4.0")
    (<Use.PERMISSIVE: 'permissive'>, <Use.NON_COMMERCIAL: 'non-commercial'>)
    """
    identifier = licence.partition(" (")[0].strip().lower()
    if identifier in PERMISSIVE:
        return Use.PERMISSIVE
    if identifier in NON_COMMERCIAL or identifier.startswith("cc-by-nc"):
        return Use.NON_COMMERCIAL
    return Use.OWN_TERMS if identifier in OWN_TERMS else Use.UNKNOWN


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
