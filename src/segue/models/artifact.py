"""The model folder: `model.safetensors` and `model.json`, all that is needed to predict anywhere.

`familiar.safetensors` may lie beside them: what new images are compared with (`segue.infer.familiar_file`). An ensemble
has `member-1.safetensors`, `member-2.safetensors`, ... in the place of `model.safetensors`.
All are treated as a stranger's files when read. The JSON holds names and numbers only, never an import path; the
weights are checked against its checksum and, tensor by tensor, against the network it describes. safetensors itself
accepts repeated names and NaN, so both are looked for here.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import safetensors.torch
import torch
from torch import Tensor

from segue.conversion import from_dict, to_dict
from segue.data.classes import IGNORE, Classes, Merged, Value
from segue.data.geometry import Preprocessing
from segue.durable import make_folder, write_text
from segue.errors import RunError, SegueError, UsageError
from segue.models.build import ModelSpec, SegmentationModel, build
from segue.models.source import Source
from segue.models.tensor_file import as_record, check_finite, check_fits, no_repeats, read_tensors, write_tensors

FORMAT, ENSEMBLE = 1, 2  # of model.json: one network, several; an earlier Segue refuses the second
MOST_MEMBERS = 20
JSON_NAME = "model.json"
WEIGHTS_NAME = "model.safetensors"
FAMILIAR_NAME = "familiar.safetensors"
METHOD = "temperature"  # the one kind of calibration there is; a file with another is refused
MAX_JSON_BYTES = 10 * 2**20
MAX_FAMILIAR_BYTES = 64 * 2**20  # what segue fit writes has at most one
MAX_SIDE = 16384  # of a training crop; anything past it is damage or an attack on memory

T = TypeVar("T")


@dataclass(frozen=True)
class ModelInfo:
    """What `model.json` says about the weights beside it.

    `source` is where the pretrained weights came from, with their licence; `segue` the version that wrote the folder;
    `scores` holds validation scores by name, such as `miou`. `temperature` divides the logits before they become
    probabilities; None where none was fitted, which computes as 1. `familiar` is size and SHA-256 of
    `familiar.safetensors`; None where there is none. `members` is the number of networks whose mean the model is.
    """

    spec: ModelSpec
    classes: Classes
    prep: Preprocessing
    source: Source
    segue: str
    scores: dict[str, float]
    temperature: float | None = None
    familiar: tuple[int, str] | None = None
    members: int = 1


def save_model(folder: Path, model: SegmentationModel, info: ModelInfo) -> None:
    """Write the model folder, each file in one step; floating-point weights are stored as float32.

    Auxiliary heads are left out: they only ever helped to train.

    Raises:
        WeightsError: a weight is NaN or infinite.
        RunError: the folder cannot be written.
    """
    tensors = {name: _portable(tensor) for name, tensor in sorted(model.predicting_state().items())}
    check_finite(tensors, folder / WEIGHTS_NAME)
    content = safetensors.torch.save(tensors, {"format": "pt"})
    make_folder(folder)
    write_description(folder / JSON_NAME, info, {"weights": write_tensors(folder / WEIGHTS_NAME, content)})


def save_temperature(run_or_model_folder: Path, temperature: float) -> ModelInfo:
    """Write `temperature` into `model.json` in one step, the weights stay as they are; gives what the file now says.

    Raises:
        RunError: there is no model here, or the file cannot be read or written.
    """
    path = model_folder(run_or_model_folder) / JSON_NAME
    return _rewrite(path, lambda info: dataclasses.replace(info, temperature=temperature))


def save_familiar(run_or_model_folder: Path, tensors: dict[str, Tensor]) -> ModelInfo:
    """Write what new images are compared with beside the weights, and name it in `model.json`; gives what that says.

    Raises as `save_temperature` does.
    """
    folder = model_folder(run_or_model_folder)
    record = write_tensors(folder / FAMILIAR_NAME, safetensors.torch.save(tensors, {"format": "pt"}))
    familiar = (record["bytes"], record["sha256"])
    return _rewrite(folder / JSON_NAME, lambda info: dataclasses.replace(info, familiar=familiar))


def read_familiar(run_or_model_folder: Path, info: ModelInfo) -> dict[str, Tensor]:
    """The tensors of the file that `info.familiar` names; empty where it names none.

    Raises:
        WeightsError: the file is missing, damaged, or not finite.
    """
    if info.familiar is None:
        return {}
    return read_tensors(model_folder(run_or_model_folder) / FAMILIAR_NAME, info.familiar)


def _rewrite(path: Path, change: Callable[[ModelInfo], ModelInfo]) -> ModelInfo:
    content = _read_json(path)
    info = change(_parse(path, lambda: _from_json(content)))
    write_description(path, info, {key: content[key] for key in ("weights", "members") if key in content})
    return info


def write_description(path: Path, info: ModelInfo, files: dict[str, Any]) -> None:
    """Write `model.json`; `files` are the records of the weights, one as `weights` or several as `members`."""
    write_text(path, json.dumps(_to_json(info, files), indent=2, allow_nan=False) + "\n")


def load_model(run_or_model_folder: Path) -> tuple[SegmentationModel, ModelInfo]:
    """Build the network of a run (or of its model folder), with its weights, in evaluation mode on the CPU.

    Raises:
        RunError: there is no model here, `model.json` is damaged or of a later format, or there are several networks.
        WeightsError: the weights are missing, damaged, not finite, or not those of the network described.
    """
    require_single(run_or_model_folder, load_info(run_or_model_folder))
    networks, info = load_networks(run_or_model_folder)
    return networks[0], info


def load_networks(run_or_model_folder: Path) -> tuple[tuple[SegmentationModel, ...], ModelInfo]:
    """The same for any model: the members of an ensemble in their order, or the one network there is."""
    info, records = load_info(run_or_model_folder), network_records(run_or_model_folder)
    return tuple(_network(path, info, records[path]) for path in records), info


def network_records(run_or_model_folder: Path) -> dict[Path, tuple[int, str]]:
    """Size and SHA-256 of the weights of each network, by file; raises `RunError` as `load_model` does."""
    folder = model_folder(run_or_model_folder)
    content = _read_json(folder / JSON_NAME)
    records = _parse(folder / JSON_NAME, lambda: _network_records(content))
    return {folder / name: record for name, record in records.items()}


def require_single(run_or_model_folder: Path, info: ModelInfo) -> None:
    """Refuse an ensemble where one network is needed; raises `RunError`."""
    if info.members > 1:
        raise RunError(
            f"{run_or_model_folder}: expected a single network, got an ensemble of {info.members}: name the run of one "
            "of them, such as folds/fold-1 in the run's folder"
        )


def _network(path: Path, info: ModelInfo, record: tuple[int, str]) -> SegmentationModel:
    tensors = read_tensors(path, record)
    with torch.random.fork_rng(devices=[]):  # building draws random weights; the caller's stream is not ours to move
        model = _parse(path.with_name(JSON_NAME), lambda: build(info.spec, predicting=True))
    check_fits(tensors, model.state_dict(), path)
    model.load_state_dict(tensors)
    return model.eval()


def load_info(run_or_model_folder: Path) -> ModelInfo:
    """What `model.json` says, without touching the weights; raises `RunError` as `load_model` does."""
    path = model_folder(run_or_model_folder) / JSON_NAME
    content = _read_json(path)
    return _parse(path, lambda: _from_json(content))


def model_folder(run_or_model_folder: Path) -> Path:
    """The folder that holds `model.json`: the one given, or `model` inside it."""
    for folder in (run_or_model_folder, run_or_model_folder / "model"):
        if (folder / JSON_NAME).is_file():
            return folder
    found = "a folder without it" if run_or_model_folder.is_dir() else "no such folder"
    raise RunError(
        f"{run_or_model_folder}: expected a run or model folder (with {JSON_NAME} or model/{JSON_NAME}), got {found}: "
        "give the folder that segue fit printed"
    )


def _portable(tensor: Tensor) -> Tensor:
    kind = torch.float32 if tensor.is_floating_point() else tensor.dtype
    return tensor.detach().to("cpu", kind).clone(memory_format=torch.contiguous_format)


# --- model.json ------------------------------------------------------------------------------------------------------


def _to_json(info: ModelInfo, files: dict[str, Any]) -> dict[str, Any]:
    classes = info.classes
    rows = zip(classes.names, classes.palette, classes.values, strict=True)
    return {
        "format": FORMAT if info.members == 1 else ENSEMBLE,
        "segue": info.segue,
        **files,
        "spec": to_dict(info.spec),
        "classes": [{"name": name, "colour": list(rgb), "value": _plain(value)} for name, rgb, value in rows],
        "ignored": [_plain(value) for value in classes.ignored],
        "merged": [{"name": one.name, "value": _plain(one.value), "id": one.id} for one in classes.merged],
        "preprocessing": to_dict(info.prep),
        "source": to_dict(info.source),
        "scores": {name: float(score) for name, score in info.scores.items() if math.isfinite(score)},
        **({} if info.temperature is None else {"calibration": {"method": METHOD, "temperature": info.temperature}}),
        **({} if info.familiar is None else {"familiar": as_record(FAMILIAR_NAME, *info.familiar)}),
    }


def _plain(value: Value) -> int | list[int]:
    return list(value) if isinstance(value, tuple) else value


def _read_json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise RunError(f"{path}: expected at most {MAX_JSON_BYTES:,} bytes, got {path.stat().st_size:,}")
        content = json.loads(path.read_bytes(), object_pairs_hook=no_repeats)
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(
            f"{path}: expected JSON, got something damaged ({error}): train or copy the run again"
        ) from error
    if not isinstance(content, dict) or content.get("format") not in (FORMAT, ENSEMBLE):
        got = content.get("format") if isinstance(content, dict) else type(content).__name__
        raise RunError(
            f"{path}: expected model format {FORMAT} or {ENSEMBLE}, got {got!r}: use the version of Segue that wrote it"
        )
    return content


def _parse(path: Path, read: Callable[[], T]) -> T:
    """Run `read`; whatever it finds wrong becomes one `RunError` that names the file."""
    try:
        return read()
    except KeyError as error:
        raise RunError(f"{path}: expected the entry {error}, got none: train or copy the run again") from error
    except (SegueError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise RunError(f"{path}: not a valid model description: {error}") from error


def _from_json(content: dict[str, Any]) -> ModelInfo:
    info = ModelInfo(
        spec=_piece(ModelSpec, content, "spec"),
        classes=_classes(content["classes"], content["ignored"], content.get("merged", [])),
        prep=_piece(Preprocessing, content, "preprocessing"),
        source=_piece(Source, content, "source"),
        segue=str(content["segue"]),
        scores={str(name): float(score) for name, score in content["scores"].items()},
        temperature=_temperature(content.get("calibration")),  # absent from models that were never calibrated
        familiar=_familiar(content),
        members=len(_network_records(content)),
    )
    _check_preprocessing(info.prep)
    for what, expected, got in (
        ("classes", info.spec.classes, len(info.classes)),
        ("channels", info.spec.in_channels, info.prep.channels),
    ):
        if expected != got:
            raise UsageError(f"expected {expected} {what} as spec says, got {got}")
    return info


def _piece(kind: type[T], content: dict[str, Any], name: str) -> T:
    values = content[name]
    if not isinstance(values, dict):
        raise UsageError(f"{name}: expected a group of entries, got {values!r}")
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]  # T is always a dataclass here
    for field in fields:
        if field.default is dataclasses.MISSING and field.name not in values:
            raise KeyError(f"{name}.{field.name}")
    return from_dict(kind, values, f"{name}.")


def _temperature(calibration: Any) -> float | None:  # noqa: ANN401
    if calibration is None:
        return None
    if not isinstance(calibration, dict) or calibration.get("method") != METHOD:
        raise UsageError(f"calibration: expected method {METHOD}, got {calibration!r}: use a later version of Segue")
    temperature = float(calibration["temperature"])
    if not 0 < temperature < math.inf:
        raise UsageError(f"calibration: expected a temperature above zero, got {temperature}")
    return temperature


def _familiar(content: dict[str, Any]) -> tuple[int, str] | None:
    if "familiar" not in content:  # a model of before there was such a file
        return None
    size, sha256 = _file_record(content, "familiar", FAMILIAR_NAME)
    if size > MAX_FAMILIAR_BYTES:
        raise UsageError(f"familiar.bytes: expected at most {MAX_FAMILIAR_BYTES:,}, got {size:,}")
    return size, sha256


def _check_preprocessing(prep: Preprocessing) -> None:
    numbers = (prep.zoom, prep.pixel_scale, *prep.mean, *prep.std, *(end for span in prep.ranges for end in span))
    positive = (*prep.size, prep.zoom, prep.pixel_scale, prep.largest, *prep.std)
    if not all(math.isfinite(n) for n in numbers) or min(positive) <= 0 or len(prep.mean) != len(prep.std):
        raise UsageError("preprocessing: expected finite numbers, sizes and deviations above zero, got others")
    if len(prep.ranges) not in (0, prep.channels) or any(low >= high for low, high in prep.ranges):
        raise UsageError(f"preprocessing: expected no ranges or {prep.channels} that rise, got {prep.ranges}")
    if max(prep.size) > MAX_SIDE or prep.zoom > 16:
        raise UsageError(
            f"preprocessing: expected a size up to {MAX_SIDE} and zoom up to 16, got {prep.size}, {prep.zoom}"
        )


def _classes(rows: list[dict[str, Any]], ignored: list[Any], merged: list[dict[str, Any]]) -> Classes:
    names = tuple(row["name"] for row in rows)
    if not 1 <= len(rows) <= 255 or not all(isinstance(name, str) for name in names):
        raise UsageError(f"classes: expected 1 to 255 names, got {len(rows)}")
    values = tuple(_value(row["value"]) for row in rows)
    if len({type(value) for value in values}) > 1 or len(set(values)) < len(values):
        raise UsageError("classes: expected values that differ and are all numbers or all colours, got others")
    palette = tuple(_colour(row["colour"]) for row in rows)
    originals = tuple(_merged(row, len(rows), values) for row in merged)
    return Classes(names, palette, values, tuple(_value(value) for value in ignored), originals)


def _merged(row: dict[str, Any], count: int, values: tuple[Value, ...]) -> Merged:
    name, value, number = row["name"], _value(row["value"]), row["id"]
    if not isinstance(name, str) or type(number) is not int or not (0 <= number < count or number == IGNORE):
        raise UsageError(f"merged: expected a name and the id of a class, got {row!r}")
    if type(value) is not type(values[0]) or (value in values and values.index(value) != number):
        raise UsageError(f"merged: expected the value of one original class, got {row['value']!r}")
    return Merged(name, value, number)


def _value(value: Any) -> Value:  # noqa: ANN401
    if isinstance(value, list):
        return _colour(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 65535:
        raise UsageError(f"classes: expected mask values from 0 to 65535, got {value!r}")
    return value


def _colour(value: Any) -> tuple[int, int, int]:  # noqa: ANN401
    if not isinstance(value, list) or len(value) != 3 or any(type(v) is not int or not 0 <= v <= 255 for v in value):
        raise UsageError(f"classes: expected a colour as three numbers from 0 to 255, got {value!r}")
    return value[0], value[1], value[2]


# --- *.safetensors -----------------------------------------------------------------------------------------------


def _file_record(content: dict[str, Any], key: str, name: str) -> tuple[int, str]:
    record = content[key]
    if record["file"] != name:
        raise UsageError(f"{key}.file: expected {name}, got {record['file']!r}")
    return int(record["bytes"]), str(record["sha256"])


def _network_records(content: dict[str, Any]) -> dict[str, tuple[int, str]]:
    """Size and checksum of the weights of each network, by the name of the file, which follows from its place."""
    if content["format"] == FORMAT:
        return {WEIGHTS_NAME: _file_record(content, "weights", WEIGHTS_NAME)}
    members = content["members"]
    if not isinstance(members, list) or not 2 <= len(members) <= MOST_MEMBERS:
        raise UsageError(f"members: expected a list of 2 to {MOST_MEMBERS} files, got {str(members)[:60]}")
    numbered = {f"members.{number}": record for number, record in enumerate(members, 1)}
    names = [member_name(number) for number in range(1, len(members) + 1)]
    return {name: _file_record(numbered, key, name) for key, name in zip(numbered, names, strict=True)}


def member_name(number: int) -> str:
    """The file of a member of an ensemble, counted from 1."""
    return f"member-{number}.safetensors"
