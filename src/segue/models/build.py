"""A segmentation model is a head on a decoder on an encoder."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from segue.errors import UsageError
from segue.models.decoders import DECODERS
from segue.models.decoders.pyramid import OnPyramid, Pyramid
from segue.models.encoders import Encoder, create_encoder


@dataclass(frozen=True)
class ModelSpec:
    """What a model is, weights aside: enough to build it again.

    `encoder` is a timm name, optionally with `@N` for its first N maps; `decoder` is a row of `DECODERS`.
    """

    encoder: str
    decoder: str
    in_channels: int
    classes: int

    def __post_init__(self) -> None:
        """Check the counts; the names are checked when the model is built."""
        for name, value in (("in_channels", self.in_channels), ("classes", self.classes)):
            if value < 1:
                raise UsageError(f"{name}: expected at least 1, got {value}")


class SegmentationModel(nn.Module):
    """Class scores for every pixel of images of any size."""

    def __init__(self, spec: ModelSpec, encoder: Encoder, decoder: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.spec = spec
        self.encoder = encoder
        self.decoder = decoder
        self.head = head

    def forward(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch {self.spec.classes} height width"]:
        """Logits at the size of the images.

        The images are padded with zeros (the mean colour once normalised) on the right and below to what the encoder
        takes; the scores are resized bilinearly and cropped back.
        """
        height, width = images.shape[-2:]
        padded = self.encoder.padded(height, width)
        if padded != (height, width):
            images = functional.pad(images, (0, padded[1] - width, 0, padded[0] - height))
        scores = self.head(self.decoder(self.encoder(images)))
        return functional.interpolate(scores, padded, mode="bilinear")[..., :height, :width]

    def stages(self) -> tuple[tuple[nn.Module, ...], ...]:
        """Encoder modules from the stem to the last stage; every encoder parameter is in exactly one of them."""
        return self.encoder.stages()


def build(spec: ModelSpec) -> SegmentationModel:
    """Build the model `spec` describes, with random weights; never touches the network.

    Raises `UsageError` for names that are unknown or do not go together.
    """
    kind = DECODERS[spec.decoder]
    encoder = create_encoder(spec.encoder, spec.in_channels, kind.output_stride)
    if encoder.plain:
        pyramid = Pyramid(encoder.channels, encoder.strides)
        decoder: nn.Module = OnPyramid(pyramid, kind(pyramid.channels, pyramid.strides))
    else:
        decoder = kind(encoder.channels, encoder.strides)
    head = nn.Conv2d(decoder.out_channels, spec.classes, kernel_size=1)  # type: ignore[arg-type]
    decoder.apply(_initialise)
    nn.init.xavier_uniform_(head.weight)
    nn.init.zeros_(head.bias)  # type: ignore[arg-type]
    return SegmentationModel(spec, encoder, decoder, head)


def _initialise(module: nn.Module) -> None:
    """He's initialisation, as segmentation_models_pytorch applies it to its decoders."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
