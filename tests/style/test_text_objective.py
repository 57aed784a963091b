"""Following a text: directions, patches, the tiny CLIP, and the picture that moves."""

import json
import math

import numpy as np
import pytest
import torch

from segue.errors import UsageError, WeightsError
from segue.style.canvas_net import CanvasNet
from segue.style.clip_guidance import load_clip
from segue.style.optimise import paint
from segue.style.text_objective import (
    TextObjective,
    TextRecipe,
    directional,
    patch_corners,
    patches,
    rejected,
    text_direction,
    variation,
)
from tiny_clip import SIDE, write_clip
from tiny_style import network, picture


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clip") / "tiny")


@pytest.fixture(scope="module")
def guide(folder):
    return load_clip(str(folder))[0]


def objective(guide, content, text="red glass", **changes):
    options = {"content_weight": 1.0, "patch_weight": 9.0, "global_weight": 0.5, "patches": 6, "threshold": 0.0}
    return TextObjective(network(), guide, TextRecipe(("coarse",), "relative", **{**options, **changes}), content, text)


# --- the loss by hand ------------------------------------------------------------------------------------------------


def test_the_directional_loss_is_one_minus_the_cosine():
    wanted = torch.tensor([3.0, 4.0])
    moves = torch.tensor([[6.0, 8.0], [-3.0, -4.0], [4.0, -3.0], [1.0, 0.0], [0.0, 0.0]])
    assert directional(moves, wanted).tolist() == pytest.approx([0, 2, 1, 0.4, 1], abs=1e-5)


def test_no_move_has_a_slope_all_the_same():
    moves = torch.zeros(1, 2, requires_grad=True)
    directional(moves, torch.tensor([0.0, 2.0])).sum().backward()
    assert moves.grad.isfinite().all()
    assert moves.grad[0, 1] < 0, "downhill is the way that is wanted"
    assert moves.grad[0, 0] == 0


def test_patches_that_already_follow_are_silent():
    losses = torch.tensor([0.1, 0.7, 0.71, 1.5], requires_grad=True)
    rejected(losses, 0.7).mean().backward()
    assert rejected(losses, 0.7).tolist() == pytest.approx([0, 0, 0.71, 1.5])
    assert losses.grad.tolist() == [0, 0, 0.25, 0.25]


def test_variation_is_the_length_of_the_differences():
    flat = torch.full((1, 3, 4, 5), 0.3, requires_grad=True)
    variation(flat).backward()
    assert float(variation(flat.detach())) == pytest.approx(0, abs=1e-3)
    assert flat.grad.isfinite().all()
    step = torch.zeros(1, 3, 2, 2)
    step[..., 1] = 0.5  # two rows of three channels differ across by a half, and nothing differs down
    assert float(variation(step)) == pytest.approx(math.sqrt(6 * 0.25), abs=1e-3)


# --- patches ---------------------------------------------------------------------------------------------------------


def test_patches_are_keyed_to_the_step_and_lie_within_the_picture():
    first = patch_corners(3, 7, 40, (60, 90))
    assert np.array_equal(first, patch_corners(3, 7, 40, (60, 90)))
    assert not np.array_equal(first, patch_corners(3, 8, 40, (60, 90)))
    assert not np.array_equal(first, patch_corners(4, 7, 40, (60, 90)))
    assert first.min() >= 0
    assert first[..., 0].max() <= 90
    assert first[..., 1].max() <= 60
    assert np.ptp(first[..., 0], axis=1).max() <= 0.25 * 90 + 1e-9


def test_an_upright_square_is_cut_out_as_it_is():
    whole = picture(0, 20, 30)
    square = np.array([[[4.0, 5.0], [12.0, 5.0], [12.0, 13.0], [4.0, 13.0]]])
    assert torch.allclose(patches(whole, square, 8)[0], whole[0, :, 5:13, 4:12], atol=1e-5)
    turned = np.roll(square, 1, axis=1)  # begins at its lower left corner: a quarter turn clockwise
    assert torch.allclose(patches(whole, turned, 8)[0], whole[0, :, 5:13, 4:12].rot90(-1, (1, 2)), atol=1e-5)


