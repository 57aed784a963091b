"""How many channels the blocks of the U-Net family have."""

from __future__ import annotations

from segue.errors import UsageError

WIDTHS = (256, 128, 64, 32, 16)  # from the coarsest block on; the default of segmentation_models_pytorch


def widths(decoder: str, maps: int) -> tuple[int, ...]:
    """The channels of one block per step from the coarsest of `maps` feature maps to the finest.

    Raises `UsageError`, in the name of the decoder, when there are too few maps or too many.
    """
    if not 2 <= maps <= len(WIDTHS) + 1:
        raise UsageError(
            f"decoder {decoder}: expected 2 to {len(WIDTHS) + 1} feature maps, got {maps}: use --model.decoder fcn"
        )
    return WIDTHS[: maps - 1]
