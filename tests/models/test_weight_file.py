import json
import os
import pickle
import struct
import zipfile

import pytest
import safetensors.torch
import torch

from segue.durable import sha256_of
from segue.errors import WeightsError
from segue.models.weight_file import read_metadata, read_weights

TENSORS = {"a.weight": torch.randn(3, 4), "a.bias": torch.randn(3)}


class Payload:
    """What a malicious file holds: a command that leaves a canary when it is run."""

    def __init__(self, canary, protocol_call=os.system):
        self.canary, self.call = canary, protocol_call

    def __reduce__(self):
        return self.call, (f"touch {self.canary}",)


class Evaluated(Payload):
    def __reduce__(self):
        return eval, (f"open({str(self.canary)!r}, 'w').close()",)


def malicious(kind, path, canary):
    payload = Evaluated(canary) if kind == "eval" else Payload(canary)
    if kind in ("system", "eval"):
        torch.save({"weight": payload}, path)
    elif kind == "hidden beside tensors":
        torch.save({"state_dict": TENSORS, "epoch": payload}, path)
    elif kind == "legacy":
        torch.save(payload, path, _use_new_zipfile_serialization=False)
    elif kind.startswith("protocol"):
        path.write_bytes(pickle.dumps(payload, protocol=int(kind[-1])))
    elif kind == "list":
        torch.save([payload], path)
    return path


KINDS = ("system", "eval", "hidden beside tensors", "legacy", "protocol 0", "protocol 2", "protocol 5", "list")


