"""The folder of a trained style network: `model.safetensors` and `model.json`, all that painting with it needs.

Both are treated as a stranger's files when read: the JSON holds names and numbers only, the weights are checked against
its checksum and, tensor by tensor, against the network it describes.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from segue import __version__
from segue.durable import make_folder, sha256_of, write_text
from segue.errors import RunError, UsageError
from segue.models.tensor_file import check_finite, check_fits, no_repeats, read_tensors, write_tensors
from segue.models.weight_file import read_weights
from segue.style.example_weights import from_example
from segue.style.network import StyleNetwork
from segue.style.record import UsedStyle
from segue.table import Table

KINDS = Table(
    "kind of style network",
    "segue.style",
    cin="transform_network:TransformNetwork",
    adain="adain_network:AdainNetwork",
    attention="attention_network:AttentionNetwork",
    predict="predicted_network:PredictedNetwork",
    text="text_network:TextNetwork",
)

FORMAT = 1
JSON_NAME = "model.json"
WEIGHTS_NAME = "model.safetensors"
MOST_BYTES = 10 * 2**20  # of model.json
_ENTRIES = {"kind": str, "weights": dict, "numbers": dict, "styles": list, "trained": dict, "segue": str}


@dataclass(frozen=True)
class StyleInfo:
    """What `model.json` says.

    `numbers` rebuild a network of that `kind`; `styles` are those it knows, in the order of its rows (empty for one
    that is given pictures); `trained` tells with what it was trained, for people; `sha256` is that of the weights.
    """

    kind: str
    numbers: dict[str, Any]
    styles: tuple[UsedStyle, ...] = ()
    trained: dict[str, Any] = field(default_factory=dict)
    sha256: str = ""
    segue: str = __version__

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the styles."""
        return tuple(style.name for style in self.styles)


def save_style_model(
    folder: Path, network: StyleNetwork, styles: Sequence[UsedStyle] = (), trained: dict[str, Any] | None = None
) -> StyleInfo:
    """Write the folder, each file in one step, weights as float32; gives what it says.

    Raises:
        WeightsError: a weight is NaN or infinite.
        RunError: the folder cannot be written.
    """
    tensors = {name: _portable(tensor) for name, tensor in sorted(network.state_dict().items())}
    check_finite(tensors, folder / WEIGHTS_NAME)
    make_folder(folder)
    weights = write_tensors(folder / WEIGHTS_NAME, safetensors.torch.save(tensors, {"format": "pt"}))
    info = StyleInfo(network.kind, network.numbers, tuple(styles), trained or {}, weights["sha256"])
    content = {
        "style_format": FORMAT,
        "segue": info.segue,
        "kind": info.kind,
        "weights": weights,
        "numbers": info.numbers,
        "styles": [dataclasses.asdict(style) for style in info.styles],
        "trained": info.trained,
    }
    write_text(folder / JSON_NAME, json.dumps(content, indent=2, allow_nan=False) + "\n")
    return info


def load_style_model(run_or_model_folder: Path) -> tuple[StyleNetwork, StyleInfo]:
    """The network of a run (or of its model folder) on the CPU, in evaluation mode, and what is known of it.

    A file is taken for one that PyTorch's example fast_neural_style saved (`segue.style.example_weights`).

    Raises:
        RunError: there is no style network here, or `model.json` is damaged or of a later format.
        WeightsError: the weights are missing, damaged, not finite, or not those of the network described.
    """
    if run_or_model_folder.is_file():
        network = from_example(read_weights(run_or_model_folder), run_or_model_folder)
        return network.eval().requires_grad_(False), load_style_info(run_or_model_folder)
    folder = style_model_folder(run_or_model_folder)
    info, record = _read(folder / JSON_NAME)
    tensors = read_tensors(folder / WEIGHTS_NAME, record)
    try:
        # numbers of a stranger's file may ask for any amount of memory; shapes alone take none, and the file has to
        # hold as much as the network before it is built
        with torch.device("meta"):
            check_fits(tensors, KINDS[info.kind].from_numbers(info.numbers).state_dict(), folder / WEIGHTS_NAME)
        with torch.random.fork_rng(devices=[]):  # building draws random weights; the caller's stream is not ours
            made: StyleNetwork = KINDS[info.kind].from_numbers(info.numbers)
    except UsageError as error:
        raise RunError(f"{folder / JSON_NAME}: {error}: use the version of Segue that wrote it") from None
    made.load_state_dict(tensors)
    return made.eval().requires_grad_(False), info


