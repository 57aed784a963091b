"""Encoders and decoders with all that is known of them, for a reader who has to choose.

torch is not imported for the canon and the decoders; all of timm's names need timm, which imports it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from segue.models.canon import CANON
from segue.models.decoders import DECODERS
from segue.models.figures import decoder_figures, encoder_figures, measured_on
from segue.models.licences import TIMM_CODE, Use, hub_licence, use_of

NO_WEIGHTS = "no weights on the hub"


@dataclass(frozen=True)
class Network:
    """An encoder or decoder; None and empty where nothing is known.

    `ms` is the time of one image of `size` (height, width) on the machine `measured_on`; of a decoder it is what it
    adds to `encoder`. `licence` is that of an encoder's default weights and of a decoder's code, `sources` that of each
    pretrained tag. `commercial` says whether `segue fit --commercial` takes it as it is.
    """

    name: str
    about: str = ""
    family: str = ""
    paper: str = ""
    encoder: str = ""
    parameters: int | None = None
    strides: tuple[int, ...] = ()
    size: tuple[int, int] | None = None
    ms: float | None = None
    measured_on: str = ""
    licence: str = ""
    commercial: bool = False
    sources: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """What is known, as plain JSON types."""
        known = {key: value for key, value in dataclasses.asdict(self).items() if value not in (None, "", (), {})}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in known.items()}


def canon() -> Iterator[Network]:
    """The encoders of the canon, in its order."""
    figures = encoder_figures()
    for name, row in CANON.items():
        values = _fields(figures[name])
        code = values.pop("code")
        network = Network(name, row.when, row.family, row.paper, **values, measured_on=measured_on())
        yield _with_licence(network, row.files, code)


def every_encoder() -> Iterator[Network]:
    """The canon, then every other name of the installed timm with the licence of its default weights."""
    import timm

    from segue.models.timm_networks import config_of

    yield from canon()
    for name in timm.list_models(exclude_filters="test_*"):
        if name not in CANON:
            config = config_of(name)
            sources = {config.get("tag", ""): hub_licence(config)} if config.get("hf_hub_id") else {}
            yield _with_licence(Network(name=name, sources=sources), "", TIMM_CODE)


def decoders() -> Iterator[Network]:
    """Every decoder, in the order of the table."""
    figures = decoder_figures()
    for name in DECODERS:
        values = _fields(figures[name])
        values["strides"] = (values.pop("stride"),)
        commercial = use_of(values["licence"]) is Use.PERMISSIVE
        yield Network(name, DECODERS.about(name), **values, commercial=commercial, measured_on=measured_on())


def _fields(figures: Any) -> dict[str, Any]:  # noqa: ANN401 - one of the two dataclasses
    return {f.name: getattr(figures, f.name) for f in dataclasses.fields(figures)}


def _with_licence(network: Network, files: str, code: str) -> Network:
    """The licence of the default weights, else of the files to download, else a word that there are none."""
    published = next(iter(network.sources.values()), "")
    shown = published or (f"{files} (a file)" if files else NO_WEIGHTS)
    weights_allow = shown == NO_WEIGHTS or use_of(shown) is Use.PERMISSIVE
    return dataclasses.replace(network, licence=shown, commercial=weights_allow and use_of(code) is Use.PERMISSIVE)
