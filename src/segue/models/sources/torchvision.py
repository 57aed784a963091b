"""torchvision's FCN, DeepLabV3 and LR-ASPP: `torchvision:NAME` (its published weights), or a file of its layout."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from segue.durable import sha256_of
from segue.errors import WeightsError
from segue.models.build import ModelSpec
from segue.models.hub import WAYS_OUT
from segue.models.networks import torchvision as mobile
from segue.models.networks.network import Description
from segue.models.origin import file_source
from segue.models.source import Source
from segue.models.sources.checkpoint import Checkpoint, Tensors
from segue.models.trunks.trunk import IMAGENET_MEAN, IMAGENET_STD
from segue.models.weight_file import TORCH_ENDINGS, read_weights
from segue.table import did_you_mean

log = logging.getLogger("segue")
PREFIX = "torchvision:"
NAMES = ("fcn_resnet50", "fcn_resnet101", "deeplabv3_resnet50", "deeplabv3_resnet101", *mobile.NAMES)
DECODERS = {"fcn": "fcn_d8", "deeplabv3": "deeplabv3"}  # Segue's own that compute the same
LICENCE = "BSD-3-Clause (torchvision; trained on COCO)"
PAGE = "https://docs.pytorch.org/vision/stable/models.html#semantic-segmentation"
AUXILIARY = "auxiliary.3."  # on the fourth of a ResNet's five maps
OURS = {  # beginning of a name in the file -> in Segue's model, for networks on ResNet
    "fcn": {"classifier.4.": "head.", "classifier.": "decoder.block."},
    "deeplabv3": {
        "classifier.4.": "head.",
        "classifier.0.": "decoder.blocks.aspp.",
        "classifier.1.": "decoder.blocks.conv.",
        "classifier.2.": "decoder.blocks.bn.",
    },
}
OURS_AUXILIARY = {"aux_classifier.4.": f"{AUXILIARY}score.", "aux_classifier.": f"{AUXILIARY}block."}


def open_checkpoint(weights: str) -> Checkpoint | None:
    """Published weights by name, or a file whose tensors are named as torchvision's segmentation networks name them."""
    if weights.startswith(PREFIX):
        name = weights.removeprefix(PREFIX)
        if name not in NAMES:
            raise WeightsError(f"{weights}: no such network: {did_you_mean(name, list(NAMES))}")
        names = _categories(name)
        return Checkpoint(_spec(name, len(names)), names, _source(name), lambda: _fetched(name))
    path = Path(weights)
    if path.suffix.lower() not in (".safetensors", *TORCH_ENDINGS) or not path.is_file():
        return None
    tensors = read_weights(path)
    found = _recognise(tensors)
    return None if found is None else _local(path, found, tensors)


def _local(path: Path, name: str, tensors: Tensors) -> Checkpoint:
    sha256 = sha256_of(path)
    known = sha256.startswith(_sha256_prefix(name))
    source = _source(name) if known else file_source(path)
    classes = next(tensor.shape[0] for key, tensor in tensors.items() if key.endswith(_LAST_BIASES))
    names = _categories(name) if known else ()
    return Checkpoint(_spec(name, classes), names, source, lambda: (_renamed(name, tensors), sha256))


def _published(name: str) -> Any:  # noqa: ANN401 - a member of one of torchvision's enumerations
    from torchvision.models import get_model_weights

    return get_model_weights(name).DEFAULT


def _categories(name: str) -> tuple[str, ...]:
    return tuple(_published(name).meta["categories"])


def _source(name: str) -> Source:
    return Source(f"torchvision {name} {_published(name).name}", LICENCE, url=PAGE)


def _sha256_prefix(name: str) -> str:
    """The digits of the checksum that torchvision writes into its files' names."""
    return Path(_published(name).url).stem.rpartition("-")[2]


