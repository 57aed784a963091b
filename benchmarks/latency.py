"""Milliseconds of one image, and images a second, as `segue predict` computes them and as others do.

    python benchmarks/latency.py [--size 240x320] [--rounds 15] [--threads 2] [--without compile,openvino]

A MobileNetV2 U-Net of 11 classes with random weights, the same in every side: from the pixels as the network is given
them to a class for every one of them. "Batch 8" is eight images, which Segue computes one after another (a result that
depends on the image alone is worth more here than a stack), and the others as one stack. Sides take turns and medians
are compared; each is checked against eager float32: largest difference of the logits, share of pixels of another class.
A side in float32 (Segue too) that gives more than 0.1 % of pixels another class, or in bfloat16 more than 20 % (the
logits of random weights lie close together), ends this with an error. All sides get their images from Segue's
normaliser, in the layout that they read (channels-last or contiguous), which counts for all.

Rows put Segue beside the best side that computes in float32 as it does. bfloat16 sides are shown, with the share of
pixels they change, and are not compared with: they give another result. Needs the `bench` extra for ONNX Runtime and
OpenVINO, and a C++ compiler for torch.compile, which is tried with one image only: each shape takes it most of a
minute. A side that cannot be had is named.
"""

from __future__ import annotations

import argparse
import copy
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from table import emit, faster
from torch import Tensor

from segue.data.classes import Classes
from segue.data.geometry import Preprocessing
from segue.data.normalise import standardised
from segue.data.palettes import distinct_colours
from segue.infer.maps import ids_of
from segue.infer.segmenter import Prepared, Segmenter
from segue.models.artifact import ModelInfo
from segue.models.build import ModelSpec, SegmentationModel, build
from segue.models.source import Source
from segue.train.heap import keep_freed_memory

CLASSES = 11
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
MOST_DIFFERENT = {"fp32": 0.001, "bf16": 0.2}  # share of pixels of another class than eager's in float32
READ_CHANNELS_LAST = ("channels-last fp32", "bf16 autocast")
Side = Callable[[Tensor], Tensor]  # normalised images (n, 3, h, w) to logits (n, classes, h, w)


def network() -> SegmentationModel:
    """Random weights; statistics that are not the identity, as after training."""
    torch.manual_seed(0)
    model = build(ModelSpec("mobilenetv2_100", "unet", 3, CLASSES))
    for name, buffer in model.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.2)
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    return model.eval()


def segmenter(model: SegmentationModel, size: tuple[int, int]) -> Segmenter:
    classes = Classes(tuple(f"class {i}" for i in range(CLASSES)), distinct_colours(CLASSES), tuple(range(CLASSES)))
    prep = Preprocessing(size, 1.0, MEAN, STD, size[0] * size[1], 1.0)
    return Segmenter(copy.deepcopy(model), ModelInfo(model.spec, classes, prep, Source("none", "none"), "0", {}), "cpu")


def eager(model: SegmentationModel) -> Side:
    """What a loop written by hand does."""
    return torch.inference_mode()(model)


def channels_last(model: SegmentationModel) -> Side:
    ours = copy.deepcopy(model).to(memory_format=torch.channels_last)
    return torch.inference_mode()(lambda images: ours(images.contiguous(memory_format=torch.channels_last)))


