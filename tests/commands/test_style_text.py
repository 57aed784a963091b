"""`segue style optimise` with styles of the bank and with words, from the command line to the picture."""

import json

import pytest
import torch

import segue
from segue.cli import main
from segue.commands import style_optimise
from segue.style.bank.catalogue import draw, sha256_of_pixels
from segue.style.canvas_net import CanvasNet
from segue.style.loss_network import build_loss_network
from segue.style.optimise import paint
from segue.style.picture import read_picture, write_picture
from tiny_clip import write_clip
from tiny_style import picture

TAPS = ("--content-taps", "relu2_1")
STYLE_TAPS = ("--style-taps", "relu1_1,relu2_1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A photo, random weights of VGG16 to relu2_1, and a tiny CLIP."""
    path = tmp_path_factory.mktemp("text")
    torch.manual_seed(0)
    state = build_loss_network("vgg16", ["relu2_1"]).state_dict()
    kept = {
        f"features.{n.removeprefix('trunk.layers.')}": t for n, t in state.items() if n.endswith(("weight", "bias"))
    }
    for tensor in kept.values():
        torch.nn.init.normal_(tensor, 0, tensor[0].numel() ** -0.5 if tensor.ndim > 1 else 0.05)
    torch.save(kept, path / "vgg16.pth")
    write_picture(path / "photo.png", picture(0, 36, 48))
    write_clip(path / "clip")
    return path


def command(folder, *words, size="32", steps="4"):
    network = ["--preset", "vgg16-relu3", "--weights", str(folder / "vgg16.pth"), *TAPS]
    network += () if "--clip" in words else STYLE_TAPS
    given = ["--out", str(folder / "out.png"), *network, "--size", size, "--steps", steps]
    return ["style", "optimise", str(folder / "photo.png"), *words, *given]


def record_of(folder):
    return segue.style_inspect(folder / "out.png").found.record


def test_a_style_of_the_bank_paints_and_is_named_with_its_licence(folder, capsys):
    assert main([*command(folder, "bank:stained-glass"), "--json"]) == 0
    losses = json.loads(capsys.readouterr().out)["losses"]
    assert sum(losses[0]["last"].values()) < sum(losses[0]["first"].values())
    (style,) = record_of(folder).styles
    assert (style.name, style.licence, style.source) == (
        "stained-glass",
        "CC0-1.0",
        "bank:stained-glass version 1, 768 px",
    )
    assert style.sha256 == sha256_of_pixels(draw("stained-glass"))


def test_the_bank_is_blended_with_a_file(folder):
    write_picture(folder / "mine.png", picture(4, 40, 30))
    words = ("bank:batik", str(folder / "mine.png"), "--blend", "1,2", "--licences", "CC0-1.0,private")
    assert main(command(folder, *words)) == 0
    assert [(one.name, one.licence) for one in record_of(folder).styles] == [("batik", "CC0-1.0"), ("mine", "private")]


def test_words_without_clip_take_the_nearest_style_and_say_so(folder, capsys):
    assert main(command(folder, "--text", "a starry night in oil")) == 0
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "no CLIP given: took the nearest of 16 named styles, 'night-swirl' (matched: starry, night, oil)"
    record = record_of(folder)
    assert record.options["text"] == "a starry night in oil"
    assert [style.name for style in record.styles] == ["night-swirl"]
    by_words = (folder / "out.png").read_bytes()
    assert main(command(folder, "bank:night-swirl")) == 0
    assert torch.equal(read_picture(folder / "out.png"), _read(folder, by_words))


def _read(folder, content):
    (folder / "before.png").write_bytes(content)
    return read_picture(folder / "before.png")


@pytest.mark.parametrize("words", [(), ("--canvas", "pixels", "--init", "noise")], ids=["unet", "pixels"])
def test_words_with_clip_are_followed(folder, capsys, words):
    options = ("--text", "red glass", "--clip", str(folder / "clip"), "--patches", "6", "--content-weight", "1")
    files = []
    for seed in ("1", "1", "2"):
        capsys.readouterr()
        assert main([*command(folder, *options, *words, steps="25"), "--lr", "0.01", "--seed", seed, "--json"]) == 0
        files.append((folder / "out.png").read_bytes())
    assert files[0] == files[1] != files[2]
    (trace,) = json.loads(capsys.readouterr().out)["losses"]
    assert trace["last"]["global"] < 0.8 * trace["first"]["global"]  # the patches are other ones at every step
    record = record_of(folder)
    assert record.styles == ()
    assert (record.options["text"], record.options["clip"]) == ("red glass", "clip")
    expected = {
        "canvas": "pixels" if words else "unet",
        "patches": 6,
        "lr": 0.01,
        "threshold": 0.7,
        "content_weight": 1.0,
        "patch_weight": 9000.0,
        "global_weight": 500.0,
        "tv_weight": 0.002,
        "source_text": "a photo",
        "templates": 20,
        "content_taps": ["relu2_1"],
        "division": "relative",
        "steps": [25],
    }
    assert {name: record.options[name] for name in expected} == expected
    assert "style_weight" not in record.options
    assert len(record.options["clip_sha256"]) == 64
    assert str(folder) not in json.dumps(record.to_json())


def test_seconds_with_clip_do_not_take_its_patches_for_pixels(folder, capsys, monkeypatch):
    """On a machine where a pixel takes 1e-5 s and a picture that CLIP looks at 0.02 s, at any size."""
    asked, whole = [], style_optimise.affordable
    monkeypatch.setattr(
        style_optimise,
        "affordable",
        lambda size, seconds, cost, *rest: asked.append(cost) or whole(size, seconds, cost, *rest),
    )
    monkeypatch.setattr(
        style_optimise._Work,
        "_seconds_of_a_step",
        lambda _, seen, patches, budget: 1e-5 * seen[0][0, 0].numel() + 0.02 * (patches + 1),
    )
    monkeypatch.setattr(style_optimise.Budget, "left", lambda _: 1.0)  # however busy this machine is
    write_picture(folder / "photo.png", picture(0, 150, 200))  # large enough for a choice of sizes
    words = command(folder, "--text", "red glass", "--clip", str(folder / "clip"), "--patches", "7", "--json")
    for name in ("--size", "--steps"):
        at = words.index(name)
        words = [*words[:at], *words[at + 2 :]]
    assert main([*words, "--seconds", "2"]) == 0
    (level,) = json.loads(capsys.readouterr().out)["levels"]
    assert (level["height"], level["width"]) == (106, 141)
    (cost,) = asked
    assert (cost.step, cost.step_fixed) == (pytest.approx(1e-5), pytest.approx(0.02 * 8))


def test_a_step_is_timed_with_what_will_be_optimised(folder, capsys, monkeypatch):
    whole, painted = style_optimise.paint, []

    def paint(*arguments, **options):
        painted.append(options["canvas"])
        return whole(*arguments, **options)

    monkeypatch.setattr(style_optimise, "paint", paint)
    words = command(folder, "--text", "red glass", "--clip", str(folder / "clip"), "--patches", "2", "--json")
    for name in ("--size", "--steps"):
        at = words.index(name)
        words = [*words[:at], *words[at + 2 :]]
    write_picture(folder / "larger.png", picture(0, 140, 200))
    monkeypatch.setattr(style_optimise.Budget, "left", lambda _: 1.0)  # however busy this machine is
    words = [word.replace("photo.png", "larger.png") for word in words]
    assert main([*words, "--seconds", "2"]) == 0
    assert len(painted) == 3, "with one patch, with more, and for good"
    assert all(isinstance(canvas, CanvasNet) for canvas in painted)


def test_the_rate_of_the_network_that_paints_stops_falling():
    content = picture(0, 8, 8)
    rates, whole = [], torch.optim.Adam.step

    def step(self, *arguments, **options):
        rates.append(self.param_groups[0]["lr"])
        return whole(self, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.Adam, "step", step)
        paint(
            content, [(8, 8)], lambda _: lambda one: {"sum": one.sum()}, lambda _, done: done < 520, canvas=CanvasNet()
        )
    assert [rates[place] for place in (0, 99, 100, 199, 200, 300, 519)] == pytest.approx(
        [5e-4, 5e-4, 2.5e-4, 2.5e-4, 1.25e-4, 6.25e-5, 6.25e-5]
    )


def test_a_small_network_may_paint_the_styles_of_pictures_too(folder, capsys):
    words = ("bank:batik", "--canvas", "unet", "--lr", "0.005", "--json")
    assert main([*command(folder, *words, steps="30")]) == 0
    (trace,) = json.loads(capsys.readouterr().out)["losses"]
    assert sum(trace["last"].values()) < 0.9 * sum(trace["first"].values())


def test_clip_paints_one_size_in_two_hundred_steps_unless_told_otherwise(folder, capsys):
    words = command(folder, "--text", "glass", "--clip", str(folder / "clip"), "--dry-run", "--json")
    at = words.index("--steps")
    assert main([*words[:at], *words[at + 2 :]]) == 0
    assert json.loads(capsys.readouterr().out)["levels"] == [{"height": 24, "width": 32, "steps": 200}]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("bank:stained-glas",), 2, "unknown style of the bank 'stained-glas': did you mean stained-glass"),
        (("bank:batik", "--text", "waves"), 2, "text: expected --text or style pictures, got both"),
        (("--text", "zzz"), 2, "expected words that describe a style, got 'zzz', which fits none of night-swirl"),
        (("bank:batik", "--clip", "{}/clip"), 2, "clip: expected --text beside it"),
        (("bank:batik", "--patches", "3"), 2, "text_weight, patches: expected --clip beside them"),
        (("--text", "x", "--clip", "{}/nothing"), 1, "expected a folder with a CLIP network"),
        (("--text", "x", "--clip", "{}/clip", "--init", "noise"), 2, "expected --canvas pixels beside noise"),
        (
            ("--text", "x", "--clip", "{}/clip", "--keep-colours", "coral"),
            2,
            "clip: expected no masks, shares or style",
        ),
        (("bank:batik", "--canvas", "unet", "--optimizer", "lbfgs"), 2, "expected adam with --canvas unet"),
        (("--text", "x", "--clip", "{}", "--style-scale", "2"), 2, "style_scale: expected style pictures"),
        (
            ("bank:batik", "--content-mask", "{}/photo.png", "--style-mask", "{}/photo.png"),
            2,
            "expected style pictures in files beside it, got bank:batik",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_mistakes_are_one_line(folder, capsys, words, code, message):
    assert main(command(folder, *(word.format(folder) for word in words))) == code
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_the_python_mirror_takes_words(folder):
    from safetensors.torch import save_file

    from segue.models.encoders import create_encoder

    save_file(create_encoder("test_resnet").net.state_dict(), folder / "encoder.safetensors")
    segue.style_optimise(
        folder / "photo.png",
        text="indigo batik",
        out=folder / "out.png",
        preset="strides",
        network="test_resnet",
        weights=str(folder / "encoder.safetensors"),
        size=64,
        steps=(1,),
    )
    assert [style.name for style in record_of(folder).styles] == ["batik"]
