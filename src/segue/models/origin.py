"""Where pretrained weights come from and under which licence, known before anything is downloaded or loaded."""

from __future__ import annotations

from pathlib import Path

from segue.durable import sha256_of
from segue.errors import WeightsError
from segue.models.encoders import code_licence, split_name
from segue.models.hub import published_source
from segue.models.licences import Use, published_file, stated_licence, use_of
from segue.models.source import Source
from segue.models.weight_file import read_metadata

OTHERS = "choose other weights or another encoder (segue list encoders --commercial)"


def origin(encoder: str, weights: str) -> Source:
    """The source `load_pretrained` would take for these two names; nothing is downloaded.

    Raises `WeightsError` or `RunError` when there is none.
    """
    from segue.models.sources import find  # it imports what imports this module

    if weights == "hub":
        return published_source(split_name(encoder)[0])
    whole = find(weights)
    return whole.source if whole is not None else file_source(Path(weights))


def file_source(path: Path) -> Source:
    """Who published this very file, else what it says of itself."""
    if not path.is_file():
        raise WeightsError(f"{path}: expected a weights file, got nothing there: check the path")
    sha256 = sha256_of(path)
    published = published_file(sha256)
    name, licence, url = published or (path.name, stated_licence(read_metadata(path)), None)
    return Source(name=name, licence=licence, sha256=sha256, url=url)


def run_source(folder: Path) -> Source:
    """What a run of Segue started from, passed on; its checksum is that of the run's own weights."""
    from segue.models.artifact import WEIGHTS_NAME, load_info, model_folder  # it imports what imports this module

    first = load_info(folder).source
    weights = model_folder(folder) / WEIGHTS_NAME
    name = f"Segue run {folder.resolve().name} (from {first.name})"
    return Source(name, first.licence, sha256_of(weights) if weights.is_file() else None, first.url)


def require_commercial(encoder: str, weights: str | None) -> None:
    """Raise `WeightsError` unless the encoder's code and its weights are known to allow commercial use.

    `weights` is None when training starts from scratch: then only the code counts.
    """
    name = split_name(encoder)[0]
    _require(f"the code of encoder {name}", code_licence(name), None)
    if weights is not None:
        source = origin(encoder, weights)
        shown = name if weights == "hub" else source.name
        _require(f"the weights of {shown}", source.licence, source.url)


def _require(what: str, licence: str, url: str | None) -> None:
    use = use_of(licence)
    if use is Use.PERMISSIVE:
        return
    begin = f"--commercial: expected a licence that allows commercial use, got {what}"
    read = f"read {url}" if url else "read it"
    known = "and leave --commercial out once you know that it allows your use"
    if use is Use.NON_COMMERCIAL:
        raise WeightsError(f"{begin} under {licence}, which is non-commercial: {OTHERS}")
    if use is Use.OWN_TERMS:
        raise WeightsError(f"{begin} under {licence}, which has terms of its own: {read} {known}, or {OTHERS}")
    raise WeightsError(f"{begin} with a licence that is {licence}{f' ({url})' if url else ''} {known}, or {OTHERS}")
