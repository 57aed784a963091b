"""Encoders that look further than tiles overlap: at the whole picture, or at windows that lie elsewhere in a tile."""

from __future__ import annotations

import torch

from segue.style.autoencoder import STRIDES_SEEN, Autoencoder
from segue.style.network import StyleNetwork

LEAST = 1e-3  # of the spread of features, by which one has to change; what convolutions alone see changes nothing there


def looking_beyond(network: StyleNetwork) -> str:
    """The name of the network's encoder if tiles of a large picture differ by it, else "".

    Squeeze-and-excitation (https://arxiv.org/abs/1709.01507; EfficientNet, MobileNetV3) weighs channels by means over
    all that it is shown, and windows of attention lie where the picture begins. Found by trying: a part of a picture is
    made black, and the features beyond the width that tiles overlap are looked at.
    """
    autoencoder = getattr(network, "autoencoder", None)
    if not isinstance(autoencoder, Autoencoder):
        return ""
    deepest = autoencoder.taps[0]
    border = STRIDES_SEEN * deepest.stride
    picture = torch.rand((1, 3, border, 2 * border + deepest.stride), generator=torch.Generator().manual_seed(0))
    changed = picture.clone()
    changed[..., border + deepest.stride :] = 0
    device = next(network.parameters()).device
    with torch.inference_mode():
        before, after = (autoencoder.encoder(one.to(device))[deepest.name][..., 0] for one in (picture, changed))
    return autoencoder.shape.encoder if float((after - before).abs().mean()) > LEAST * float(before.std()) else ""
