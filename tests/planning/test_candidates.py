"""Which sources may be chosen: what was named, recognised and allowed; nothing is fetched."""

import pytest
import torch
from safetensors.torch import save_file

from segue.errors import UsageError
from segue.models.encoders import create_encoder
from segue.planning import candidates as module
from segue.planning.candidates import candidates, elsewhere, fallback


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch):
    """No weights of the hub are on this machine, whatever else is."""
    monkeypatch.setattr(module, "cached", lambda _: None)


def saved(path, encoder="test_resnet"):
    torch.manual_seed(0)
    save_file(create_encoder(encoder).net.state_dict(), path)
    return str(path)


def test_an_encoder_is_named_or_recognised(tmp_path, monkeypatch):
    tiny, common = saved(tmp_path / "tiny.safetensors"), saved(tmp_path / "common.safetensors", "resnet18")
    found = candidates((f"test_resnet={tiny}", common), commercial=False, max_ms=None)
    assert [(one.name, one.encoder, one.refused) for one in found] == [
        ("tiny", "test_resnet", ""),
        ("common", "resnet18", ""),
    ]
    monkeypatch.setattr(module, "looks_like", lambda _: None)
    with pytest.raises(UsageError, match="cannot tell whose weights these are: write ENCODER="):
        candidates((tiny,), commercial=False, max_ms=None)


def test_a_name_needs_its_weights_here_and_must_be_one():
    (found,) = candidates(("resnet18",), commercial=False, max_ms=None)
    assert found.refused == "not on this machine"
    with pytest.raises(UsageError, match="--sources resnet1800: expected a file, a run or an encoder's name"):
        candidates(("resnet1800",), commercial=False, max_ms=None)


def test_what_is_too_slow_or_not_known_to_be_free_is_left_out_with_the_reason(tmp_path):
    source = f"resnet18={saved(tmp_path / 'own.safetensors', 'resnet18')}"
    (slow,) = candidates((source,), commercial=False, max_ms=5)
    assert "more than 5" in slow.refused
    (unknown,) = candidates((source,), commercial=True, max_ms=None)
    assert "is not known to allow commercial use" in unknown.refused


def test_without_names_they_are_the_canons_on_this_machine_the_default_first(monkeypatch, tmp_path):
    assert candidates((), commercial=False, max_ms=None) == []
    monkeypatch.setattr(module, "cached", lambda name: tmp_path if name in ("resnet18", "mobilenetv2_100") else None)
    found = candidates((), commercial=False, max_ms=None)
    assert [one.name for one in found] == ["mobilenetv2_100", "resnet18"]
    assert "resnet18" not in {one.name for one in elsewhere(commercial=False, max_ms=None)}


def test_what_is_elsewhere_is_listed_with_its_licence_and_filtered_alike():
    everything = elsewhere(commercial=False, max_ms=None)
    free = elsewhere(commercial=True, max_ms=30)
    assert all(one.licence and one.weights == "hub" for one in everything)
    assert {one.name for one in free} < {one.name for one in everything}
    assert all(one.ms <= 30 for one in free)
    assert "mit_b0" not in {one.name for one in elsewhere(commercial=True, max_ms=None)}


def test_the_fallback_is_the_default_where_it_is_fast_enough_else_the_largest_that_is():
    assert fallback(commercial=True, max_ms=None).encoder == "mobilenetv2_100"
    assert fallback(commercial=False, max_ms=10).ms <= 10
    with pytest.raises(UsageError, match="--max-ms: expected at least"):
        fallback(commercial=False, max_ms=0.1)