def test_a_slanted_patch_has_the_pixels_at_its_corners():
    whole = picture(1, 40, 40)
    corners = np.array([[[8.5, 6.5], [30.5, 4.5], [33.5, 31.5], [5.5, 28.5]]])
    view = patches(whole, corners, 400)[0]
    for (across, down), at in zip(corners[0], ((0, 0), (0, -1), (-1, -1), (-1, 0)), strict=True):
        assert torch.allclose(view[:, at[0], at[1]], whole[0, :, int(down), int(across)], atol=0.02)


# --- CLIP ------------------------------------------------------------------------------------------------------------


def test_embeddings_are_those_of_transformers(folder, guide):
    from transformers import CLIPModel, CLIPTokenizer

    model, tokenizer = CLIPModel.from_pretrained(folder).eval(), CLIPTokenizer.from_pretrained(folder)
    texts = ["a photo", "glass"]
    tokens = tokenizer(texts, padding=True, return_tensors="pt")
    pixels = (torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) - 0.5) / 0.5
    with torch.no_grad():
        found = model(**tokens, pixel_values=pixels)
    expected = torch.nn.functional.normalize(found.text_embeds.mean(0), dim=0)
    assert torch.allclose(guide.of_texts(texts), expected, atol=1e-5)
    assert torch.allclose(guide.of_pictures(pixels * 0.5 + 0.5), found.image_embeds, atol=1e-5)


def test_a_text_that_is_the_source_has_no_direction_and_is_refused(guide):
    with pytest.raises(UsageError, match="expected words that CLIP can tell from 'a photo', got 'a photo'"):
        text_direction(guide, "a photo")
    assert text_direction(guide, "stained glass").norm() > 1e-3


def test_a_text_longer_than_the_network_reads_is_cut_off(guide):
    assert guide.of_texts(["glass " * 200]).isfinite().all()


@pytest.mark.parametrize(("name", "share"), [("patch", 0.8), ("global", 1.0)])  # corners are rarely in a patch
def test_gradients_reach_the_picture(guide, name, share):
    content = picture(0, 40, 56)
    goal = objective(guide, content, patches=200)
    painted = picture(1, 40, 56).requires_grad_()
    terms = goal(painted)
    assert set(terms) == {"content", "patch", "global", "tv"}
    terms[name].backward()
    assert (painted.grad.abs().sum(1) > 0).float().mean() >= share


@pytest.mark.parametrize("canvas", [False, True], ids=["pixels", "unet"])
def test_the_loss_falls_and_the_same_seed_gives_the_same_picture(guide, canvas):
    content = picture(0, 37, 50)  # sides that no halving divides

    def painted(seed):
        net = CanvasNet(seed) if canvas else None
        options = {"content_weight": 1.0, "patch_weight": 9.0, "patches": 6, "threshold": 0.0}
        goal = TextObjective(
            network(), guide, TextRecipe(("coarse",), "relative", **options), content, "red glass", seed
        )
        found, (trace,) = paint(content, [(37, 50)], lambda _: goal, lambda _, done: done < 30, lr=0.01, canvas=net)
        return found, trace

    first, trace = painted(1)
    assert first.shape == content.shape
    assert sum(trace.last.values()) < 0.9 * sum(trace.first.values())
    assert torch.equal(first, painted(1)[0])
    assert not torch.equal(first, painted(2)[0])


@pytest.mark.parametrize("size", [(8, 8), (9, 17), (16, 31)])
def test_the_canvas_keeps_any_size_and_stays_between_black_and_white(size):
    painted = CanvasNet(0)(torch.rand(1, 3, *size))
    assert painted.shape == (1, 3, *size)
    assert 0 < painted.min() <= painted.max() < 1