def bf16(model: SegmentationModel) -> Side:
    run = channels_last(model)

    def side(images: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return run(images).float()

    return side


def compiled(model: SegmentationModel) -> Side:
    if not (shutil.which("g++") or shutil.which("clang++")):
        raise RuntimeError("no C++ compiler")
    return torch.inference_mode()(torch.compile(copy.deepcopy(model), dynamic=False))


def exported(model: SegmentationModel, images: Tensor) -> Path:
    path = Path(tempfile.mkdtemp()) / "model.onnx"
    torch.onnx.export(model, (images,), path, dynamo=True, verbose=False, opset_version=18)
    return path


def onnxruntime(model: SegmentationModel, images: Tensor) -> Side:
    import onnxruntime as runtime

    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = runtime.InferenceSession(exported(model, images), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda images: torch.from_numpy(session.run(None, {name: images.numpy()})[0])


def openvino(model: SegmentationModel, images: Tensor, precision: str) -> Side:
    import openvino as runtime

    hints = {"INFERENCE_NUM_THREADS": torch.get_num_threads(), "PERFORMANCE_HINT": "LATENCY"}
    hints["INFERENCE_PRECISION_HINT"] = precision  # where the processor has bfloat16, its default is that
    network = runtime.Core().compile_model(exported(model, images), "CPU", hints)
    return lambda images: torch.from_numpy(np.array(network(images.numpy())[0]))


def others(model: SegmentationModel, images: Tensor, without: str) -> dict[str, Side]:
    """The sides that can be had here, each tried on the images once."""
    makers: dict[str, Callable[[], Side]] = {
        "eager fp32": lambda: eager(model),
        "channels-last fp32": lambda: channels_last(model),
        "torch.compile fp32": lambda: compiled(model),
        "ONNX Runtime fp32": lambda: onnxruntime(model, images),
        "OpenVINO fp32": lambda: openvino(model, images, "f32"),
        "bf16 autocast": lambda: bf16(model),
        "OpenVINO bf16": lambda: openvino(model, images, "bf16"),
    }
    sides = {}
    if len(images) > 1:
        del makers["torch.compile fp32"]
    for name, make in makers.items():
        if any(word and word in name.lower() for word in without.split(",")):
            continue
        try:
            began = time.perf_counter()
            side = make()
            side(images)
            print(f"  {name}: ready in {time.perf_counter() - began:.1f} s", flush=True)
            sides[name] = side
        except (ImportError, RuntimeError) as error:
            print(f"  {name}: not here ({str(error).splitlines()[0][:100]})", flush=True)
    return sides


def medians(sides: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds + 2):
        for name, side in sides.items():
            began = time.perf_counter()
            side()
            times[name].append(time.perf_counter() - began)
    return {name: statistics.median(seconds[2:]) for name, seconds in times.items()}


def check(name: str, precision: str, reference: Tensor, logits: Tensor, ids: np.ndarray) -> None:
    """Print by how much a side differs from eager float32; an error where that is more than rounding."""
    share = float(np.mean(reference.argmax(1).numpy() != ids))
    difference = float((logits - reference).abs().max())
    print(f"  {name}: logits differ by up to {difference:.2g}, {100 * share:.4f} % of pixels", flush=True)
    if share > MOST_DIFFERENT[precision]:
        raise SystemExit(f"{name}: expected the classes of eager float32, got {100 * share:.2f} % other pixels")


def measure(size: tuple[int, int], batch: int, rounds: int, without: str) -> None:
    model = network()
    ours = segmenter(model, size)
    pixels = np.random.default_rng(0).integers(0, 256, (batch, size[0] // 8, size[1] // 8, 3), np.uint8)
    pixels = pixels.repeat(8, 1).repeat(8, 2)
    prepared = [ours.prepare(image) for image in pixels]
    assert all(one.working.shape[:2] == size for one in prepared)

    def given(name: str) -> Tensor:
        ready = [standardised(image, ours.info.prep) for image in pixels]
        stack = torch.from_numpy(np.stack(ready) if batch > 1 else ready[0][None]).permute(0, 3, 1, 2)  # channels-last
        return stack if name in READ_CHANNELS_LAST else stack.contiguous()

    print(f"{batch} x {size[0]}x{size[1]}, {torch.get_num_threads()} threads", flush=True)
    sides = others(model, given("eager fp32"), without)
    reference = sides["eager fp32"](given("eager fp32"))
    for name, side in sides.items():
        logits = side(given(name))
        precision = "fp32" if name.endswith("fp32") else "bf16"
        check(name, precision, reference, logits, np.stack([ids_of(one) for one in logits]))
    check("segue", "fp32", reference, *seen(ours, prepared))

    def ending(name: str, side: Side) -> Callable[[], Any]:
        return lambda: side(given(name)).max(1).indices.to(torch.uint8).numpy()

    turns: dict[str, Callable[[], Any]] = {name: ending(name, side) for name, side in sides.items()}
    found = medians({"segue": lambda: [ours.segment(one) for one in prepared]} | turns, rounds)
    for name, seconds in found.items():
        print(f"  {name}: {1000 * seconds:.1f} ms, {batch / seconds:.1f} images/s", flush=True)
    rows(found, f"{size[0]}x{size[1]}, batch {batch}")


def seen(ours: Segmenter, prepared: list[Prepared]) -> tuple[Tensor, np.ndarray]:
    """The logits and the ids that Segue makes of images."""
    logits: list[Tensor] = []
    found = []
    for one in prepared:
        bands: list[Tensor] = []
        found.append(ours.segment(one, watch=lambda _top, band, bands=bands: bands.append(band.clone())).mask)
        logits.append(torch.cat(bands, dim=1))
    return torch.stack(logits), np.stack(found)


def rows(found: dict[str, float], what: str) -> None:
    ours = 1000 * found["segue"]
    rivals = {name: seconds for name, seconds in found.items() if name.endswith("fp32")}
    best = min(rivals, key=lambda name: rivals[name])
    note = ", ".join(f"{name} {1000 * seconds:.1f}" for name, seconds in found.items() if name != "segue")
    emit(faster(f"predict {what}", ours, 1000 * found["eager fp32"], "ms", "eager fp32", at_least=1.0, note=note))
    emit(faster(f"predict {what}", ours, 1000 * rivals[best], "ms", f"the best in fp32: {best}", at_least=1.0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="240x320", help="height x width; multiples of 32 are not needed")
    parser.add_argument("--batches", default="1,8")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument(
        "--without", default="", help="sides to leave out, by a part of their names, as in compile,vino"
    )
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    keep_freed_memory()  # as segue predict does, here for all sides
    height, _, width = given.size.partition("x")
    for batch in map(int, given.batches.split(",")):
        measure((int(height), int(width)), batch, given.rounds, given.without)


if __name__ == "__main__":
    main()
