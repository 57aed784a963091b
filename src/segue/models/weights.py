"""Put pretrained weights into a model, say what arrived, and refuse when too little did."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from segue.errors import WeightsError
from segue.models.adapt import adapt_positions, adapt_stem
from segue.models.build import SegmentationModel
from segue.models.encoders import split_name
from segue.models.hub import fetch
from segue.models.looks_like import first_complete_stages, looks_like
from segue.models.naming import Match, elements, match_names
from segue.models.origin import file_source, run_source
from segue.models.source import Source as Source
from segue.models.trunks.moco_v3 import check_heads
from segue.models.weight_file import read_weights

ENOUGH = 0.9  # share of the encoder below which pretrained weights are refused


@dataclass(frozen=True)
class LoadReport:
    """What became of pretrained weights, by name.

    `loaded` and `missing` are tensors of the model's encoder (for a Segue run also of its decoder and head, a head row
    as `head.weight[road]`); `unexpected` are tensors of the file that nothing took; `reshaped` are those of `loaded`
    that were adapted to the image channels or the patch grid. `share` is the part of the encoder's weights and
    statistics that was loaded, by number of elements (0 to 1).
    """

    loaded: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    reshaped: tuple[str, ...]
    source: Source
    share: float

    def summary(self) -> str:
        """One line for the log."""
        counts = f"{len(self.loaded)} loaded, {len(self.missing)} missing, {len(self.unexpected)} unexpected"
        reshaped = f", reshaped {', '.join(self.reshaped)}" if self.reshaped else ""
        return (
            f"{self.source.name}: {self.share:.1%} of the encoder ({counts}{reshaped}); licence {self.source.licence}"
        )


def load_pretrained(model: SegmentationModel, weights: str, names: Sequence[str] = ()) -> LoadReport:
    """Load an encoder's pretrained weights, and a whole model's when they come from a Segue run.

    `weights` is "hub" (by the encoder's name), a .safetensors or .pth file in timm's or torchvision's naming, or a run
    (or model) folder of Segue. `names` are the model's class names: head rows of a run whose class has one of them keep
    their weights. The model stays as it was when this raises.

    Raises:
        WeightsError: the weights cannot be had or read, or hold less than 90 % of the encoder.
    """
    if weights == "hub":
        path, source = fetch(split_name(model.spec.encoder)[0])
        return _load_encoder(model, read_weights(path), source)
    path = Path(weights)
    if path.is_dir():
        return _load_run(model, path, names)
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


# --- another Segue run -----------------------------------------------------------------------------------------------


def _load_run(model: SegmentationModel, folder: Path, names: Sequence[str]) -> LoadReport:
    """Encoder from a run; its decoder when it is the same one; head rows of classes that keep their name."""
    from segue.models.artifact import load_model  # it imports Source from here

    other, info = load_model(folder)
    report = _load_encoder(model, other.encoder.net.state_dict(), run_source(folder))
    loaded, unexpected = list(report.loaded), [f"encoder.net.{name}" for name in report.unexpected]
    theirs, ours = other.decoder.state_dict(), model.decoder.state_dict()
    same = {n: t.shape for n, t in theirs.items()} == {n: t.shape for n, t in ours.items()}
    kept = _shared_classes(info.classes.names, names) if same else {}
    with torch.no_grad():
        for name in theirs if same else ():
            ours[name].copy_(theirs[name])
        for leaf, tensor in model.head.state_dict().items():
            for name, (row, their_row) in kept.items():
                tensor[row].copy_(other.head.state_dict()[leaf][their_row])
                loaded.append(f"head.{leaf}[{name}]")
    (loaded if same else unexpected).extend(f"decoder.{name}" for name in theirs)
    dropped = [name for name in info.classes.names if name not in kept]
    unexpected.extend(f"head.{leaf}[{name}]" for leaf in other.head.state_dict() for name in dropped)
    return dataclasses.replace(report, loaded=tuple(loaded), unexpected=tuple(unexpected))


def _shared_classes(theirs: Sequence[str], ours: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Our row and their row of the head for every class name both have."""
    return {name: (ours.index(name), theirs.index(name)) for name in ours if name in theirs}
