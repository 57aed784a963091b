"""Measure encoders and decoders: parameters, strides, and milliseconds for one image on this machine.

Time is that of a forward pass in float32 without compilation, batch 1, one thread, random weights. It is processor
time, which is what a clock shows where nothing else runs, and the least of several: other work only ever adds to it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from segue.errors import UsageError
from segue.models.build import ModelSpec, build
from segue.models.encoders import Encoder, code_licence, create_encoder, pretrained_config
from segue.models.figures import DecoderFigures, EncoderFigures
from segue.models.licences import hub_licence
from segue.models.trunks import TRUNKS

SIZE = (256, 256)  # height, width
HOSTS = ("resnet18", "vit_small_patch16_224", "vgg16_bn", "double_conv", "ddrnet23_slim")  # the first that goes
CLASSES = 21
# of the parts of segmentation_models_pytorch, the longest name that fits counts (its licenses/LICENSES.md)
CODE_LICENCES = {
    "segmentation_models_pytorch": "mit",
    "segmentation_models_pytorch.decoders.deeplabv3": "bsd-3-clause",
    "torchvision": "bsd-3-clause",
}


def measure_encoder(name: str, repeats: int = 3) -> EncoderFigures:
    """Build an encoder with random weights and measure it; raises `UsageError` when the name gives no encoder."""
    encoder = create_encoder(name).eval()
    size = _size_for(encoder)
    images = torch.randn(1, 3, *size)
    return EncoderFigures(
        parameters=_count(encoder),
        strides=encoder.strides,
        size=size,
        ms=least_ms(lambda: encoder(images), repeats),
        sources=sources(name),
        code=code_licence(name),
    )


def measure_decoder(name: str, repeats: int = 3) -> DecoderFigures:
    """Measure what a decoder adds to the first of `HOSTS` it goes with: all from the maps to the class scores."""
    model = next(model for host in HOSTS if (model := _try_build(host, name)) is not None)
    encoder = model.encoder
    size = _size_for(encoder)
    images = torch.randn(1, 3, *size)
    with torch.no_grad():
        maps = encoder(images)
        out = model.decoder(maps)
        with _giving(encoder, maps):
            ms = least_ms(lambda: model(images), repeats)
    return DecoderFigures(
        encoder=model.spec.encoder,
        parameters=_count(model) - _count(encoder),
        stride=size[0] // out.shape[-2],
        size=size,
        ms=ms,
        licence=_code_licence(model.decoder),
    )


def sources(name: str) -> dict[str, str]:
    """The licence of every pretrained source of an encoder, the default one first; of one tag when the name has it."""
    if name in TRUNKS:
        published = TRUNKS[name].pretrained
        return {"hub": published.licence} if published else {}
    import timm

    architecture, _, tag = name.partition(".")
    tags = [tag] if tag else [full.partition(".")[2] for full in timm.list_models(f"{architecture}.*", pretrained=True)]
    default = timm.get_pretrained_cfg(name)
    first = default.tag if default is not None else ""
    ordered = sorted(tags, key=lambda t: (t != first, t))
    return {tag: hub_licence(pretrained_config(f"{architecture}.{tag}")) for tag in ordered}


def least_ms(work: Callable[[], Any], repeats: int) -> float:
    """The least milliseconds one call takes, of `repeats` after one to warm up, on one thread and without gradients."""
    with torch.no_grad(), _one_thread():
        work()
        times = []
        for _ in range(repeats):
            began = time.process_time()
            work()
            times.append(time.process_time() - began)
    return 1000 * min(times)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def _giving(encoder: Encoder, maps: list[Tensor]) -> Iterator[None]:
    """The encoder returns these maps without computing them."""
    forward = encoder.forward
    encoder.forward = lambda _: maps  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        encoder.forward = forward  # type: ignore[method-assign]


def _try_build(encoder: str, decoder: str) -> Any:  # noqa: ANN401 - a model, or None when the two do not go together
    try:
        return build(ModelSpec(encoder, decoder, 3, CLASSES)).eval()
    except UsageError:
        return None


def _size_for(encoder: Encoder) -> tuple[int, int]:
    """`SIZE`, padded to what the encoder takes, or the one size it has."""
    return encoder.fixed_size or encoder.padded(*SIZE)


def _count(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


def _code_licence(module: nn.Module) -> str:
    """A library's licence where any submodule is that library's, else ours."""
    homes = {type(part).__module__ for part in module.modules()}
    found = [prefix for prefix in CODE_LICENCES for home in homes if home.startswith(prefix)]
    return CODE_LICENCES[max(found, key=len)] if found else "apache-2.0"
