"""The convolutions of an ONNX model in 8 bits; everything else, statistics above all, stays float32.

Static quantisation: the ranges of what goes into and comes out of a convolution are those seen on pictures, weights
have a scale for each channel. In the file, pairs of nodes (QuantizeLinear, DequantizeLinear) stand around each
convolution, which a runtime replaces by whole-number arithmetic where it can.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from segue.errors import RunError
from segue.export import EXTRA
from segue.extras import require

Feed = Mapping[str, np.ndarray]  # arrays by the names of a graph's inputs
KINDS = ("Conv",)  # ONNX Runtime has no whole-number kernel for transposed ones, so those would only get slower


def quantised(
    model: Any,  # noqa: ANN401 - a type of the optional package
    feeds: Sequence[Feed],
    watch: Callable[[float], None] = lambda _: None,
) -> tuple[Any, int, int]:
    """A copy whose convolutions compute in 8 bits, how many of them do, and how many there are with transposed ones.

    Args:
        model: of the package `onnx`, in float32.
        feeds: what it is run on to see ranges; one is enough, more are better.
        watch: told the share of `feeds` that has been run.

    Raises:
        RunError: nothing in the model can be quantised.
        MissingPackageError: the extra `edge` is not installed.
    """
    package = require("onnxruntime.quantization", EXTRA)
    onnx = require("onnx", EXTRA)
    with TemporaryDirectory() as folder, _quiet():
        # no quant_pre_process in front: the exporter has folded normalisations into convolutions already, and what else
        # it folds makes files larger
        before, after = (Path(folder) / name for name in ("model.onnx", "int8.onnx"))
        onnx.save(model, before)
        package.quantize_static(
            str(before),
            str(after),
            _reader(package, feeds, watch),
            quant_format=package.QuantFormat.QDQ,
            op_types_to_quantize=list(KINDS),
            per_channel=True,
            activation_type=package.QuantType.QInt8,
            weight_type=package.QuantType.QInt8,
        )
        found = onnx.load(after)
    done, whole = _counted(found)
    if not done:
        raise RunError(f"expected convolutions to quantise, got none among {len(found.graph.node)} nodes")
    return found, done, whole


def _reader(package: Any, feeds: Sequence[Feed], watch: Callable[[float], None]) -> Any:  # noqa: ANN401 - as above
    class Reader(package.CalibrationDataReader):  # type: ignore[misc]
        """Each feed once, then None, as the package wants it."""

        def __init__(self) -> None:
            self.place = 0

        def get_next(self) -> dict[str, np.ndarray] | None:
            watch(self.place / len(feeds))
            if self.place == len(feeds):
                return None
            self.place += 1
            return dict(feeds[self.place - 1])

    return Reader()


def _counted(model: Any) -> tuple[int, int]:  # noqa: ANN401 - as above
    """Convolutions whose weights are of 8 bits, and all of them."""
    maker = {output: node.op_type for node in model.graph.node for output in node.output}
    convolutions = [node for node in model.graph.node if node.op_type in ("Conv", "ConvTranspose")]
    small = [node for node in convolutions if maker.get(node.input[1]) == "DequantizeLinear"]
    return len(small), len(convolutions)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what the package logs by the root logger: advice that is followed here already."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)
