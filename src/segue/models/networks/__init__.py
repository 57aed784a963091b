"""Networks that come whole from another library, with a checkpoint: its modules, as an encoder, a decoder and a head.

A row names an object with `build(config, in_channels, classes) -> Parts`; `network.py` says what `config` is. To add
one: a file here, a row below, and a source (`segue.models.sources`) that describes a checkpoint as this network.
"""

from __future__ import annotations

from segue.table import Table

NETWORKS = Table(
    "network",
    __name__,
    torchvision="torchvision:NETWORK",
    smp="smp:NETWORK",
    segformer="segformer:NETWORK",
    upernet="upernet:NETWORK",
    dpt="dpt:NETWORK",
    mask2former="mask2former:NETWORK",
    eomt="eomt:NETWORK",
)
