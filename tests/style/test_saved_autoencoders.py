"""Folders of networks with an autoencoder that an earlier Segue wrote: read by the names they hold, the same paintings.

Names, shapes, numbers and paintings stand here as they were when the format was made. Whoever has to change one of them
has to raise the format, too.
"""

import json

import pytest
import torch
from safetensors.torch import save_file

from segue.durable import sha256_of
from segue.style.model_folder import load_style_model
from segue.style.network import Wanted
from segue.style.own import FOLDER

NUMBERS = {"encoder": "own", "taps": ["stride2"], "widths": [8], "blocks": 1, "depth": 1}
AUTOENCODER = {
    "autoencoder.encoder.stem.layer": (8, 3, 3, 3),
    "autoencoder.encoder.layers.0.layer": (8, 8, 3, 3),
    "autoencoder.decoder.blocks.0.first.layer": (8, 8, 3, 3),
    "autoencoder.decoder.blocks.0.second.layer": (8, 8, 3, 3),
    "autoencoder.decoder.stages.0.layers.0.layer": (16, 8, 3, 3),
    "autoencoder.decoder.last.1.layer": (3, 16, 3, 3),
}
ATTENTION = {f"transfers.stride2.{name}": (8, 8, 1, 1) for name in ("query", "key", "value", "out")}
KINDS = {  # numbers and weights besides those all have, and mean and deviation of the painting
    "adain": ({}, {}, (0.074350, 0.071085)),
    "attention": ({"attention": "sanet"}, ATTENTION, (0.074961, 0.072676)),
    "text": ({}, {}, (0.106982, 0.072828)),
}


def waved(shape, turn):
    """Values from -1 to 1 that need no random numbers."""
    count = torch.Size(shape).numel()
    return torch.sin(torch.arange(count, dtype=torch.float64) * 0.7 + turn).float().reshape(shape)


def written(folder, kind):
    """A folder as `segue style train` wrote it, put together without Segue."""
    numbers, weights, _ = KINDS[kind]
    tensors = {}
    for turn, (name, shape) in enumerate((AUTOENCODER | weights).items()):
        tensors[f"{name}.weight"] = waved(shape, turn) / torch.Size(shape[1:]).numel() ** 0.5
        tensors[f"{name}.bias"] = 0.1 * waved(shape[:1], turn)
    file = folder / "model.safetensors"
    save_file(tensors, file, {"format": "pt"})
    content = {
        "style_format": 1,
        "segue": "0.1.0",
        "kind": kind,
        "weights": {"file": file.name, "bytes": file.stat().st_size, "sha256": sha256_of(file)},
        "numbers": {**numbers, **NUMBERS},
        "styles": [{"name": "oil", "source": "", "licence": "", "sha256": ""}] if kind == "text" else [],
        "trained": {},
    }
    (folder / "model.json").write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_of_old_paints_what_it_painted(kind, tmp_path):
    network, info = load_style_model(written(tmp_path, kind))
    content, other = (waved((1, 3, 20, 27), turn) / 2 + 0.5 for turn in (0.2, 1.5))
    style = Wanted(row=0) if kind == "text" else Wanted(picture=other)
    painted = network.stylise(content, network.prepared([style]), 0.8)
    mean, deviation = KINDS[kind][2]
    assert painted.mean().item() == pytest.approx(mean, abs=1e-5)
    assert painted.std().item() == pytest.approx(deviation, abs=1e-5)
    assert network.numbers == info.numbers
    assert (network.step, network.reach) == (2, 10)


def test_the_network_that_ships_is_read_with_its_reach():
    network, _ = load_style_model(FOLDER)
    assert (network.step, network.reach, network.taps) == (8, 78, ("stride8", "stride4", "stride2"))
    assert {name.split(".")[0] for name in network.state_dict()} == {"autoencoder"}
