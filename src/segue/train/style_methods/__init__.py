"""Ways to train a network that paints: `f(config, data, device, base) -> Pieces`, one file each."""

from segue.table import Table

METHODS = Table(
    "method",
    __name__,
    cin="cin:cin",
    adain="adain:adain",
    sanet="attention:attention",
    adaattn="attention:attention",
    predict="predict:predict",
    text="text:text",
)
