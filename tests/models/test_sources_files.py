"""Where the files of a published network lie, which of them are read, what its card says, what a run does with it."""

import json
import os

import pytest
import torch
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
from safetensors.torch import load_file

import segue
from segue.cli import main
from segue.configs import DECODER, ENCODER, ModelConfig
from segue.errors import RunError, UsageError, WeightsError
from segue.models import hub
from segue.models.build import build
from segue.models.licences import UNKNOWN_FILE
from segue.models.origin import origin, require_commercial
from segue.models.sources import SOURCES, find
from segue.models.sources.card import card_licence
from segue.models.sources.choice import as_source_says, network_of
from segue.models.sources.files import Files
from segue.models.weights import load_pretrained
from tiny_model import write_run
from tiny_networks import NAMES, save_smp, save_torchvision, save_transformers


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A hub with one repository, `nvidia/segformer-tiny`, which is this folder, and the list of what was asked for."""
    folder, asked = tmp_path / "repository", []

    def download(name, file, revision):
        asked.append((name, file, revision))
        if name != "nvidia/segformer-tiny":
            raise OSError("404: no such repository\nsecond line")
        if not (folder / file).is_file():
            raise EntryNotFoundError("404")
        return str(folder / file)

    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_args, **_options: None)
    monkeypatch.setattr(hub, "download", download)
    return folder, asked


def test_a_repository_is_described_without_its_weights_and_loaded_at_the_revision_asked_for(published):
    folder, asked = published
    save_transformers(folder, "segformer")
    weights = "hf:nvidia/segformer-tiny@v1.0"
    checkpoint = find(weights)
    assert {file for _, file, _ in asked} == {"config.json", "preprocessor_config.json", "README.md"}
    report = load_pretrained(build(checkpoint.spec), weights, NAMES)
    assert ("nvidia/segformer-tiny", "model.safetensors", "v1.0") in asked
    assert {revision for _, _, revision in asked} == {"v1.0"}
    assert report.kept == NAMES
    assert report.source.name == "nvidia/segformer-tiny@v1.0"
    assert report.source.url == "https://huggingface.co/nvidia/segformer-tiny"
    assert report.source.licence == "nvidia-source-code-license"
    assert len(report.source.sha256) == 64


def test_files_in_the_cache_need_no_network_and_a_mark_in_it_stands_for_no_file(tmp_path, monkeypatch):
    save_smp(tmp_path)
    marks = {path.name: str(path) for path in tmp_path.iterdir()}
    monkeypatch.setattr(
        "huggingface_hub.try_to_load_from_cache", lambda _, file, revision=None: marks.get(file, object())
    )
    monkeypatch.setattr(hub, "download", lambda *_: pytest.fail("asked the network"))
    checkpoint = find("hf:smp-hub/tiny")
    assert load_pretrained(build(checkpoint.spec), "hf:smp-hub/tiny").share == 1
    assert Files("smp-hub/tiny", local=False).get("nothing.txt") is None


@pytest.mark.parametrize("error", [OSError, LocalEntryNotFoundError, ValueError])
def test_a_hub_that_cannot_be_reached_is_one_line_with_the_ways_out(published, monkeypatch, error):
    def fail(*_):
        raise error("no route to host\nand a second line")

    monkeypatch.setattr(hub, "download", fail)
    with pytest.raises(WeightsError, match=r"cannot download me/net .*--model.weights FILE") as caught:
        find("hf:me/net")
    assert "\n" not in str(caught.value)


def test_a_repository_without_a_network_says_so(published):
    with pytest.raises(WeightsError, match=r"expected a model with a config.json, got none: check the name"):
        find("hf:nvidia/segformer-tiny")


@pytest.mark.parametrize("weights", ["hf:net", "hf:a/b/c", "hf:../net", "hf:me/net@", "hf:me/ne t"])
def test_names_that_are_no_names_are_refused(weights):
    with pytest.raises(WeightsError, match="expected hf:OWNER/NAME"):
        find(weights)


def test_a_network_in_parts_is_put_together(tmp_path):
    theirs = save_transformers(tmp_path, "segformer", max_shard_size="60KB")
    assert not (tmp_path / "model.safetensors").exists()
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    model = build(find(str(tmp_path)).spec)
    assert load_pretrained(model, str(tmp_path), NAMES).share == 1
    assert torch.equal(model.head.weight, theirs.decode_head.classifier.weight)
    next(tmp_path.glob("*.safetensors")).unlink()
    with pytest.raises(WeightsError, match="got no such file"):
        load_pretrained(model, str(tmp_path), NAMES)


@pytest.mark.parametrize("name", ["../model.safetensors", "/etc/passwd", "weights.bin", 3])
def test_parts_outside_the_folder_are_refused(tmp_path, name):
    save_transformers(tmp_path, "segformer", max_shard_size="60KB")
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(WeightsError, match="expected names of safetensors files"):
        find(str(tmp_path)).read()


class Hostile:
    def __reduce__(self):
        return os.system, ("touch /tmp/never",)


def test_the_older_torch_file_is_read_as_tensors_and_a_pickle_is_not_run(tmp_path):
    save_transformers(tmp_path, "segformer")
    state = load_file(tmp_path / "model.safetensors")
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match="found none of them"):
        find(str(tmp_path)).read()
    torch.save(state, tmp_path / "pytorch_model.bin")
    assert load_pretrained(build(find(str(tmp_path)).spec), str(tmp_path), NAMES).kept == NAMES
    torch.save({**state, "x": Hostile()}, tmp_path / "pytorch_model.bin")
    with pytest.raises(WeightsError, match=r"one that asks to run (posix|nt|os)\.system"):
        find(str(tmp_path)).read()


@pytest.mark.parametrize("content", ["{", "[]", ""])
def test_a_damaged_description_is_named(tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(WeightsError, match=r"config.json: expected (JSON|a JSON object)"):
        find(str(tmp_path))


# --- the card --------------------------------------------------------------------------------------------------------

CARDS = [
    ("---\nlicense: apache-2.0\n---\n# Net", "apache-2.0 (as the model card states)"),
    ("---\nlicense: other\nlicense_name: my-terms\n---\n", "my-terms (as the model card states)"),
    ("---\nlicense: [mit, apache-2.0]\n---\n", "mit (as the model card states)"),
    ('---\nlicense: "a\\u001b[31m licence"\n---\n', "a[31m licence (as the model card states)"),
    ("---\nlicense: other\n---\n", None),
    ("---\nlicense: unknown\n---\n", None),
    ("---\nlicense: {a: b}\n---\n", None),
    ("---\n: [\n---\n", None),
    ("# A card without front matter\nlicense: mit", None),
    (None, None),
]


@pytest.mark.parametrize(("card", "licence"), CARDS)
def test_the_licence_is_the_cards_the_publishers_or_unknown(tmp_path, card, licence):
    if card is not None:
        (tmp_path / "README.md").write_text(card)
    files = Files(str(tmp_path), local=True)
    assert card_licence(files) == (licence or UNKNOWN_FILE)
    assert card_licence(files, "nvidia/segformer-b0-finetuned-ade-512-512") == (licence or "nvidia-source-code-license")
    assert card_licence(files, "me/segformer") == (licence or UNKNOWN_FILE)


def test_a_repository_without_a_card_has_its_publishers_licence(published):
    published[0].mkdir()
    assert card_licence(Files("nvidia/segformer-tiny", local=False)) == "nvidia-source-code-license"


def test_commercial_asks_the_source(published):
    folder, _ = published
    save_transformers(folder, "segformer")
    assert origin("mobilenetv2_100", "hf:nvidia/segformer-tiny").licence == "nvidia-source-code-license"
    with pytest.raises(WeightsError, match=r"weights of nvidia/segformer-tiny under .* non-commercial"):
        require_commercial("transformers:segformer", "hf:nvidia/segformer-tiny")
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    require_commercial("transformers:segformer", "hf:nvidia/segformer-tiny")
    with pytest.raises(WeightsError, match=r"the code of encoder smp:mit_b0 under nvidia-source-code-license"):
        require_commercial("smp:mit_b0", None)


# --- which network is trained ----------------------------------------------------------------------------------------


def test_every_layout_belongs_to_one_source(tmp_path):
    save_transformers(tmp_path / "huggingface", "segformer")
    save_smp(tmp_path / "smp")
    write_run(tmp_path / "segue")
    save_torchvision(tmp_path / "weights.pth", "lraspp_mobilenet_v3_large")
    places = {name: str(tmp_path / name) for name in ("huggingface", "smp", "segue")}
    places["torchvision"] = str(tmp_path / "weights.pth")
    assert set(places) == set(SOURCES.names())
    for expected, place in places.items():
        alone = [name for name in SOURCES if name != "segue" and SOURCES[name](place) is not None]
        assert alone == [name for name in [expected] if name != "segue"]
        assert find(place) is not None
    assert find("hub") is None


def test_a_folder_that_is_nothing_is_refused(tmp_path):
    with pytest.raises(RunError, match="expected a run or model folder"):
        find(str(tmp_path))


def test_the_source_decides_what_is_left_open(tmp_path, caplog):
    save_transformers(tmp_path / "net", "segformer")
    write_run(tmp_path / "run")
    caplog.set_level("INFO", "segue")
    net, run = str(tmp_path / "net"), str(tmp_path / "run")
    taken = as_source_says(ModelConfig(weights=net))
    assert (taken.encoder, taken.decoder) == ("transformers:segformer", "transformers:segformer")
    assert "network of net: transformers:segformer + transformers:segformer" in caplog.text
    assert as_source_says(taken) == taken
    assert as_source_says(ModelConfig(weights=run)) == ModelConfig("test_resnet", "fcn", run)
    caplog.clear()
    assert as_source_says(ModelConfig("test_resnet@4", "fpn", run)) == ModelConfig("test_resnet@4", "fpn", run)
    assert "decoder fpn is not that of Segue run run (from test weights) (fcn): it begins anew" in caplog.text
    assert as_source_says(ModelConfig()) == ModelConfig(ENCODER, DECODER)


@pytest.mark.parametrize(
    ("encoder", "decoder", "named"),
    [("resnet18", "unet", "encoder"), ("", "fpn", "decoder"), (ENCODER, "", "encoder"), ("", DECODER, "decoder")],
)
def test_another_part_beside_a_network_that_comes_whole_is_one_clear_line(tmp_path, encoder, decoder, named):
    save_smp(tmp_path)
    model = ModelConfig(encoder, decoder, str(tmp_path))
    with pytest.raises(UsageError, match=rf"--model.{named} .*: expected smp:.*: leave --model.{named} out"):
        as_source_says(model)


def test_a_given_part_counts_also_where_it_is_the_default(tmp_path):
    write_run(tmp_path / "run")  # test_resnet + fcn
    run = str(tmp_path / "run")
    assert as_source_says(ModelConfig("", DECODER, run)) == ModelConfig("test_resnet", DECODER, run)
    assert as_source_says(ModelConfig(ENCODER, "", run)) == ModelConfig(ENCODER, "fcn", run)


@pytest.mark.parametrize("way", ["command line", "file", "python"])
def test_a_default_that_is_given_is_refused_however_it_is_given(tmp_path, capsys, way):
    save_smp(tmp_path / "net")
    (tmp_path / "c.yaml").write_text(f"model: {{weights: {tmp_path / 'net'}, decoder: {DECODER}}}")
    options = ["--model.weights", str(tmp_path / "net"), "--model.decoder", DECODER]
    if way == "python":
        with pytest.raises(UsageError, match=r"leave --model\.decoder out"):
            segue.fit(tmp_path, model=ModelConfig(decoder=DECODER, weights=str(tmp_path / "net")))
    else:
        given = options if way == "command line" else ["--config", str(tmp_path / "c.yaml")]
        assert main(["fit", str(tmp_path), *given]) == 2
        assert "leave --model.decoder out" in capsys.readouterr().err


def test_the_encoder_of_a_whole_network_needs_its_checkpoint(tmp_path):
    save_smp(tmp_path)
    spec = find(str(tmp_path)).spec
    assert network_of(ModelConfig(spec.encoder, spec.decoder, str(tmp_path))) == spec.network
    assert network_of(ModelConfig("resnet18", "unet", "hub")) == ""
    for encoder, weights in ((spec.encoder, "hub"), ("smp:resnet18", str(tmp_path))):
        with pytest.raises(UsageError, match="expected the checkpoint it comes with"):
            network_of(ModelConfig(encoder, spec.decoder, weights))
