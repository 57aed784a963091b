"""Encoders that are not timm's, as a table: a row names a `Trunk` (see `trunk.py` for what it has to say).

To add one, write a file here that defines it and a row below. The name then works wherever an encoder is named
(`--model.encoder NAME`, `NAME@3`, `segue list encoders`), and `tests/models/test_trunks.py` covers it. A trunk may not
have the name of a timm model.
"""

from segue.table import Table

TRUNKS = Table(
    "encoder",
    __name__,
    mit_b0="mit:mit_b0",
    mit_b1="mit:mit_b1",
    mit_b2="mit:mit_b2",
    mit_b3="mit:mit_b3",
    mit_b4="mit:mit_b4",
    mit_b5="mit:mit_b5",
    vit_small_patch16_mocov3="moco_v3:vit_small_patch16_mocov3",
    vit_base_patch16_mocov3="moco_v3:vit_base_patch16_mocov3",
    double_conv="double_conv:classic",
    ddrnet23_slim="ddrnet:ddrnet23_slim",
)