def _spec(name: str, classes: int) -> ModelSpec:
    kind, _, backbone = name.partition("_")
    if name not in mobile.NAMES:
        return ModelSpec(backbone, DECODERS[kind], 3, classes)
    network = Description("torchvision", {"name": name}, IMAGENET_MEAN, IMAGENET_STD).to_json()
    return ModelSpec(f"torchvision:{backbone}", f"torchvision:{kind}", 3, classes, network)


# --- recognising and renaming ----------------------------------------------------------------------------------------

_LAST_BIASES = (".low_classifier.bias", "classifier.4.bias")


def _recognise(tensors: Mapping[str, Tensor]) -> str | None:
    """Which of the networks has these tensors; None when it is none of them."""
    if not all(name.startswith(("backbone.", "classifier.", "aux_classifier.")) for name in tensors):
        return None
    if "classifier.low_classifier.bias" in tensors:
        kind = "lraspp"
    elif "classifier.4.bias" in tensors:
        kind = "deeplabv3" if "classifier.0.project.0.weight" in tensors else "fcn"
    else:
        return None
    if "backbone.layer3.22.conv1.weight" in tensors:
        backbone = "resnet101"
    elif "backbone.layer3.5.conv3.weight" in tensors:
        backbone = "resnet50"
    else:
        backbone = "mobilenet_v3_large"
    name = f"{kind}_{backbone}"
    return name if name in NAMES else None


def _renamed(name: str, tensors: Tensors) -> Tensors:
    """The tensors by the names of the model that `_spec` describes."""
    kind = name.partition("_")[0]
    if name not in mobile.NAMES:
        table = {"backbone.": "encoder.net.", **OURS[kind], **OURS_AUXILIARY}
    elif kind == "lraspp":
        return _joined(tensors)
    else:
        table = {"backbone.": "encoder.net.features.", "classifier.4.": "head.", "classifier.": "decoder.net.net."}
    return {_begin(key, table): tensor for key, tensor in tensors.items()}


def _joined(tensors: Tensors) -> Tensors:
    """LR-ASPP: its two classifiers as the one that reads both maps side by side."""
    table = {"backbone.": "encoder.net.features.", "classifier.": "decoder.net."}
    low, high = (f"classifier.{part}_classifier." for part in ("low", "high"))
    joined = {
        "head.weight": torch.cat([tensors[f"{high}weight"], tensors[f"{low}weight"]], dim=1),
        "head.bias": tensors[f"{high}bias"] + tensors[f"{low}bias"],
    }
    rest = {_begin(key, table): tensor for key, tensor in tensors.items() if not key.startswith((low, high))}
    return {**rest, **joined}


def _begin(key: str, table: Mapping[str, str]) -> str:
    return next((ours + key.removeprefix(start) for start, ours in table.items() if key.startswith(start)), key)


# --- downloading -----------------------------------------------------------------------------------------------------


def _fetched(name: str) -> tuple[Tensors, str | None]:
    """The published tensors under the names of Segue's model."""
    path = fetch_published(name)
    return _renamed(name, read_weights(path)), sha256_of(path)


def fetch_published(name: str, ways_out: str = WAYS_OUT) -> Path:
    """The default weights file of any of torchvision's networks, downloaded unless it is in torch's own cache.

    Raises `WeightsError`, which ends with `ways_out`, when it cannot be downloaded.
    """
    url, prefix = _published(name).url, _sha256_prefix(name)
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name
    if not path.is_file() or not sha256_of(path).startswith(prefix):
        path.parent.mkdir(parents=True, exist_ok=True)
        log.info("downloading %s", url)
        try:
            download(url, path, prefix)
        except (OSError, RuntimeError, ValueError) as error:
            reason = f"{type(error).__name__}: {error}".partition("\n")[0][:150]
            raise WeightsError(f"cannot download {url} ({reason}): {ways_out}") from error
    return path


def download(url: str, path: Path, sha256_prefix: str) -> None:
    """Torch's own download, which checks the file against its checksum: the one place here that touches the network."""
    torch.hub.download_url_to_file(url, str(path), hash_prefix=sha256_prefix, progress=False)
