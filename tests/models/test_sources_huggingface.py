"""Networks of transformers, written by `save_pretrained` with random weights, against what transformers computes."""

import dataclasses
import json
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional

from segue.errors import MissingPackageError, RunError, UsageError, WeightsError
from segue.models.artifact import load_model, save_model
from segue.models.build import ModelSpec, build
from segue.models.networks.network import describe, image_statistics
from segue.models.networks.queries import LEAST, pixel_scores
from segue.models.sources import find
from segue.models.weights import load_pretrained
from tiny_model import tiny_info
from tiny_networks import NAMES, TRANSFORMERS, save_transformers

pytest.importorskip("transformers")
SQUARE = ("dpt", "eomt")  # transformers' own forward takes square images, EoMT's of one size


FAST = ("segformer", "eomt")  # one that scores pixels, one that answers with a set of masks
KINDS = [pytest.param(kind, marks=[] if kind in FAST else [pytest.mark.slow]) for kind in TRANSFORMERS]


@pytest.fixture(scope="module", params=KINDS)
def saved(request, tmp_path_factory):
    """A kind of network, its folder, and the network as transformers has it."""
    folder = tmp_path_factory.mktemp("published") / request.param
    return request.param, folder, save_transformers(folder, request.param)


def loaded(folder, names=NAMES, **changes):
    model = build(dataclasses.replace(find(str(folder)).spec, classes=len(names), **changes))
    return model.eval(), load_pretrained(model, str(folder), names)


def their_scores(model, images):
    """What transformers predicts, at the size of the images: logits, or the logarithm of scores."""
    answer = model(images)
    size = images.shape[-2:]
    if "logits" in answer:
        return functional.interpolate(answer.logits, size, mode="bilinear")
    classes = answer.class_queries_logits.softmax(-1)[..., :-1]
    scores = torch.einsum("bqc,bqhw->bchw", classes, answer.masks_queries_logits.sigmoid())
    return torch.log(functional.interpolate(scores, size, mode="bilinear") + LEAST)


def test_the_scores_are_those_of_transformers(saved):
    kind, folder, theirs = saved
    model, report = loaded(folder)
    images = torch.randn(2, 3, 64, 64 if kind in SQUARE else 96)
    with torch.no_grad():
        expected = their_scores(theirs, images)
        assert expected.std(dim=(0, 2, 3)).min() > 1e-3
        torch.testing.assert_close(model(images), expected, rtol=1e-4, atol=1e-5)
    assert report.share == 1
    assert report.missing == report.anew == report.from_background == ()
    assert report.kept == NAMES
    assert all("auxiliary_head" in name or "criterion" in name for name in report.unexpected)


def test_any_size_is_taken_and_the_stages_hold_every_encoder_weight_once(saved):
    _, folder, _ = saved
    model, _ = loaded(folder)
    with torch.no_grad():
        for size in ((65, 97), (33, 120), (1, 1)):
            assert model(torch.randn(1, 3, *size)).isfinite().all()
    inside = [id(weight) for stage in model.stages() for module in stage for weight in module.parameters()]
    assert sorted(inside) == sorted(id(weight) for weight in model.encoder.parameters())
    assert len(model.stages()) >= 2


def test_other_classes_and_channels_take_over_what_fits(saved):
    _, folder, _ = saved
    same, _ = loaded(folder)
    model, report = loaded(folder, ("sky", "car", "Wall", "background"), in_channels=5)
    assert (report.kept, report.from_background) == (("sky", "Wall", "background"), ("car",))
    assert [name.endswith("weight") for name in report.reshaped] == [True]
    for name, ours in model.head.state_dict().items():
        assert torch.equal(ours[[0, 2]], same.head.state_dict()[name][[2, 0]])
        if len(ours) == 5:
            assert torch.equal(ours[4], same.head.state_dict()[name][4])  # the row for no class
    assert model(torch.randn(1, 5, 64, 64)).shape == (1, 4, 64, 64)