def load_style_info(run_or_model_folder: Path) -> StyleInfo:
    """What `model.json` says, without touching the weights; raises `RunError` as `load_style_model` does."""
    if run_or_model_folder.is_file():  # it says nothing of itself but its name
        path, sha256 = run_or_model_folder, sha256_of(run_or_model_folder)
        return StyleInfo("cin", {}, (UsedStyle(path.stem, path.name),), {"by": "fast_neural_style"}, sha256)
    return _read(style_model_folder(run_or_model_folder) / JSON_NAME)[0]


def style_model_folder(run_or_model_folder: Path) -> Path:
    """The folder that holds `model.json`: the one given, or `model` inside it."""
    for folder in (run_or_model_folder, run_or_model_folder / "model"):
        if (folder / JSON_NAME).is_file():
            return folder
    found = "a folder without it" if run_or_model_folder.is_dir() else "no such folder"
    raise RunError(
        f"{run_or_model_folder}: expected a run or model folder of a style network (with {JSON_NAME} or "
        f"model/{JSON_NAME}), got {found}: give the folder that segue style train printed"
    )


def _portable(tensor: Tensor) -> Tensor:
    kind = torch.float32 if tensor.is_floating_point() else tensor.dtype
    return tensor.detach().to("cpu", kind).clone(memory_format=torch.contiguous_format)


def _read(path: Path) -> tuple[StyleInfo, tuple[int, str]]:
    """What the file says, and size and SHA-256 of the weights."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise RunError(f"{path}: expected at most {MOST_BYTES:,} bytes, got {path.stat().st_size:,}")
        content = json.loads(path.read_bytes(), object_pairs_hook=no_repeats, parse_constant=_no_number)
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path}: expected JSON, got something damaged ({error}): copy the folder again") from None
    if isinstance(content, dict) and "spec" in content:
        raise RunError(f"{path}: expected a style network, got a segmentation model: segue predict takes it")
    if not isinstance(content, dict) or content.get("style_format") != FORMAT:
        got = content.get("style_format") if isinstance(content, dict) else type(content).__name__
        raise RunError(f"{path}: expected a style network of format {FORMAT}, got {got!r}: use the Segue that wrote it")
    wrong = [name for name, kind in _ENTRIES.items() if not isinstance(content.get(name), kind)]
    if wrong:
        raise RunError(f"{path}: expected the entry {wrong[0]}, got {content.get(wrong[0])!r}: copy the folder again")
    try:
        styles = tuple(UsedStyle(**_texts(style)) for style in content["styles"])
        record = _whole(content["weights"]["bytes"]), str(content["weights"]["sha256"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise RunError(f"{path}: not a valid model description ({error!r}): copy the folder again") from None
    if len({style.name for style in styles}) < len(styles):
        raise RunError(f"{path}: expected each style once, got {', '.join(style.name for style in styles)}")
    info = StyleInfo(content["kind"], content["numbers"], styles, content["trained"], record[1], content["segue"])
    return info, record


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _whole(value: Any) -> int:  # noqa: ANN401 - what a stranger's JSON holds
    if type(value) is not int or value < 0:
        raise TypeError(f"bytes: expected a whole number from 0 on, got {str(value)[:20]}")
    return value


def _texts(style: Any) -> dict[str, str]:  # noqa: ANN401 - what a stranger's JSON holds
    if not isinstance(style, dict) or not all(isinstance(value, str) for value in style.values()):
        raise TypeError(f"styles: expected names and texts, got {str(style)[:60]}")
    return style
