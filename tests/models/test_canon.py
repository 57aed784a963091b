"""The canon of encoders: every row works, and what is said of it is so."""

import re

import pytest
import timm
import torch

from segue.models.build import ModelSpec, build
from segue.models.canon import CANON
from segue.models.catalogue import NO_WEIGHTS, canon, decoders, every_encoder
from segue.models.decoders import DECODERS
from segue.models.encoders import code_licence, create_encoder
from segue.models.figures import decoder_figures, encoder_figures, measured_on
from segue.models.licences import Use, use_of
from segue.models.measure import least_ms, measure_decoder, measure_encoder, sources
from segue.models.origin import require_commercial
from segue.models.trunks import TRUNKS

FAST = 12e6  # parameters
FIGURES = encoder_figures()
ROWS = [
    name if name in FIGURES and FIGURES[name].parameters < FAST else pytest.param(name, marks=pytest.mark.slow)
    for name in CANON
]


@pytest.mark.parametrize("name", ROWS)
def test_every_encoder_of_the_canon_trains_at_odd_sizes_and_its_figures_are_its_own(name):
    encoder = create_encoder(name)
    maps = encoder(torch.randn(2, 3, *encoder.padded(33, 65)))
    assert tuple(m.shape[1] for m in maps) == encoder.channels
    sizes = [m.shape[-1] * m.shape[-2] for m in maps]
    assert sizes == sorted(sizes, reverse=True)
    sum(m.square().mean() for m in maps).backward()
    assert [name for name, weight in encoder.named_parameters() if weight.grad is None] == []
    in_stages = [id(weight) for stage in encoder.stages() for module in stage for weight in module.parameters()]
    assert sorted(in_stages) == sorted(id(weight) for weight in encoder.parameters())
    figures = FIGURES[name]
    assert figures.parameters == sum(weight.numel() for weight in encoder.parameters())
    assert figures.strides == encoder.strides
    assert figures.code == code_licence(name)


def test_every_row_has_figures_and_no_figures_lack_a_row():
    again = "run scripts/measure_networks.py"
    assert list(FIGURES) == list(CANON), again
    assert list(decoder_figures()) == list(DECODERS), again
    assert all(0 < f.ms < 60_000 and 224 <= f.size[0] <= 512 for f in FIGURES.values())
    assert all(f.parameters > 0 and f.ms > 0 for f in decoder_figures().values())
    assert "torch" in measured_on()


def test_every_trunk_is_in_the_canon():
    assert set(TRUNKS) <= set(CANON)


@pytest.mark.parametrize("name", CANON)
def test_a_row_says_when_to_choose_it_and_where_it_is_from(name):
    row = CANON[name]
    assert 10 < len(row.when) <= 75, "one line of a terminal, with the figures before it"
    assert row.family
    assert re.fullmatch(r"https://(arxiv\.org/abs/\d{4}\.\d{5}|arxiv\.org/abs/\d{4}\.\d{4})", row.paper)


@pytest.mark.parametrize("name", [name for name in CANON if name not in TRUNKS])
def test_the_licences_shown_are_those_timm_records(name):
    shown = FIGURES[name].sources
    recorded = sources(name)
    assert {tag: recorded[tag] for tag in shown if tag in recorded} == {t: shown[t] for t in shown if t in recorded}
    default = timm.get_pretrained_cfg(name).tag
    assert default in recorded


def test_the_default_source_comes_first():
    assert next(iter(sources("resnet50"))) == timm.get_pretrained_cfg("resnet50").tag
    assert sources("vit_base_patch16_224.mae") == {"mae": "cc-by-nc-4.0"}
    assert sources("mit_b0") == {"hub": "nvidia-source-code-license"}
    assert sources("double_conv") == {}


def test_every_licence_that_is_shown_has_been_told_apart():
    licences = {licence for figures in FIGURES.values() for licence in figures.sources.values()}
    licences |= {row.files for row in CANON.values() if row.files} | {f.licence for f in decoder_figures().values()}
    assert {licence for licence in licences if use_of(licence) is Use.UNKNOWN} <= {"unknown: check the model card"}