def test_background_is_shared_with_new_classes_in_the_probabilities_of_the_model(saved):
    _, folder, _ = saved
    model, _ = loaded(folder)
    grown, _ = loaded(folder, (*NAMES, "car", "tree"))
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        before, after = model(images).softmax(1), grown(images).softmax(1)
    torch.testing.assert_close(after[:, 3:].sum(1), before[:, 3], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(after[:, :3], before[:, :3], rtol=1e-3, atol=1e-4)


def test_a_few_steps_lower_the_loss_and_the_gradient_reaches_encoder_decoder_and_head(saved):
    _, folder, _ = saved
    model, _ = loaded(folder)
    model.train()
    torch.manual_seed(0)
    images, labels = torch.randn(2, 3, 64, 64), torch.randint(0, 4, (2, 64, 64))
    labels[:, :, :32] = 1
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    losses = []
    for _ in range(8):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.95 * losses[0]
    for part in (model.encoder, model.decoder, model.head):
        assert any(weight.grad is not None and weight.grad.any() for weight in part.parameters())


def test_a_saved_model_is_built_again_without_its_source(saved, tmp_path):
    _, folder, _ = saved
    model, _ = loaded(folder)
    save_model(tmp_path, model, dataclasses.replace(tiny_info(), spec=model.spec))
    again, _ = load_model(tmp_path)
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(again(images), model(images))


# --- class names and statistics --------------------------------------------------------------------------------------


def test_reduced_labels_move_values_in_masks_and_no_rows(tmp_path):
    """ADE20K: mask value 0 is no class and value 1 is "wall", but row 0 of the head is "wall"."""
    for reduced in (True, False):
        folder = tmp_path / str(reduced)
        save_transformers(folder, "segformer", preprocessing={"do_reduce_labels": reduced})
        assert find(str(folder)).names == NAMES
        model, report = loaded(folder, ("background", "wall"))
        weight = load_file(folder / "model.safetensors")["decode_head.classifier.weight"]
        assert torch.equal(model.head.weight, weight[[3, 0]])
        assert report.kept == ("background", "wall")


def test_classes_nobody_named_are_not_matched(tmp_path):
    save_transformers(tmp_path, "segformer", tuple(f"LABEL_{number}" for number in range(4)))
    assert find(str(tmp_path)).names == ()
    _, report = loaded(tmp_path, ("LABEL_0", "sky"))
    assert report.anew == ("LABEL_0", "sky")
    assert "head.weight[0]" in report.unexpected


@pytest.mark.parametrize(
    ("preprocessing", "mean", "std"),
    [
        ({"image_mean": [0.4, 0.5, 0.6], "image_std": [0.1, 0.2, 0.3]}, (0.4, 0.5, 0.6), (0.1, 0.2, 0.3)),
        ({"image_mean": 0.5, "image_std": 0.25, "do_rescale": True}, (0.5,) * 3, (0.25,) * 3),
        ({"image_mean": [127.5] * 3, "image_std": [51.0] * 3, "do_rescale": False}, (0.5,) * 3, (0.2,) * 3),
        ({"image_mean": [1.0] * 3, "image_std": [0.5] * 3, "rescale_factor": 1 / 127.5}, (0.5,) * 3, (0.25,) * 3),
        ({"do_normalize": False}, (0.0,) * 3, (1.0,) * 3),
        (None, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ],
)
def test_statistics_are_brought_to_the_scale_from_0_to_1(tmp_path, preprocessing, mean, std):
    save_transformers(tmp_path, "segformer", preprocessing=preprocessing)
    spec = find(str(tmp_path)).spec
    found = image_statistics(spec.encoder, spec.network, 3)
    assert found[0] == pytest.approx(mean, abs=1e-6)
    assert found[1] == pytest.approx(std, abs=1e-6)


# --- sets of masks ---------------------------------------------------------------------------------------------------


def test_scores_of_pixels_are_those_transformers_makes_its_map_of():
    from transformers import EomtImageProcessor, Mask2FormerImageProcessor
    from transformers.models.mask2former.modeling_mask2former import Mask2FormerForUniversalSegmentationOutput

    torch.manual_seed(0)
    classes, masks = torch.randn(2, 7, 5), 3 * torch.randn(2, 7, 384, 384)
    answer = Mask2FormerForUniversalSegmentationOutput(class_queries_logits=classes, masks_queries_logits=masks)
    maps = Mask2FormerImageProcessor().post_process_semantic_segmentation(answer)
    assert torch.equal(torch.stack(list(maps)), pixel_scores(classes, masks).argmax(1))
    answer.patch_offsets = None
    sized = {"shortest_edge": 384, "longest_edge": 384}
    maps = EomtImageProcessor(size=sized).post_process_semantic_segmentation(answer, [(384, 384)] * 2)
    assert torch.equal(torch.stack(list(maps)), pixel_scores(classes, masks).argmax(1))


def test_a_query_sure_of_nothing_says_nothing():
    classes = torch.tensor([[[9.0, 0.0, 0.0], [0.0, 0.0, 99.0]]])
    masks = torch.full((1, 2, 4, 4), 20.0)
    scores = pixel_scores(classes, masks)
    torch.testing.assert_close(scores[0, :, 0, 0], classes[0, 0].softmax(0)[:2])


def test_an_eomt_in_the_middle_of_its_training_is_refused(tmp_path):
    save_transformers(tmp_path, "eomt")
    tensors = load_file(tmp_path / "model.safetensors")
    tensors["attn_mask_probs"] += 0.5
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(WeightsError, match="masked attention was phased out"):
        load_pretrained(build(find(str(tmp_path)).spec), str(tmp_path), NAMES)


# --- what is refused, and what never reaches the library -------------------------------------------------------------


def rewrite(folder, **entries):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


def test_a_network_of_another_kind_is_refused_with_those_there_are(tmp_path):
    save_transformers(tmp_path, "segformer")
    rewrite(tmp_path, architectures=["SegformerForImageClassification"])
    with pytest.raises(WeightsError, match=r"expected one of SegformerForSemanticSegmentation, .* got SegformerForIm"):
        find(str(tmp_path))
    rewrite(tmp_path, architectures=None, architecture="resnet18")
    with pytest.raises(WeightsError, match=r"got timm's encoder resnet18: use --model.encoder resnet18"):
        find(str(tmp_path))


def test_a_backbone_that_would_be_fetched_is_refused(tmp_path):
    save_transformers(tmp_path, "upernet-swin")
    rewrite(tmp_path, backbone_config={"model_type": "timm_backbone", "backbone": "resnet18", "out_indices": [1, 2]})
    with pytest.raises(WeightsError, match=r"on swin, convnext, resnet, got one on 'timm_backbone'"):
        find(str(tmp_path))


def test_only_declared_fields_of_a_configuration_are_used(tmp_path):
    save_transformers(tmp_path, "segformer")
    plain = find(str(tmp_path)).spec.network
    rewrite(
        tmp_path, auto_map={"AutoModel": "someone/else--evil.Model"}, attn_implementation="someone/kernels",
        quantization_config={"quant_method": "bitsandbytes"}, _name_or_path="/etc",
    )  # fmt: skip
    assert find(str(tmp_path)).spec.network == plain
    assert not {"auto_map", "attn_implementation", "quantization_config"} & set(describe(plain).config)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"hidden_sizes": [8, 16, 16, 70_000]}, "numbers up to 65,536"),
        ({"hidden_sizes": [60_000] * 4, "decoder_hidden_size": 60_000}, "weights, got"),
        ({"hidden_act": "os.system"}, "cannot be built"),
        ({"depths": [1] * 300}, "at most 256 entries"),
    ],
)
def test_a_strangers_numbers_are_refused_before_memory_is_asked_for(tmp_path, change, says):
    save_transformers(tmp_path, "segformer")
    description = json.loads(find(str(tmp_path)).spec.network)
    description["config"] |= change
    with pytest.raises(UsageError, match=says):
        build(ModelSpec("transformers:segformer", "transformers:segformer", 3, 4, json.dumps(description)))


