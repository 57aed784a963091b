"""A module of PyTorch as an ONNX file, for pictures of any size, with what it is told in the file itself."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from segue.durable import write_durably
from segue.errors import RunError
from segue.export import EXTRA
from segue.extras import require

OPSET = 18
LARGEST_SIDE = 16_384  # pixels that a dimension named height or width may have


@dataclass(frozen=True)
class Port:
    """An input or the output of a graph.

    `shape` holds numbers, and names for what is told when the graph runs; `meaning` is one line for people.
    """

    name: str
    shape: tuple[int | str, ...]
    meaning: str

    def told(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {"name": self.name, "shape": list(self.shape), "type": "float32", "meaning": self.meaning}


def as_onnx(module: nn.Module, examples: Sequence[Tensor], inputs: Sequence[Port], output: Port, smallest: int) -> Any:  # noqa: ANN401 - a type of the optional package
    """The module as a model of `onnx`, its inputs and output named as the ports are.

    Args:
        module: called with one tensor for each input.
        examples: tensors it can be called with; what is no name in a port's shape is fixed to theirs.
        inputs: the ports, in the order of the arguments.
        output: the port of what comes out.
        smallest: pixels that height and width have at least.

    Raises:
        RunError: PyTorch has no ONNX for something in the module.
        MissingPackageError: the extra `edge` is not installed.
    """
    require("onnxscript", EXTRA)
    free = torch.export.Dim.DYNAMIC(min=smallest, max=LARGEST_SIDE)
    shapes = tuple({at: free for at, size in enumerate(port.shape) if isinstance(size, str)} for port in inputs)
    with _quiet(), torch.inference_mode(False), torch.no_grad():
        try:
            program = torch.onnx.export(
                module,
                tuple(examples),
                dynamo=True,
                dynamic_shapes=(shapes,),  # the module takes them as *arguments
                input_names=[port.name for port in inputs],
                output_names=[output.name],
                opset_version=OPSET,
                verbose=False,
            )
        except torch.onnx.OnnxExporterError as error:
            raise RunError(f"expected a network that ONNX has words for, got {_reason(error)}") from error
    assert program is not None, "torch gives a program where it is given no file"
    model = program.model_proto
    _name_sizes(model, inputs, output)
    return model


def write_onnx(path: Path, model: Any, metadata: Mapping[str, str]) -> None:  # noqa: ANN401 - as above
    """Write the model with its metadata, the old file or the new, never half; raises `RunError` where it cannot be."""
    require("onnx", EXTRA).helper.set_model_props(model, dict(metadata))
    content = model.SerializeToString()

    def write(temporary: Path) -> None:
        temporary.write_bytes(content)

    write_durably(path, write, len(content))


def read_metadata(path: Path) -> dict[str, str]:
    """What is told in an ONNX file."""
    model = require("onnx", EXTRA).load(path, load_external_data=False)
    return {entry.key: entry.value for entry in model.metadata_props}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter says to developers of PyTorch: advice on its stages, and deprecations inside it."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _reason(error: BaseException) -> str:
    """The cause in one line: the exporter wraps it in advice of many."""
    cause = error.__cause__ or error
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    return f"{type(cause).__name__}: {lines[0][:200] if lines else 'no reason'}"


def _name_sizes(model: Any, inputs: Sequence[Port], output: Port) -> None:  # noqa: ANN401 - as above
    """Give sizes their names, in place of the exporter's s84 and s32."""
    for port, value in zip((*inputs, output), (*model.graph.input, *model.graph.output), strict=True):
        for size, dimension in zip(port.shape, value.type.tensor_type.shape.dim, strict=True):
            if isinstance(size, str):
                dimension.dim_param = size
            else:
                dimension.dim_value = size
    del model.graph.value_info[:]  # of the values between, which would go on calling the sizes s84 and s32
