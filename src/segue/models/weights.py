"""Put pretrained weights into a model, say what arrived, and refuse when too little did."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from segue.errors import WeightsError
from segue.models.adapt import adapt_positions, adapt_stem
from segue.models.build import SegmentationModel
from segue.models.encoders import split_name
from segue.models.head import Swap, swap_classes, swap_rows
from segue.models.hub import fetch
from segue.models.looks_like import first_complete_stages, looks_like
from segue.models.naming import Match, elements, match_names
from segue.models.origin import file_source
from segue.models.source import Source as Source
from segue.models.sources import find
from segue.models.sources.checkpoint import Checkpoint
from segue.models.trunks.moco_v3 import check_heads
from segue.models.weight_file import read_weights

ENOUGH = 0.9  # share of the encoder below which pretrained weights are refused


@dataclass(frozen=True)
class LoadReport:
    """What became of pretrained weights, by name.

    `loaded` and `missing` are tensors of the model's encoder (for a whole network also of its decoder and head, a head
    row as `head.weight[road]`); `unexpected` are tensors of the file that nothing took; `reshaped` those of `loaded`
    that were adapted to the image channels or the patch grid. `share` is the part of the encoder's weights and
    statistics that was loaded, by number of elements (0 to 1). For a whole network, `kept`, `from_background` and
    `anew` say how the head's row of each class began (see `segue.models.head`).
    """

    loaded: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    reshaped: tuple[str, ...]
    source: Source
    share: float
    kept: tuple[str, ...] = ()
    from_background: tuple[str, ...] = ()
    anew: tuple[str, ...] = ()

    def summary(self) -> str:
        """One line for the log."""
        counts = f"{len(self.loaded)} loaded, {len(self.missing)} missing, {len(self.unexpected)} unexpected"
        reshaped = f", reshaped {', '.join(self.reshaped)}" if self.reshaped else ""
        return (
            f"{self.source.name}: {self.share:.1%} of the encoder ({counts}{reshaped}){self._classes()}; "
            f"licence {self.source.licence}"
        )

    def _classes(self) -> str:
        parts = {"kept": self.kept, "begun as background": self.from_background, "begun anew": self.anew}
        said = [f"{what} {', '.join(names)}" for what, names in parts.items() if names]
        return f"; classes {'; '.join(said)}" if said else ""


def load_pretrained(model: SegmentationModel, weights: str, names: Sequence[str] = ()) -> LoadReport:
    """Load an encoder's pretrained weights, or those of a whole network.

    `weights` is "hub" (by the encoder's name), a .safetensors or .pth file of an encoder in timm's or torchvision's
    naming, or one of the sources of whole networks (`segue.models.sources`), such as a run folder of Segue. `names` are
    the model's class names: head rows of a network whose class has one of them keep their weights. The model stays as
    it was when this raises.

    Raises:
        WeightsError: the weights cannot be had or read, or hold less than 90 % of the encoder.
    """
    if weights == "hub":
        path, source = fetch(split_name(model.spec.encoder)[0])
        return _load_encoder(model, read_weights(path), source)
    checkpoint = find(weights)
    if checkpoint is not None:
        return _load_whole(model, checkpoint, names)
    path = Path(weights)
    return _load_encoder(model, read_weights(path), file_source(path))


def _load_encoder(model: SegmentationModel, tensors: Mapping[str, Tensor], source: Source) -> LoadReport:
    encoder = model.encoder
    own: dict[str, Tensor] = encoder.net.state_dict()
    stem = encoder.stem().removeprefix("net.")
    check_heads(encoder.net, tensors)
    match = match_names(own, tensors, stem)
    share = elements(match, own) / max(1, elements(own, own))
    if share < ENOUGH:
        raise WeightsError(_too_little(model, own, tensors, match, source))
    adapted = {name: _adapt(name, own[name], tensors[match[name]], stem, _prefix_tokens(encoder.net)) for name in match}
    reshaped = [name for name in match if own[name].shape != tensors[match[name]].shape]
    with torch.no_grad():
        for name, tensor in adapted.items():
            own[name].copy_(tensor)
    taken = set(match.values())
    return LoadReport(
        loaded=tuple(f"encoder.net.{name}" for name in own if name in match),
        missing=tuple(f"encoder.net.{name}" for name in own if name not in match),
        unexpected=tuple(name for name in tensors if name not in taken),
        reshaped=tuple(f"encoder.net.{name}" for name in reshaped),
        source=source,
        share=share,
    )


def _adapt(name: str, expected: Tensor, given: Tensor, stem: str, prefix: int) -> Tensor:
    if expected.shape == given.shape:
        return given
    adapted = adapt_stem(given.float(), expected.shape[1]) if name == stem else None
    if name != stem:
        adapted = adapt_positions(given.float(), expected.shape[1], prefix)
    if adapted is None:
        raise WeightsError(
            f"{name}: expected shape {tuple(expected.shape)}, got {tuple(given.shape)}: not a square grid"
        )
    return adapted


def _prefix_tokens(net: torch.nn.Module) -> int:
    inner = getattr(net, "model", net)
    return 0 if getattr(inner, "no_embed_class", False) else int(getattr(inner, "num_prefix_tokens", 0))


def _too_little(
    model: SegmentationModel, own: Mapping[str, Tensor], tensors: Mapping[str, Tensor], match: Match, source: Source
) -> str:
    missing = [name for name in own if name not in match]
    share = elements(match, own) / max(1, elements(own, own))
    base, maps = split_name(model.spec.encoder)
    complete = first_complete_stages(model.encoder, missing)
    if 1 < complete < (maps or len(model.encoder.channels)):
        hint = f"the file ends early: --model.encoder {base}@{complete} uses the part it has"
    elif likely := looks_like(tensors):
        hint = f"these look like timm {likely} weights: --model.encoder {likely}"
    else:
        hint = "give a file that belongs to this encoder, or choose the encoder it belongs to"
    return (
        f"{source.name}: expected at least {ENOUGH:.0%} of encoder {model.spec.encoder}, got {share:.0%}, without "
        f"{', '.join(missing[:3])}{' …' if len(missing) > 3 else ''} ({len(missing)} of {len(own)} tensors); {hint}"
    )


# --- whole networks --------------------------------------------------------------------------------------------------

PER_CLASS = re.compile(r"(head|upsample)\.|auxiliary\.\d+\.score\.")  # tensors whose first dimension counts classes


def _load_whole(model: SegmentationModel, checkpoint: Checkpoint, names: Sequence[str]) -> LoadReport:
    """The encoder of a network; its decoder when it is the same one, and then head rows by the names of the classes."""
    tensors, sha256 = checkpoint.read()
    begin = "encoder.net."
    ours = {name: tensor for name, tensor in model.state_dict().items() if not name.startswith(begin)}
    fitting = [
        name for name in ours if name in tensors and _fits(name, ours[name], tensors[name], checkpoint.spec.classes)
    ]
    same = _same_decoder(model, checkpoint, fitting)
    encoder = {name.removeprefix(begin): tensor for name, tensor in tensors.items() if name.startswith(begin)}
    report = _load_encoder(model, encoder, dataclasses.replace(checkpoint.source, sha256=sha256))
    taken = fitting if same else []
    whole_head = same and all(name in taken for name in ours if name.startswith("head."))
    swap = swap_classes(checkpoint.names if whole_head else (), names, checkpoint.spec.classes)
    with torch.no_grad():
        for name in taken:
            new = swap_rows(ours[name], tensors[name], swap, bias=_is_bias(name)) if _per_class(name) else tensors[name]
            ours[name].copy_(new)
    rows = [f"[{label}]" for label in (*swap.kept, *swap.from_background)]
    unexpected = [f"{begin}{name}" for name in report.unexpected]
    unexpected += [name for name in tensors if not name.startswith(begin) and name not in taken]
    return dataclasses.replace(
        report,
        loaded=(*report.loaded, *_each(taken, rows)),
        missing=(*report.missing, *(name for name in ours if same and name not in taken)),
        unexpected=(*unexpected, *_each([name for name in taken if _per_class(name)], _dropped(checkpoint, swap))),
        kept=swap.kept,
        from_background=swap.from_background,
        anew=swap.anew,
    )


def _same_decoder(model: SegmentationModel, checkpoint: Checkpoint, fitting: Sequence[str]) -> bool:
    """Whether the decoder is the one the checkpoint was trained with; raises when it should be and does not fit."""
    mine, theirs = model.spec, checkpoint.spec
    if (mine.decoder, mine.network) != (theirs.decoder, theirs.network):
        return False
    own = {f"decoder.{name}": tensor for name, tensor in model.decoder.state_dict().items()}
    whole = elements(own, own)
    share = elements([name for name in own if name in fitting], own) / whole if whole else 1.0  # FCN-32s has none
    if share < ENOUGH and mine.encoder == theirs.encoder:
        raise WeightsError(
            f"{checkpoint.source.name}: expected at least {ENOUGH:.0%} of decoder {mine.decoder}, got {share:.0%}: "
            "the file is damaged, or of another version of this network"
        )
    return share >= ENOUGH


def _fits(name: str, ours: Tensor, theirs: Tensor, classes: int) -> bool:
    if not _per_class(name):
        return ours.shape == theirs.shape
    return ours.shape[1:] == theirs.shape[1:] and theirs.shape[0] >= classes


def _per_class(name: str) -> bool:
    return PER_CLASS.match(name) is not None


def _is_bias(name: str) -> bool:
    return name.endswith(".bias")


def _each(names: Sequence[str], rows: Sequence[str]) -> list[str]:
    """The names of tensors, those of a head once for each of some rows."""
    return [name + row for name in names for row in (rows if _per_class(name) else ("",))]


def _dropped(checkpoint: Checkpoint, swap: Swap) -> list[str]:
    """The rows of the old head that no class took."""
    labels = checkpoint.names or tuple(str(row) for row in range(checkpoint.spec.classes))
    return [f"[{label}]" for row, label in enumerate(labels) if row not in swap.rows]