def test_the_hub_is_asked_only_by_name(folder, guide, monkeypatch):
    asked = []

    def fetch_file(repository, name, revision):
        asked.append((repository, revision))
        return folder / name if (folder / name).is_file() else None

    monkeypatch.setattr("segue.models.sources.files.fetch_file", fetch_file)
    found, source = load_clip("hf:somebody/clip@main")
    assert set(asked) == {("somebody/clip", "main")}
    assert source.url == "https://huggingface.co/somebody/clip"
    assert torch.equal(found.of_texts(["glass"]), guide.of_texts(["glass"]))


# --- folders that are none -------------------------------------------------------------------------------------------


def test_where_it_is_from_is_known(folder):
    source = load_clip(str(folder))[1]
    assert source.name == "tiny"
    assert len(source.sha256) == 64


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / "config.json").unlink(), "with config.json, got no config.json"),
        (lambda f: (f / "config.json").write_text('{"model_type": "bert"}'), "got model_type 'bert'"),
        (lambda f: (f / "config.json").write_text("{"), "expected JSON, got something damaged"),
        (lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"), "got pytorch_model.bin, a pickle"),
        (lambda f: (f / "model.safetensors").unlink(), "got no weights"),
        (lambda f: (f / "vocab.json").unlink(), "expected tokenizer.json, or vocab.json and merges.txt"),
        (lambda f: reconfigured(f, "vision_config", hidden_size=24, num_attention_heads=2), "got none for"),
        (lambda f: reconfigured(f, "vision_config", hidden_size=2_000_000), "from 1 to 8,192, got 2000000"),
        (lambda f: reconfigured(f, "vision_config", hidden_size=8192, num_hidden_layers=128), "expected at most"),
        (lambda f: reconfigured(f, "text_config", hidden_size="large"), "expected the sizes of a CLIP network"),
        (lambda f: (f / "preprocessor_config.json").write_text('{"image_std": [0, 0]}'), "three means and deviations"),
        (lambda f: (f / "preprocessor_config.json").write_text('{"image_mean": [1e999, 0, 0]}'), "three means and"),
        (lambda f: (f / "tokenizer.json").write_text("[]"), "expected CLIP's tokenizer, got damaged files"),
        (lambda f: (f / "vocab.json").write_text("[]"), "expected CLIP's tokenizer, got damaged files"),
        (lambda f: reconfigured(f, "text_config", num_hidden_layers=10**9), "expected a whole number from 1 to 128"),
        (lambda f: reconfigured(f, "vision_config", num_hidden_layers=10**9), "expected a whole number from 1 to 128"),
        (lambda f: reconfigured(f, "text_config", layer_norm_eps=float("inf")), "expected a finite number, got inf"),
        (lambda f: reconfigured(f, "vision_config", image_size=float("inf")), "from 1 to 1,024, got inf"),
        (lambda f: reconfigured(f, "vision_config", image_size=-16), "from 1 to 1,024, got -16"),
        (lambda f: reconfigured(f, None, projection_dim=float("inf")), "projection_dim: expected a whole number"),
        (lambda f: reconfigured(f, None, text_config=[3]), "expected fields with names, got [3]"),
        (lambda f: reconfigured(f, "text_config", eos_token_id=5), "expected texts to end with word 5"),
        (
            lambda f: more_words(f),
            "expected a tokenizer of at most 82 words, as config.json says, got one whose last is",
        ),
    ],
)
def test_a_folder_that_is_no_clip_is_one_line(tmp_path, spoil, message):
    folder = write_clip(tmp_path / "clip")
    spoil(folder)
    with pytest.raises(WeightsError) as error:
        load_clip(str(folder))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def more_words(folder):
    words = json.loads((folder / "vocab.json").read_text())
    (folder / "vocab.json").write_text(json.dumps({**words, "ab": len(words), "abc": len(words) + 1}))


def reconfigured(folder, tower, **values):
    content = json.loads((folder / "config.json").read_text())
    (content[tower] if tower else content).update(values)
    (folder / "config.json").write_text(json.dumps(content))


def test_a_folder_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(WeightsError, match="expected a folder with a CLIP network"):
        load_clip(str(tmp_path / "nothing"))
