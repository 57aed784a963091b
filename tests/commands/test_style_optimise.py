"""`segue style optimise` from the command line to the picture."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import segue
from fakes import write_blocks
from segue.cli import main
from segue.commands import style_optimise
from segue.durable import sha256_of
from segue.infer.segmenter import Segmenter
from segue.style import scene
from segue.style.adam import PixelAdam
from segue.style.loss_network import build_loss_network
from segue.style.picture import read_picture, write_picture
from segue.style.presets import PRESETS
from segue.style_configs import STYLE_PRESETS, StyleOptimiseConfig
from tiny_style import picture

TAPS = ("--content-taps", "relu2_1", "--style-taps", "relu1_1,relu2_1")


@pytest.fixture
def folder(tmp_path):
    """A photo, two paintings, masks, and random weights of VGG16 to relu2_1."""
    torch.manual_seed(0)
    network = build_loss_network("vgg16", ["relu2_1"])
    state = {f"features.{name.removeprefix('trunk.layers.')}": t for name, t in network.state_dict().items()}
    kept = {name: t for name, t in state.items() if name.endswith(("weight", "bias"))}
    for tensor in kept.values():
        torch.nn.init.normal_(tensor, 0, tensor[0].numel() ** -0.5 if tensor.ndim > 1 else 0.05)
    torch.save(kept, tmp_path / "vgg16.pth")
    for name, seed, size in (("photo", 0, (36, 48)), ("one", 1, (40, 30)), ("other", 2, (24, 24))):
        write_picture(tmp_path / f"{name}.png", picture(seed, *size))
        mask = np.zeros(size, np.uint8)
        mask[:, size[1] // 2 :] = 200
        Image.fromarray(mask).save(tmp_path / f"{name}_mask.png")
    return tmp_path


def command(folder, *words, styles=("one",), taps=TAPS):
    paths = [str(folder / f"{name}.png") for name in ("photo", *styles)]
    network = ["--preset", "vgg16-relu3", "--weights", str(folder / "vgg16.pth"), *taps]
    return ["style", "optimise", *paths, "--out", str(folder / "out.png"), *network, "--size", "32", *words]


def painted(folder, capsys, *words, **options):
    code = main([*command(folder, *words, **options), "--json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return json.loads(captured.out), read_picture(folder / "out.png")


def test_a_picture_is_painted(folder, capsys):
    result, found = painted(folder, capsys, "--steps", "12")
    assert result["levels"] == [{"height": 24, "width": 32, "steps": 12}]
    assert found.shape == (1, 3, 24, 32)
    first, last = (sum(result["losses"][0][when].values()) for when in ("first", "last"))
    assert last < first
    assert found.std() > 0.05, "neither grey nor black"
    assert (result["network"], result["weights"]["name"], result["seed"]) == ("vgg16", "vgg16.pth", 0)


def test_lines_say_what_was_done(folder, capsys):
    assert main(command(folder, "--steps", "2,1")) == 0
    printed = capsys.readouterr().out
    assert "out.png: 2 at 12x16, 1 at 24x32 steps in" in printed
    assert "content" in printed


def test_the_same_command_gives_the_same_bytes_and_another_seed_others(folder, capsys):
    files = []
    for seed in (3, 3, 4):
        painted(folder, capsys, "--init", "noise", "--seed", str(seed), "--steps", "3")
        files.append((folder / "out.png").read_bytes())
    assert files[0] == files[1] != files[2]


def test_the_picture_says_how_it_was_made(folder, capsys):
    painted(folder, capsys, "--size", "176", "--steps", "1", "--licences", "CC0-1.0", "--seed", "5")
    assert main(["style", "inspect", str(folder / "out.png"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["belongs"] is True
    record = found["record"]
    assert record["method"] == "style optimise"
    assert [(one["name"], one["source"], one["licence"]) for one in record["styles"]] == [("one", "one.png", "CC0-1.0")]
    assert record["content_sha256"] == sha256_of(folder / "photo.png")
    assert record["model_sha256"] == sha256_of(folder / "vgg16.pth")
    assert (record["options"]["seed"], record["options"]["sizes"][-1]) == (5, "132x176")
    assert str(folder) not in json.dumps(record)


def test_a_style_that_goes_away_while_it_is_painted_costs_nothing(folder, capsys, monkeypatch):
    before = sha256_of(folder / "one.png")
    whole = style_optimise.paint

    def paint(*arguments, **options):
        (folder / "one.png").unlink(missing_ok=True)
        return whole(*arguments, **options)

    monkeypatch.setattr(style_optimise, "paint", paint)
    painted(folder, capsys, "--steps", "2")
    assert segue.style_inspect(folder / "out.png").found.record.styles[0].sha256 == before


def test_too_little_memory_is_one_line(folder, capsys, monkeypatch):
    def paint(*_, **__):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    monkeypatch.setattr(style_optimise, "paint", paint)
    assert main(command(folder, "--steps", "2")) == 4
    assert "out of memory while painting: take a smaller --size" in capsys.readouterr().err


def test_what_cannot_be_written_is_refused_before_the_work(folder, capsys):
    (folder / "here.png").mkdir()
    out = str(folder / "out.png")
    for words, message in (
        (("--out", str(folder / "here.png")), "expected a file to write, got the folder"),
        (("--preview", out), "expected another file than the result"),
        (("--licences", "x" * 40_000), "expected a record of at most 32000 characters"),
    ):
        assert main(command(folder, "--steps", "2", *words)) == 2
        assert message in capsys.readouterr().err
    assert not (folder / "out.png").exists()


def test_a_blend_is_relative(folder, capsys):
    files = []
    for share in ("1", "1e-50"):
        painted(folder, capsys, "--steps", "2", "--blend", share)
        files.append(read_picture(folder / "out.png"))
    assert torch.equal(*files)


def test_a_black_picture_is_never_called_done(folder, capsys):
    assert main(command(folder, "--steps", "1", "--style-weight", "3e37", "--precision", "fp32")) == 4
    assert "expected finite numbers" in capsys.readouterr().err


def test_without_a_watermark_there_is_the_record_alone(folder, capsys):
    painted(folder, capsys, "--size", "176", "--steps", "1", "--no-watermark")
    found = segue.style_inspect(folder / "out.png")
    assert found.mark is None
    assert found.found.record is not None
    assert "watermark: none, and none was written" in found.lines()


@pytest.mark.parametrize(
    "words",
    [
        ("--optimizer", "lbfgs"),
        ("--keep-colours", "coral"),
        ("--statistic", "moments", "--tv-weight", "0.1"),
        ("--style-scale", "0.5", "--precision", "fp32", "--lr", "0.01"),
        ("--preset", "gatys", "--network", "vgg16"),
        ("--precision", "bf16", "--threads", "1"),
    ],
    ids=" ".join,
)
def test_options_go_together(folder, capsys, words):
    result, found = painted(folder, capsys, "--steps", "6", *words)
    first, last = (sum(result["losses"][0][when].values()) for when in ("first", "last"))
    assert last < first
    assert found.std() > 0.03


def test_luminance_leaves_the_colours_of_the_content(folder, capsys):
    _, found = painted(folder, capsys, "--keep-colours", "luminance", "--steps", "8", "--size", "48")
    photo = read_picture(folder / "photo.png")
    inside = ((found > 0.02) & (found < 0.98)).all(1)  # what was clipped has lost some chroma
    chroma = [(one[:, 0] - one[:, 1])[inside] for one in (found, photo)]
    assert inside.float().mean() > 0.5
    assert torch.allclose(*chroma, atol=0.02)
    assert (found - photo).abs().mean() > 0.01


def test_regions_are_paired_by_their_values(folder, capsys):
    masks = [str(folder / f"{name}_mask.png") for name in ("photo", "one", "other")]
    words = ("--content-mask", masks[0], "--style-mask", *masks[1:], "--steps", "4", "--blend", "1,3")
    result, found = painted(folder, capsys, *words, styles=("one", "other"))
    assert sum(result["losses"][0]["last"].values()) < sum(result["losses"][0]["first"].values())
    _, plain = painted(folder, capsys, "--steps", "4", "--blend", "1,3", styles=("one", "other"))
    assert (found - plain).abs().max() > 0.01


def test_a_preview_shows_the_state(folder, capsys, monkeypatch):
    monkeypatch.setattr(style_optimise, "PREVIEW_SECONDS", 0.0)
    painted(folder, capsys, "--steps", "2", "--preview", str(folder / "preview.jpg"))
    assert read_picture(folder / "preview.jpg").shape == (1, 3, 24, 32)


def test_seconds_set_size_and_steps(folder, capsys):
    words = command(folder, "--seconds", "1.5", "--json")
    at = words.index("--size")
    began = time.perf_counter()
    assert main([*words[:at], *words[at + 2 :]]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [(level["height"], level["width"]) for level in result["levels"]] == [(36, 48)]
    assert result["levels"][0]["steps"] >= 1
    assert time.perf_counter() - began < 60, "whatever else the machine does, it ends"


def in_seconds(folder, capsys, *words, **options):
    whole = command(folder, "--seconds", "2", "--json", *words, **options)
    at = whole.index("--size")
    code = main([*whole[:at], *whole[at + 2 :]])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return json.loads(captured.out)


def test_seconds_take_long_thin_pictures_and_styles(folder, capsys):
    write_picture(folder / "photo.png", picture(0, 6, 600))  # at 128 pixels one row, and the network needs two
    write_picture(folder / "one.png", picture(1, 500, 5))
    taps = ("--content-taps", "relu2_1", "--style-taps", "relu1_1,relu2_1")
    result = in_seconds(folder, capsys, taps=taps)
    assert all(min(level["height"], level["width"]) >= 2 for level in result["levels"])
    assert read_picture(folder / "out.png").shape[3] >= 128


def test_the_time_that_many_styles_take_is_counted(folder, capsys, monkeypatch):
    """What a size begins with, and what its styles take to be read, are told from what its steps take."""
    asked = []
    monkeypatch.setattr(style_optimise, "affordable", lambda size, seconds, cost, *_: asked.append(cost) or size)
    monkeypatch.setattr(style_optimise.Budget, "left", lambda _: 1.0)  # however busy this machine is
    write_picture(folder / "photo.png", picture(0, 150, 200))  # large enough for a choice of sizes
    for number in range(3):
        write_picture(folder / f"large{number}.png", picture(number, 900, 1200))
    in_seconds(folder, capsys, styles=("large0", "large1", "large2"))
    in_seconds(folder, capsys)
    many, one = asked
    assert many.size_fixed > 2 * one.size_fixed > 0, "large files take longer to be made small"
    assert many.step > 0
    assert many.step_fixed == one.step_fixed == 0


def shrunk_during(folder, capsys, monkeypatch, left):
    """What a run does with a large style, when so much of the budget is left: sizes it is shrunk to, and the result."""
    write_picture(folder / "photo.png", picture(0, 150, 200))
    write_picture(folder / "large.png", picture(1, 300, 400))
    sizes, whole = [], scene.resized

    def resized(one, size):
        sizes.extend([size] if tuple(one.shape[2:]) == (300, 400) else [])
        return whole(one, size)

    monkeypatch.setattr(scene, "resized", resized)
    monkeypatch.setattr(style_optimise.Budget, "left", lambda _: left)
    return sizes, in_seconds(folder, capsys, styles=("large",))


def test_without_time_left_nothing_is_tried(folder, capsys, monkeypatch):
    """Many large styles may take the whole budget to be opened: then they are made small once, for the picture."""
    sizes, result = shrunk_during(folder, capsys, monkeypatch, 0.0)
    assert sizes == [(106, 141)]
    assert result["levels"] == [{"height": 106, "width": 141, "steps": 1}], "the smallest size there is"


def test_a_trial_ends_with_the_budget(folder, capsys, monkeypatch):
    asked, steps = [], []
    whole, step_of = style_optimise.affordable, PixelAdam.step
    monkeypatch.setattr(PixelAdam, "step", lambda *words: steps.append(1) or step_of(*words))
    monkeypatch.setattr(
        style_optimise, "affordable", lambda size, seconds, *rest: asked.append(seconds) or whole(size, seconds, *rest)
    )
    write_picture(folder / "photo.png", picture(0, 150, 200))
    monkeypatch.setattr(style_optimise.Budget, "left", lambda _: 0.0 if len(steps) else 1.0)
    result = in_seconds(folder, capsys)
    assert asked == [0.0], "no size is chosen by a trial that was not finished"
    assert result["levels"] == [{"height": 106, "width": 141, "steps": 1}]
    assert len(steps) == 2, "one that took the rest of the time, and one for the picture"


def test_a_trial_reads_each_style_once(folder, capsys, monkeypatch):
    sizes, result = shrunk_during(folder, capsys, monkeypatch, 1.0)
    (level,) = result["levels"]
    assert sizes == [(96, 128), (level["height"], level["width"])], "once to try, once to paint"


def test_a_number_of_steps_shrinks_each_style_once_for_each_size(folder, capsys, monkeypatch):
    sizes, whole = [], scene.resized

    def resized(one, size):
        sizes.extend([size] if tuple(one.shape[2:]) == (40, 30) else [])
        return whole(one, size)

    monkeypatch.setattr(scene, "resized", resized)
    painted(folder, capsys, "--steps", "2,1")
    assert sizes == [(16, 12), (32, 24)]


@pytest.mark.parametrize(
    ("words", "advice", "never"),
    [
        (("--optimizer", "lbfgs"), "or --optimizer adam", "--precision"),
        ((), "or --precision fp32, where it is bf16", "--optimizer"),
    ],
)
def test_numbers_that_are_none_are_answered_with_what_helps(folder, capsys, words, advice, never):
    assert main(command(folder, "--steps", "2", "--style-weight", "1e38", *words)) == 4
    error = capsys.readouterr().err
    assert advice in error
    assert never not in error
    assert error.count("\n") == 1


def test_a_dry_run_says_what_it_would_do(folder, capsys):
    assert main(command(folder, "--dry-run", "--steps", "9")) == 0
    assert capsys.readouterr().out.splitlines()[0].endswith("out.png: 9 at 24x32 steps (height x width)")
    assert not (folder / "out.png").exists()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--out", "{}/photo.png"), 2, "out: expected another file than the pictures that are read"),
        (("--out", "{}/no/out.png"), 2, "out: expected a folder that exists"),
        (("--blend", "1,2"), 2, "blend: expected a share for each of 1 styles, got 2"),
        (("--blend", "0"), 2, "blend: expected a share above 0"),
        (("--seconds", "5", "--steps", "5"), 2, "expected --steps or --seconds"),
        (("--content-mask", "{}/photo_mask.png"), 2, "expected --content-mask and --style-mask together"),
        (("--levels", "2", "--steps", "1,1,1"), 2, "one for each of 2 levels, got 3"),
        (("--optimizer", "lbfgs", "--precision", "bf16"), 2, "expected fp32 for lbfgs"),
        (("--style-taps", "relu1_9"), 2, "network vgg16 has no tap 'relu1_9': did you mean relu1_"),
        (("--tap-weights", "1,2,3"), 2, "tap_weights: expected a weight for each of 2"),
        (("--preset", "strides"), 2, "expected a network beside --preset strides"),
        (("--preset", "gaty"), 2, "expected one of gatys, gatys5"),
        (("--content-taps", "relu5_3", "--dry-run"), 2, "expected a picture of at least 16 pixels a side"),
        (("--style-scale", "0.1", "--content-taps", "relu4_1"), 1, "expected the weights of vgg16 up to relu4_1"),
        (("--weights", "{}/photo.png"), 1, "expected a file ending in one of .safetensors"),
        (("--device", "mps"), 2, "device: expected one that this machine has"),
        (("--lr", "nan"), 2, "lr: expected 1e-06 to 10, got nan"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_mistakes_are_one_line(folder, capsys, words, code, message):
    small = ("--size", "16") if "relu5_3" in words else ()
    given = [word.format(folder) for word in words]
    assert main(command(folder, "--steps", "1", *small, *given)) == code
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.zeros((36, 48), np.uint8) + 7, "expected every value in a style mask, too, got 7, where those have 0, 200"),
        (np.zeros((36, 47), np.uint8), "36 x 48 pixels, got 36 x 47"),
        (np.arange(36 * 48).reshape(36, 48).astype(np.uint8), "expected at most 32 values, one per region, got 256"),
        (np.eye(36, 48, dtype=np.uint8)[..., None] * [255, 0, 0], "one value per region, got colours"),
    ],
    ids=["unpaired", "size", "smeared", "colours"],
)
def test_masks_that_do_not_fit_are_one_line(folder, capsys, mask, message):
    Image.fromarray(mask.astype(np.uint8)).save(folder / "bad.png")
    words = ("--content-mask", str(folder / "bad.png"), "--style-mask", str(folder / "one_mask.png"))
    assert main(command(folder, *words)) == 1
    error = capsys.readouterr().err
    assert "bad.png" in error
    assert message in error
    assert error.count("\n") == 1


def test_the_python_mirror_is_the_verb(folder):
    result = segue.style_optimise(
        folder / "photo.png",
        folder / "one.png",
        out=folder / "python.jpg",
        preset="strides",
        network="test_resnet",
        weights=str(encoder_file(folder)),
        size=64,
        steps=(2,),
    )
    assert result.out.is_file()
    assert result.network == "test_resnet"


def encoder_file(folder):
    from safetensors.torch import save_file

    from segue.models.encoders import create_encoder

    save_file(create_encoder("test_resnet").net.state_dict(), folder / "encoder.safetensors")
    return folder / "encoder.safetensors"


def test_every_preset_is_a_choice_and_has_its_taps():
    assert tuple(PRESETS) == STYLE_PRESETS
    assert StyleOptimiseConfig().preset in PRESETS
    for preset in PRESETS.values():
        network = build_loss_network(preset.network or "test_resnet", (*preset.style_taps, *preset.content_taps))
        assert set(network.taps) == {*preset.style_taps, *preset.content_taps}


@pytest.mark.shared
@pytest.mark.slow
def test_a_photo_gets_the_style_of_a_painting(shared, tmp_path, capsys):
    photo, painting = (
        shared / "data" / "style" / name for name in ("content/tubingen.jpg", "paintings/munch_scream.jpg")
    )
    weights = shared / "weights" / "backbones" / "vgg16_features0-14_torchvision_imagenetnorm.pth"
    words = ["--out", str(tmp_path / "out.png"), "--preset", "vgg16-relu3", "--weights", str(weights)]
    assert (
        main(["style", "optimise", str(photo), str(painting), *words, "--size", "192", "--steps", "60", "--json"]) == 0
    )
    result, found = json.loads(capsys.readouterr().out), read_picture(tmp_path / "out.png")
    style = (
        [trace["first"]["style"] for trace in result["losses"]],
        [trace["last"]["style"] for trace in result["losses"]],
    )
    assert style[1][-1] < 0.5 * style[0][0]
    assert found.std() > 0.1
    assert (found.mean((2, 3)) - read_picture(painting).mean((2, 3))).abs().max() < 0.2


# --- by class --------------------------------------------------------------------------------------------------------


def by_class(folder, capsys, words, *more):
    return painted(folder, capsys, "--by-class", words.format(folder), *more, "--steps", "4", styles=())


def test_a_kept_region_is_exact_and_each_other_has_its_own_style(folder, capsys):
    masked = ("--content-mask", str(folder / "photo_mask.png"), "--size", "48", "--no-watermark")
    _, found = by_class(folder, capsys, "0={0}/one.png, 200=keep", *masked)
    content = read_picture(folder / "photo.png")
    assert torch.equal(found[..., 24:], content[..., 24:])
    assert (found - content)[..., :20].abs().mean() > 0.01
    _, other = by_class(folder, capsys, "0={0}/other.png, rest=keep", *masked)
    _, both = by_class(folder, capsys, "0={0}/one.png, 200={0}/other.png", *masked)
    near, far = ((both - one)[..., :20].abs().mean() for one in (found, other))
    assert near < far / 2
    assert (both - content)[..., 28:].abs().mean() > 0.01


def test_the_record_says_which_class_got_which_style(folder, capsys):
    masked = ("--content-mask", str(folder / "photo_mask.png"), "--size", "48")
    by_class(folder, capsys, "0={0}/one.png", *masked, "--licences", "CC0-1.0")
    assert main(["style", "inspect", str(folder / "out.png"), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)["record"]
    assert record["options"]["by_class"] == ["0=one.png"]
    assert [(one["name"], one["licence"]) for one in record["styles"]] == [("one", "CC0-1.0")]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--by-class", "0=one.png"], "expected --segmenter or --content-mask, which say where each class is, got nei"),
        (["--by-class", "0=one.png", "--segmenter", "a", "--content-mask", "b"], "each class is, got both"),
        (["--segmenter", "a"], "segmenter: expected --by-class beside it"),
        (["--by-class", "0=a.png", "--content-mask", "b", "--blend", "1"], "got --blend beside it"),
        (["--by-class", "0:a.png", "--content-mask", "b"], "expected CLASS=STYLE or CLASS=keep"),
        (["--by-class", "0=a.png", "--content-mask", "b", "--licences", "x,y"], "one for each of 1 styles, got 2"),
    ],
)
def test_classes_that_cannot_be_found_are_one_line(folder, capsys, words, message):
    assert main(command(folder, *words, styles=())) == 2
    captured = capsys.readouterr().err
    assert message in captured
    assert captured.count("\n") == 1


def test_a_run_finds_the_classes(folder, capsys, tmp_path_factory):
    data = write_blocks(tmp_path_factory.mktemp("data"), 6)
    run = tmp_path_factory.mktemp("run") / "run"
    small = ["--model.encoder", "test_resnet", "--model.decoder", "fcn", "--data.size", "32x32", "--no-configure"]
    assert main(["fit", str(data), "--out", str(run), "--steps", "2", "--transfer.mode", "scratch", *small]) == 0
    capsys.readouterr()
    segmenter = Segmenter.load(run)
    mask = segmenter.predict(folder / "photo.png").mask
    number = int(np.bincount(mask.ravel()).argmax())
    name = segmenter.classes.names[number]
    found = by_class(folder, capsys, f"{name}={{0}}/one.png", "--segmenter", str(run), "--size", "48", "--no-watermark")
    content = read_picture(folder / "photo.png")
    kept = torch.from_numpy(mask != number)
    assert torch.equal(found[1][..., kept], content[..., kept])
    assert (found[1] - content)[..., ~kept].abs().max() > 0.01
    assert main(command(folder, "--by-class", "zebra=one.png", "--segmenter", str(run), styles=())) == 2
    assert "expected a class of" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "style", "out", "message"),
    [
        ("photo.png", "one.png", "x" * 300 + ".png", "out: expected a name that the system takes"),
        ("photo.png", "one.png", "circle.png", ""),
        ("circle.png", "one.png", "out.png", "circle.png: expected"),
        ("photo.png", "circle.png", "out.png", "circle.png: expected"),
        ("here", "one.png", "out.png", "here: expected a picture, got a folder; give a file in it"),
        ("photo.png", "here", "out.png", "here: expected a picture, got a folder; give a file in it"),
    ],
)
def test_odd_paths_are_one_line(folder, capsys, content, style, out, message):
    (folder / "here").mkdir()
    (folder / "circle.png").symlink_to(folder / "circle.png")
    words = command(folder, "--steps", "1")
    at = words.index(str(folder / "photo.png"))
    words[at : at + 2] = [str(folder / content), str(folder / style)]
    words[words.index("--out") + 1] = str(folder / out)
    assert (main(words) == 0) == (not message), "a link is replaced by the picture"
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert (folder / "out.png").exists() is False


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="no folder in which nobody can make a file")
def test_a_folder_that_cannot_be_written_is_told_before_the_work(folder, capsys, monkeypatch):
    monkeypatch.setattr(style_optimise, "paint", lambda *_, **__: pytest.fail("the work began"))
    for name in ("--out", "--preview"):
        words = command(folder, "--steps", "1")
        words = [*words, name, "/proc/out.png"] if name not in words else words
        words[words.index(name) + 1] = "/proc/out.png"
        assert main(words) == 2
        assert f"{name[2:]}: expected a folder that can be written, got /proc" in capsys.readouterr().err
