"""Stochastic depth: residual blocks are skipped at random while training (https://arxiv.org/abs/1603.09382)."""

from __future__ import annotations

from torch import nn

from segue.errors import UsageError

SLOTS = ("drop_path", "drop_path1", "drop_path2")  # where timm's blocks keep theirs; None or an identity without it


def add_drop_path(encoder: nn.Module, rate: float) -> int:
    """Let every residual block of `encoder` be skipped, the last with probability `rate`; returns how many there are.

    Block l of L (counted from 0) is skipped with probability `rate * l / (L - 1)`, for each image by itself, and what
    it adds is scaled up when it is not. Evaluation uses all blocks. For deep encoders and long runs.

    Raises `UsageError` for an encoder without residual blocks to skip.
    """
    from timm.layers import DropPath

    blocks = [module for module in encoder.modules() if any(_is_free(module, slot) for slot in SLOTS)]
    if not blocks:
        raise UsageError("model.drop_path: expected an encoder with residual blocks to skip, this one has none")
    for number, block in enumerate(blocks):
        share = rate * number / max(1, len(blocks) - 1)
        for slot in SLOTS:
            if share > 0 and _is_free(block, slot):
                setattr(block, slot, DropPath(share))
    return len(blocks)


def _is_free(module: nn.Module, slot: str) -> bool:
    return hasattr(module, slot) and (getattr(module, slot) is None or isinstance(getattr(module, slot), nn.Identity))
