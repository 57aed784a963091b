"""A segmentation model is a head on a decoder on an encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from segue.errors import UsageError
from segue.models.decoders import DECODERS
from segue.models.decoders.auxiliary import AuxiliaryHead
from segue.models.decoders.decoder import Decoder
from segue.models.decoders.pyramid import OnPyramid, Pyramid
from segue.models.decoders.single_value import accept_single_values
from segue.models.decoders.upsampling import LearnedUpsampling
from segue.models.drop_path import add_drop_path
from segue.models.encoders import TAKEN_OVER, Encoder, create_encoder
from segue.models.trunks import TRUNKS

Scores: TypeAlias = Float[Tensor, "batch {self.spec.classes} height width"]


@dataclass(frozen=True)
class ModelSpec:
    """What a model is, weights aside: enough to build it again.

    `encoder` is a timm name or a row of `TRUNKS`, optionally with `@N` for its first N maps; `decoder` is a row of
    `DECODERS`. A network taken over whole from another library has names with its library's in front
    (`transformers:swin`), and `network` describes it (see `segue.models.networks.network`).
    """

    encoder: str
    decoder: str
    in_channels: int
    classes: int
    network: str = ""

    def __post_init__(self) -> None:
        """Check the counts; the names are checked when the model is built."""
        for name, value in (("in_channels", self.in_channels), ("classes", self.classes)):
            if value < 1:
                raise UsageError(f"{name}: expected at least 1, got {value}")


class SegmentationModel(nn.Module):
    """Class scores for every pixel of images of any size.

    `auxiliary` holds the heads that supervise the encoder half-way while it trains. They are no part of the model: a
    saved one has none, and nothing but the auxiliary loss runs them.
    """

    def __init__(
        self, spec: ModelSpec, encoder: Encoder, decoder: Decoder, head: nn.Module, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.spec = spec
        self.encoder = encoder
        self.decoder = decoder
        self.dropout = nn.Dropout2d(dropout)  # whole maps: their neighbouring values say the same
        self.head = head
        self.upsample = LearnedUpsampling(spec.classes, decoder.upsampling) if decoder.upsampling else None
        self.auxiliary = nn.ModuleDict()  # map number -> head

    def forward(
        self, images: Float[Tensor, "batch channels height width"], auxiliary: bool = False
    ) -> Scores | tuple[Scores, tuple[Scores, ...]]:
        """Logits at the size of the images; with `auxiliary`, also those of the auxiliary heads.

        The auxiliary scores are asked for by an argument, not by a method of their own, because what wraps a model for
        mixed precision or several devices wraps its `forward` only.
        """
        height, width = images.shape[-2:]
        features = self.features(images)
        scores = self.scores(features, height, width)
        if not auxiliary:
            return scores
        padded = self.encoder.padded(height, width)
        extra = (head(features[int(number)]) for number, head in self.auxiliary.items())
        return scores, tuple(_resized(map_, padded)[..., :height, :width] for map_ in extra)

    def features(self, images: Float[Tensor, "batch channels height width"]) -> list[Float[Tensor, "batch ..."]]:
        """The encoder's maps (batch, channels, height, width), from fine to coarse; queries may follow (EoMT's).

        The images are padded with zeros (the mean colour once normalised) on the right and below to what the encoder
        takes.
        """
        height, width = images.shape[-2:]
        padded = self.encoder.padded(height, width)
        if padded != (height, width):
            images = functional.pad(images, (0, padded[1] - width, 0, padded[0] - height))
        return self.encoder(images)  # type: ignore[no-any-return]

    def scores(
        self, features: list[Float[Tensor, "batch ..."]], height: int, width: int
    ) -> Float[Tensor, "batch {self.spec.classes} {height} {width}"]:
        """Logits from the `features` of images of `height` x `width`, resized bilinearly and cropped back to that."""
        padded = self.encoder.padded(height, width)
        scores = self.head(self.dropout(self.decoder(features)))
        if self.upsample is not None:
            scores = self.upsample(scores, padded)
        return _resized(scores, padded)[..., :height, :width]

    def stages(self) -> tuple[tuple[nn.Module, ...], ...]:
        """Encoder modules from the stem to the last stage; every encoder parameter is in exactly one of them."""
        return self.encoder.stages()

    def predicting_state(self) -> dict[str, Tensor]:
        """The tensors that predict, by name: what a saved model holds."""
        return {name: tensor for name, tensor in self.state_dict().items() if not name.startswith("auxiliary.")}


def build(
    spec: ModelSpec,
    *,
    auxiliary: bool = False,
    dropout: float = 0.0,
    drop_path: float = 0.0,
    predicting: bool = False,
) -> SegmentationModel:
    """Build the model `spec` describes, with random weights; never touches the network.

    `auxiliary` adds the auxiliary heads its decoder declares, which leaves all other weights as they are without.
    `dropout` drops maps in front of the head, `drop_path` skips residual blocks of the encoder (see `add_drop_path`):
    probabilities, which concern training alone. `predicting` says that none will follow, see `create_encoder`.
    Raises `UsageError` for names that are unknown or do not go together.
    """
    if spec.network:
        return _taken_over(spec, dropout, drop_path)
    if spec.decoder.startswith(TAKEN_OVER):
        raise UsageError(f"decoder {spec.decoder} comes with a checkpoint: name that with --model.weights")
    kind: type[Decoder] = DECODERS[spec.decoder]
    _check_partner(spec)
    encoder = create_encoder(spec.encoder, spec.in_channels, kind.output_stride, predicting=predicting)
    if drop_path > 0:
        add_drop_path(encoder, drop_path)
    decoder = _decoder(kind, encoder)
    head = nn.Conv2d(decoder.out_channels, spec.classes, kernel_size=1)
    decoder.apply(_initialise)
    decoder.apply(accept_single_values)
    nn.init.xavier_uniform_(head.weight)
    nn.init.zeros_(head.bias)  # type: ignore[arg-type]
    model = SegmentationModel(spec, encoder, decoder, head, dropout)
    if auxiliary:
        for number in decoder.auxiliary:
            extra = AuxiliaryHead(encoder.channels[number], spec.classes)
            model.auxiliary[str(number)] = extra.apply(_initialise).apply(accept_single_values)
    return model


def _taken_over(spec: ModelSpec, dropout: float, drop_path: float) -> SegmentationModel:
    from segue.models.networks.network import assemble  # networks are made of what this module is made of

    parts = assemble(spec.network, spec.in_channels, spec.classes)
    parts.decoder.apply(accept_single_values)
    if drop_path > 0:
        add_drop_path(parts.encoder, drop_path)
    model = SegmentationModel(spec, parts.encoder, parts.decoder, parts.head, dropout)
    if parts.answers:
        if dropout > 0:
            raise UsageError(
                f"model.dropout: expected 0 for {spec.decoder}, whose decoder gives no map, got {dropout:g}"
            )
        model.dropout = nn.Identity()  # type: ignore[assignment]
    return model


def _check_partner(spec: ModelSpec) -> None:
    base = spec.encoder.partition("@")[0]
    only = TRUNKS[base].decoder if base in TRUNKS else ""
    if only and spec.decoder != only:
        raise UsageError(
            f"encoder {base}: expected the decoder made for it, got {spec.decoder}: use --model.decoder {only}"
        )


def _decoder(kind: type[Decoder], encoder: Encoder) -> Decoder:
    if encoder.plain and not kind.plain_maps:
        pyramid = Pyramid(encoder.channels, encoder.strides)
        return OnPyramid(pyramid, kind(pyramid.channels, pyramid.strides))
    return kind(encoder.channels, encoder.strides)


def _resized(scores: Tensor, size: tuple[int, int]) -> Tensor:
    return scores if scores.shape[-2:] == size else functional.interpolate(scores, size, mode="bilinear")


def _initialise(module: nn.Module) -> None:
    """He's initialisation, as segmentation_models_pytorch applies it to its decoders."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
