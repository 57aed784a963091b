"""How much of the pretrained network is trained."""

from __future__ import annotations

from segue.configs import TransferConfig
from segue.planning.decision import Decision
from segue.planning.fingerprint import Fingerprint


def transfer_mode(fingerprint: Fingerprint) -> Decision:
    """The transfer mode for a data set."""
    return Decision(TransferConfig().mode, "default", {"train_images": fingerprint.train})
