"""Mix Transformer, SegFormer's encoder (https://arxiv.org/abs/2105.15203), from segmentation_models_pytorch.

Attention over keys that a strided convolution thins out, overlapping patches, no position embedding: any image size
without resampling. Code and weights carry NVIDIA's licence for research and evaluation: not for commercial use.
"""

from __future__ import annotations

from functools import partial

from jaxtyping import Float
from torch import Tensor, nn

from segue.models.trunks.trunk import Pretrained, Trunk

STAGES = 4
LICENCE = "nvidia-source-code-license"


class MixTransformer(nn.Module):
    """The first `maps` stages of segmentation_models_pytorch's network, in the order they are used.

    The names are those of NVIDIA's checkpoints (`patch_embed1`, `block1`, `norm1`, ...).
    """

    def __init__(self, name: str, in_channels: int, maps: int) -> None:
        super().__init__()
        from segmentation_models_pytorch.encoders import get_encoder

        whole = get_encoder(name, in_channels=in_channels, weights=None)
        self._parts = [
            tuple(f"{part}{stage}" for part in ("patch_embed", "block", "norm")) for stage in range(1, maps + 1)
        ]
        for part in (part for parts in self._parts for part in parts):
            self.add_module(part, getattr(whole, part))

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> list[Tensor]:
        """Feature maps at strides 4, 8, 16 and 32."""
        maps = []
        x = images
        for parts in self._parts:
            for part in parts:
                x = self.get_submodule(part)(x)
            x = x.contiguous()
            maps.append(x)
        return maps


def _trunk(name: str, channels: tuple[int, ...], revision: str) -> Trunk:
    return Trunk(
        build=partial(MixTransformer, name),
        channels=channels,
        strides=(4, 8, 16, 32),
        taps=tuple(f"norm{stage}" for stage in range(1, STAGES + 1)),
        pretrained=Pretrained(hub=f"smp-hub/{name}.imagenet@{revision}", licence=LICENCE),
        licence=LICENCE,
    )


_LARGER = (64, 128, 320, 512)
mit_b0 = _trunk("mit_b0", (32, 64, 160, 256), "9ce53d104d92d75aabb00aae70677aaab67e7c84")
mit_b1 = _trunk("mit_b1", _LARGER, "a04bf4f13a549bce677cf79b04852e7510782817")
mit_b2 = _trunk("mit_b2", _LARGER, "868ab6f13871dcf8c3d9f90ee4519403475b65ef")
mit_b3 = _trunk("mit_b3", _LARGER, "32558d12a65f1daa0ebcf4f4053c4285e2c1cbda")
mit_b4 = _trunk("mit_b4", _LARGER, "3a3454e900a4b4f11dd60eeb59101a9a1a36b017")
mit_b5 = _trunk("mit_b5", _LARGER, "ced04d96c586b6297fd59a7a1e244fc78fdb6531")
