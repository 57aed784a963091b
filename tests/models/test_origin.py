"""Licences: what is known of them, and what --commercial makes of it."""

import dataclasses

import pytest
import safetensors.torch
import timm
import torch

from segue.commands.fit import run
from segue.configs import FitConfig, ModelConfig, TransferConfig
from segue.errors import WeightsError
from segue.models.build import build
from segue.models.licences import PUBLISHED, UNKNOWN, Use, use_of
from segue.models.origin import origin, require_commercial
from segue.models.source import Source
from segue.models.weights import load_pretrained
from tiny_model import tiny_info, write_run


@pytest.mark.parametrize(
    ("licence", "use"),
    [
        ("apache-2.0", Use.PERMISSIVE),
        ("Apache-2.0 (as the file states)", Use.PERMISSIVE),
        ("BSD-3-Clause (torchvision; trained on ImageNet)", Use.PERMISSIVE),
        ("cc-by-4.0", Use.PERMISSIVE),
        ("cc-by-nc-4.0", Use.NON_COMMERCIAL),
        ("CC-BY-NC-SA-4.0", Use.NON_COMMERCIAL),
        ("fair-noncommercial-research-license", Use.NON_COMMERCIAL),
        ("nvidia-source-code-license", Use.NON_COMMERCIAL),
        ("dinov3-license", Use.OWN_TERMS),
        ("other", Use.UNKNOWN),
        ("agpl-3.0", Use.UNKNOWN),
        ("mit, for research", Use.UNKNOWN),
        ("apache-2.0-like", Use.UNKNOWN),
        ("", Use.UNKNOWN),
        (UNKNOWN, Use.UNKNOWN),
    ],
)
def test_a_licence_is_permissive_only_when_its_identifier_is(licence, use):
    assert use_of(licence) is use


@pytest.mark.slow  # not for its time: a release of timm may bring a licence nobody has read yet
def test_every_licence_timm_records_is_told_apart():
    recorded = {timm.get_pretrained_cfg(name).license for name in timm.list_models(pretrained=True)}
    unknown = {licence for licence in recorded if licence not in (None, "unknown") and use_of(licence) is Use.UNKNOWN}
    assert unknown == set(), "a licence that is new in timm: read it and add it to segue/models/licences.py"


def test_every_published_checksum_has_a_known_licence():
    assert {use_of(licence) for _, licence, _ in PUBLISHED.values()} == {Use.PERMISSIVE}


@pytest.mark.parametrize(
    ("encoder", "says"),
    [
        ("mit_b0", r"the code of encoder mit_b0 under nvidia-source-code-license, which is non-commercial"),
        ("vit_base_patch16_224.mae", r"the weights of vit_base_patch16_224.mae under cc-by-nc-4.0, which is non-comm"),
        ("vit_small_patch16_dinov3", r"dinov3-license, which has terms of its own: read https://huggingface.co/timm/"),
        ("resnet50.bamboo", r"unknown: check the model card \(https://huggingface.co/timm/resnet50.bamboo\) and leave"),
    ],
)
def test_what_commercial_refuses_it_refuses_by_name_before_the_data_is_looked_at(tmp_path, encoder, says):
    config = FitConfig(paths=(tmp_path / "nothing",), model=ModelConfig(encoder=encoder), commercial=True)
    with pytest.raises(WeightsError, match=says) as caught:
        run(config)
    assert "segue list encoders --commercial" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "encoder", ["mobilenetv2_100", "resnet18@4", "swin_tiny_patch4_window7_224", "samvit_base_patch16"]
)
def test_permissive_sources_pass(encoder):
    require_commercial(encoder, "hub")


def test_from_scratch_only_the_code_counts():
    require_commercial("vit_base_patch16_224.mae", None)
    with pytest.raises(WeightsError, match="the code of encoder mit_b5"):
        require_commercial("mit_b5@2", None)


def test_fit_with_commercial_and_scratch_asks_about_the_code_only(tmp_path):
    model, transfer = ModelConfig(encoder="mit_b1"), TransferConfig(mode="scratch")
    with pytest.raises(WeightsError, match="the code of encoder mit_b1"):
        run(FitConfig(paths=(tmp_path,), model=model, transfer=transfer, commercial=True))


def test_a_file_counts_as_what_its_checksum_or_its_header_says(tmp_path, monkeypatch):
    tensors = {"conv1.weight": torch.zeros(2, 3, 1, 1)}
    silent, stating = tmp_path / "silent.safetensors", tmp_path / "stating.safetensors"
    safetensors.torch.save_file(tensors, silent)
    safetensors.torch.save_file(tensors, stating, {"licence": "MIT"})
    require_commercial("test_resnet", str(stating))
    with pytest.raises(WeightsError, match=r"silent.safetensors with a licence that is unknown: check where the file"):
        require_commercial("test_resnet", str(silent))
    monkeypatch.setitem(PUBLISHED, origin("test_resnet", str(silent)).sha256[:8], ("theirs", "MIT", "https://x"))
    require_commercial("test_resnet", str(silent))
    with pytest.raises(WeightsError, match=r"missing.pth: expected a weights file, got nothing there"):
        require_commercial("test_resnet", str(tmp_path / "missing.pth"))


def test_a_run_hands_on_the_licence_it_started_from_and_loading_says_the_same(tmp_path):
    info = tiny_info()
    source = Source("a backbone", "cc-by-nc-4.0", "0" * 64, "https://example.org")
    folder = write_run(tmp_path / "streets", dataclasses.replace(info, source=source))
    with pytest.raises(WeightsError, match=r"the weights of Segue run streets \(from a backbone\) under cc-by-nc-4.0"):
        require_commercial("test_resnet", str(folder))
    assert load_pretrained(build(info.spec), str(folder)).source == origin("test_resnet", str(folder))