@pytest.mark.parametrize("text", ["[]", "{", '{"kind":"segformer"}', '{"kind":"smp","config":{},"mean":[0],"std":[0]}'])
def test_what_is_no_description_is_refused(text):
    with pytest.raises(UsageError, match="network: expected"):
        build(ModelSpec("a", "b", 3, 4, text))


def test_a_damaged_decoder_is_refused_and_the_model_stays_as_it_was(tmp_path):
    save_transformers(tmp_path, "segformer")
    tensors = {name: t for name, t in load_file(tmp_path / "model.safetensors").items() if "linear" not in name}
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    model = build(find(str(tmp_path)).spec)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(WeightsError, match=r"at least 90% of decoder transformers:segformer, got \d+%"):
        load_pretrained(model, str(tmp_path), NAMES)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_without_the_library_the_error_is_the_line_that_installs_it(tmp_path, monkeypatch):
    save_transformers(tmp_path / "net", "segformer")
    model, _ = loaded(tmp_path / "net")
    save_model(tmp_path / "model", model, dataclasses.replace(tiny_info(), spec=model.spec))
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingPackageError, match=r'pip install "segue\[foundation\]"'):
        find(str(tmp_path / "net"))
    with pytest.raises(RunError, match=r'model.json: .* pip install "segue\[foundation\]"'):
        load_model(tmp_path)