@pytest.mark.parametrize("ending", [".pth", ".pt", ".bin", ".ckpt", ".safetensors"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_malicious_pickle_is_refused_without_running(tmp_path, kind, ending):
    canary = tmp_path / "canary"
    path = malicious(kind, tmp_path / f"weights{ending}", canary)
    with pytest.raises(WeightsError):
        read_weights(path)
    assert not canary.exists()


def test_the_payload_would_have_run(tmp_path):
    canary = tmp_path / "canary"
    path = malicious("protocol 2", tmp_path / "weights.pth", canary)
    pickle.loads(path.read_bytes())
    assert canary.exists()


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_tensors_come_back_as_they_were(tmp_path, ending):
    path = tmp_path / f"weights{ending}"
    safetensors.torch.save_file(TENSORS, path) if ending == ".safetensors" else torch.save(TENSORS, path)
    read = read_weights(path)
    assert read.keys() == TENSORS.keys()
    assert all(torch.equal(read[name], TENSORS[name]) for name in TENSORS)
    assert len(sha256_of(path)) == 64


def test_what_a_file_says_of_itself_is_read_and_nothing_else(tmp_path):
    path = tmp_path / "weights.safetensors"
    safetensors.torch.save_file(TENSORS, path, {"licence": "Apache-2.0"})
    assert read_metadata(path) == {"licence": "Apache-2.0"}
    safetensors.torch.save_file(TENSORS, path)
    assert read_metadata(path) == {}
    torch.save(TENSORS, tmp_path / "weights.pth")
    assert read_metadata(tmp_path / "weights.pth") == {}


def test_torch_files_from_before_version_1_6_are_read(tmp_path):
    torch.save(TENSORS, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert torch.equal(read_weights(tmp_path / "old.pth")["a.bias"], TENSORS["a.bias"])


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model": state, "optimizer": {"lr": 1.0}},
        lambda state: {"model": {"state_dict": state}},
        lambda state: {f"module.{name}": tensor for name, tensor in state.items()},
        lambda state: {"state_dict": {f"module._orig_mod.{name}": tensor for name, tensor in state.items()}},
        lambda state: {name: torch.nn.Parameter(tensor) for name, tensor in state.items()},
    ],
)
def test_what_training_scripts_wrap_around_weights_is_taken_off(tmp_path, wrap):
    torch.save(wrap(TENSORS), tmp_path / "weights.pth")
    assert read_weights(tmp_path / "weights.pth").keys() == TENSORS.keys()


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused_by_name(tmp_path, ending, value):
    path = tmp_path / f"weights{ending}"
    bad = {**TENSORS, "b.weight": torch.tensor([1.0, value])}
    safetensors.torch.save_file(bad, path) if ending == ".safetensors" else torch.save(bad, path)
    with pytest.raises(WeightsError, match=r"b\.weight"):
        read_weights(path)


def test_a_kilobyte_that_claims_a_huge_tensor_is_refused_by_name(tmp_path):
    torch.save({"huge": torch.zeros(1).expand(200_000, 200_000)}, tmp_path / "weights.pth")
    assert (tmp_path / "weights.pth").stat().st_size < 3000
    with pytest.raises(WeightsError, match="huge"):
        read_weights(tmp_path / "weights.pth")


def test_a_compressed_archive_is_refused_from_its_directory(tmp_path):
    torch.save({"weight": torch.zeros(5_000_000)}, tmp_path / "plain.pth")
    with (
        zipfile.ZipFile(tmp_path / "plain.pth") as plain,
        zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for name in plain.namelist():
            bomb.writestr(name, plain.read(name))
    with pytest.raises(WeightsError, match="unpacks"):
        read_weights(tmp_path / "bomb.pth")


@pytest.mark.parametrize("content", [[1, 2], {"a": 1}, {}, "text", torch.zeros(2), {"state_dict": {}}])
def test_a_torch_file_without_named_tensors_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "weights.pth")
    with pytest.raises(WeightsError, match="expected"):
        read_weights(tmp_path / "weights.pth")


def safetensors_bytes(header: str, data: bytes) -> bytes:
    return struct.pack("<Q", len(header)) + header.encode() + data


def entry(shape, offsets, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


DAMAGED = {
    "empty": (b"", "truncated"),
    "seven bytes": (b"1234567", "truncated"),
    "header larger than the file": (struct.pack("<Q", 2**60) + b"{}", "truncated"),
    "not JSON": (safetensors_bytes("{...", b""), "expected"),
    "a list": (safetensors_bytes("[]", b""), "expected"),
    "deep": (safetensors_bytes("[" * 100_000, b""), "expected"),
    "repeated name": (
        safetensors_bytes(
            f'{{"twin": {json.dumps(entry([1], [0, 4]))}, "twin": {json.dumps(entry([1], [0, 4]))}}}', b"\0" * 4
        ),
        "twin",
    ),
    "offsets outside": (safetensors_bytes(json.dumps({"far": entry([4], [0, 16])}), b"\0" * 4), "far"),
    "negative offsets": (safetensors_bytes(json.dumps({"far": entry([4], [-16, 0])}), b"\0" * 16), "far"),
    "wrong shape": (safetensors_bytes(json.dumps({"odd": entry([5], [0, 16])}), b"\0" * 16), "odd|expected"),
    "unknown type": (safetensors_bytes(json.dumps({"odd": entry([4], [0, 16], "F99")}), b"\0" * 16), "expected"),
}


@pytest.mark.parametrize("case", sorted(DAMAGED))
def test_a_damaged_safetensors_file_is_refused(tmp_path, case):
    content, says = DAMAGED[case]
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=says):
        read_weights(path)


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_a_file_cut_at_any_place_is_refused(tmp_path, ending):
    path = tmp_path / f"weights{ending}"
    safetensors.torch.save_file(TENSORS, path) if ending == ".safetensors" else torch.save(TENSORS, path)
    content = path.read_bytes()
    for length in range(0, len(content) - 1, max(1, len(content) // 40)):
        path.write_bytes(content[:length])
        with pytest.raises(WeightsError):
            read_weights(path)


@pytest.mark.parametrize("name", ["weights.zip", "weights", "weights.onnx"])
def test_other_endings_are_refused_with_the_ones_that_are_read(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(WeightsError, match=r"\.safetensors \.pth"):
        read_weights(tmp_path / name)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"absent\.pth"):
        read_weights(tmp_path / "absent.pth")


@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_names_what_would_have_run_and_never_repeats_the_readers_advice(tmp_path, kind):
    with pytest.raises(WeightsError) as caught:
        read_weights(malicious(kind, tmp_path / "weights.pth", tmp_path / "canary"))
    asked = "eval" if kind == "eval" else f"{os.system.__module__}.system"
    expected = f"one that asks to run {asked} when it is read"
    if kind == "protocol 5":  # refused for its opcodes, before any name
        expected = "a damaged one or one that holds more"
    assert f"expected a file of tensors, got {expected}: save it again as .safetensors" in str(caught.value)
    assert "weights_only" not in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_refusal_without_a_name_is_a_sentence_too(tmp_path):
    (tmp_path / "weights.pth").write_bytes(b"\x80\x02\x1b[31m weights_only=False")
    with pytest.raises(WeightsError, match="got a damaged one or one that holds more: save it again as"):
        read_weights(tmp_path / "weights.pth")