def test_what_is_called_commercial_is_what_fit_takes():
    for network in canon():
        weights = "hub" if network.sources else None
        if network.commercial:
            require_commercial(network.name, weights)
        elif weights:
            with pytest.raises(Exception, match="--commercial: expected a licence that allows commercial use"):
                require_commercial(network.name, weights)
    refused = {network.family for network in canon() if not network.commercial}
    assert refused == {"MiT", "ViT, MAE", "ViT, MoCo v3", "ViT, DINOv3", "ConvNeXt"}
    assert [n.name for n in canon() if n.family == "ConvNeXt" and not n.commercial] == ["convnext_tiny.dinov3_lvd1689m"]


def test_weights_to_download_as_a_file_and_none_at_all_are_told_apart():
    licences = {network.name: network.licence for network in canon()}
    assert licences["vit_small_patch16_mocov3"] == "cc-by-nc-4.0 (a file)"
    assert licences["ddrnet23_slim"] == "mit (a file)"
    assert licences["double_conv"] == NO_WEIGHTS


def test_every_name_of_timm_is_there_with_the_licence_of_its_default_weights():
    listed = list(every_encoder())
    every = {network.name: network for network in listed}
    assert set(timm.list_models(exclude_filters="test_*")) <= set(every)
    assert every["resnet50_gn"].licence == timm.get_pretrained_cfg("resnet50_gn").license
    assert not every["convnextv2_tiny"].commercial
    assert every["resnet50t"].licence == NO_WEIGHTS
    assert len(every) == len(listed)


def test_decoders_have_a_stride_a_host_and_the_licence_of_their_code():
    rows = {network.name: network for network in decoders()}
    assert list(rows) == list(DECODERS)
    assert (rows["fpn"].strides, rows["fpn"].encoder, rows["fpn"].licence) == ((4,), "resnet18", "mit")
    assert rows["fcn"].licence == "apache-2.0"
    assert all(network.commercial for network in rows.values())


# --- measuring -------------------------------------------------------------------------------------------------------


def test_measuring_gives_the_figures_of_the_network(monkeypatch):
    monkeypatch.setattr("segue.models.measure.SIZE", (64, 64))
    figures = measure_encoder("test_resnet", repeats=1)
    encoder = create_encoder("test_resnet")
    assert figures.parameters == sum(weight.numel() for weight in encoder.parameters())
    assert (figures.strides, figures.size, figures.code) == (encoder.strides, (64, 64), "apache-2.0")
    assert 0 < figures.ms < 10_000
    assert measure_encoder("test_coatnet", repeats=1).size == encoder_size("test_coatnet")


def encoder_size(name):
    return create_encoder(name).fixed_size


@pytest.mark.parametrize("name", ["fcn", "fpn"])
def test_measuring_a_decoder_leaves_the_encoder_out(monkeypatch, name):
    monkeypatch.setattr("segue.models.measure.HOSTS", ("test_resnet",))
    monkeypatch.setattr("segue.models.measure.SIZE", (64, 64))
    figures = measure_decoder(name, repeats=1)
    model = build(ModelSpec("test_resnet", name, 3, 21))
    behind = [*model.decoder.parameters(), *model.head.parameters()]
    assert figures.parameters == sum(weight.numel() for weight in behind)
    assert figures.encoder == "test_resnet"
    assert figures.stride == {"fcn": 8, "fpn": 4}[name]


def test_the_least_time_is_taken_on_one_thread_and_the_number_of_threads_comes_back(monkeypatch):
    clock = iter([0.0, 0.5, 1.0, 1.25, 2.0, 2.75])
    monkeypatch.setattr("segue.models.measure.time.process_time", lambda: next(clock))
    before, seen = torch.get_num_threads(), []
    assert least_ms(lambda: seen.append((torch.get_num_threads(), torch.is_grad_enabled())), repeats=3) == 250
    assert seen == [(1, False)] * 4
    assert torch.get_num_threads() == before
