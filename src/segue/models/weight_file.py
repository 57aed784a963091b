"""Read a weights file that may come from a stranger: tensors only, nothing of it is ever run.

`.safetensors`, or what `torch.save` writes, read with `weights_only=True` and never otherwise. What the readers
themselves let pass is looked for here: compressed archives, tensors larger than their storage, repeated names, NaN.
"""

from __future__ import annotations

import json
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from segue.errors import WeightsError

TORCH_ENDINGS = (".pth", ".pt", ".bin", ".ckpt", ".tar")  # .pth.tar is what many training scripts write
MAX_ENTRIES = 200_000  # members of a torch archive; real ones have one per tensor
MAX_HEADER = 100 * 2**20  # bytes of a safetensors header, the library's own limit
WRAPPERS = ("state_dict", "model_state_dict", "model")  # keys a training script puts its state dict under
WORN_PREFIXES = ("module.", "_orig_mod.")  # left behind by DistributedDataParallel and torch.compile


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a weights file by name, on the CPU, unwrapped from what training scripts put around them.

    Raises `WeightsError` when the file is missing, damaged, hostile, or holds NaN or infinity.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: expected a weights file, got nothing there: check the path")
    ending = path.suffix.lower()
    if ending == ".safetensors":
        tensors = _read_safetensors(path)
    elif ending in TORCH_ENDINGS:
        tensors = _read_torch(path)
    else:
        endings = " ".join((".safetensors", *TORCH_ENDINGS))
        raise WeightsError(f"{path}: expected a file ending in one of {endings}, got {ending or 'no ending'!r}")
    _check_finite(tensors, path)
    return {_strip(name): tensor for name, tensor in tensors.items()}


def read_metadata(path: Path) -> dict[str, str]:
    """What the header of a .safetensors file says of itself; empty for other files and where there is nothing.

    Raises `WeightsError` when the header is damaged.
    """
    if path.suffix.lower() != ".safetensors":
        return {}
    header = _read_header(path)
    metadata = header.get("__metadata__") if isinstance(header, dict) else None
    pairs = metadata.items() if isinstance(metadata, dict) else ()
    return {key: value for key, value in pairs if isinstance(value, str)}


def _strip(name: str) -> str:
    while name.startswith(WORN_PREFIXES):
        name = name.partition(".")[2]
    return name


def _check_finite(tensors: dict[str, Tensor], path: Path) -> None:
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise WeightsError(f"{path}: expected finite weights, got NaN or infinity in {name}: use another file")


# --- safetensors -----------------------------------------------------------------------------------------------------


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    import safetensors
    import safetensors.torch

    _check_header(path)
    try:
        return dict(safetensors.torch.load_file(path, device="cpu"))
    except (safetensors.SafetensorError, OSError, ValueError, KeyError) as error:
        raise WeightsError(
            f"{path}: expected a safetensors file, got a damaged one ({error}): copy it again"
        ) from error


def _read_header(path: Path) -> Any:  # noqa: ANN401 - what a stranger's JSON holds
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, MAX_HEADER):
            raise WeightsError(
                f"{path}: expected a safetensors header, got a truncated file of {size} bytes: copy it again"
            )
        try:
            return json.loads(file.read(length), object_pairs_hook=_no_repeats)
        except (ValueError, RecursionError) as error:
            raise WeightsError(f"{path}: expected a safetensors header, got: {error}") from error


def _check_header(path: Path) -> None:
    header = _read_header(path)
    with path.open("rb") as file:
        data = path.stat().st_size - 8 - int.from_bytes(file.read(8), "little")
    for name, entry in header.items() if isinstance(header, dict) else ():
        if name != "__metadata__" and not _inside(entry, data):
            raise WeightsError(f"{path}: expected data of {name} inside the file, got offsets outside: copy it again")


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the name {name!r} twice")
        found[name] = value
    return found


def _inside(entry: Any, size: int) -> bool:  # noqa: ANN401 - what a stranger's JSON holds
    offsets = entry.get("data_offsets") if isinstance(entry, dict) else None
    return (
        isinstance(offsets, list)
        and len(offsets) == 2
        and all(isinstance(offset, int) for offset in offsets)
        and 0 <= offsets[0] <= offsets[1] <= size
    )


# --- torch.save ------------------------------------------------------------------------------------------------------


def _read_torch(path: Path) -> dict[str, Tensor]:
    size = path.stat().st_size
    _check_archive(path, size)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the file's age; what matters is checked below
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 - a damaged or hostile pickle can raise anything
        raise WeightsError(
            f"{path}: expected a file of tensors, got {_refused(error)}: "
            "save it again as .safetensors where it came from"
        ) from None
    tensors = _unwrap(content)
    if not tensors:
        raise WeightsError(f"{path}: expected tensors by name (a state dict), got {type(content).__name__}")
    for name, tensor in tensors.items():
        _check_storage(tensor, name, path, size)
    return tensors


def _refused(error: Exception) -> str:
    """What is wrong with a pickle, in our words: torch's own advise to read it without any check, with escape codes."""
    wanted = re.search(r"GLOBAL ([A-Za-z_][\w.]{0,99})", str(error), re.ASCII)
    return f"one that asks to run {wanted[1]} when it is read" if wanted else "a damaged one or one that holds more"


def _check_archive(path: Path, size: int) -> None:
    """Refuse an archive that unpacks to more than it is; torch stores its data uncompressed."""
    with path.open("rb") as file:
        starts_as_archive = file.read(4) == b"PK\x03\x04"
    if not starts_as_archive and not zipfile.is_zipfile(path):
        return  # torch's format before 1.6, one pickle after the other
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise WeightsError(f"{path}: expected a torch file, got a damaged archive ({error}): copy it again") from error
    declared = sum(entry.file_size for entry in entries)
    if len(entries) > MAX_ENTRIES or declared > size or any(e.compress_type != zipfile.ZIP_STORED for e in entries):
        raise WeightsError(
            f"{path}: expected an uncompressed torch file, got an archive of {len(entries)} entries that unpacks from "
            f"{size:,} to {declared:,} bytes: save it again with torch.save"
        )


def _unwrap(content: Any) -> dict[str, Tensor]:  # noqa: ANN401 - whatever was saved
    """The tensors by name, from below at most as many wrapping dictionaries as there are names for them."""
    for _ in WRAPPERS:
        if not isinstance(content, dict):
            return {}
        content = next((content[key] for key in WRAPPERS if isinstance(content.get(key), dict)), content)
    return {name: value.detach() for name, value in content.items() if _is_named_tensor(name, value)}


def _is_named_tensor(name: Any, value: Any) -> bool:  # noqa: ANN401
    return isinstance(name, str) and isinstance(value, Tensor)


def _check_storage(tensor: Tensor, name: str, path: Path, size: int) -> None:
    """Refuse what is not a plain tensor with its own data: a kilobyte can claim terabytes with a stride of 0."""
    plain = type(tensor) in (Tensor, nn.Parameter) and tensor.layout == torch.strided and tensor.device.type == "cpu"
    if not plain or tensor.is_quantized:
        raise WeightsError(f"{path}: expected plain tensors, got {name} as {tensor.layout} on {tensor.device}")
    claimed, held = tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes()
    if claimed > held or held > size:
        raise WeightsError(
            f"{path}: expected {name} to hold its data, got {claimed:,} bytes claimed and {held:,} held "
            f"in a file of {size:,}: save it again as .safetensors where it came from"
        )
