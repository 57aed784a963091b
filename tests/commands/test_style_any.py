"""Any picture as a style, from the command line: with the network that ships, and with ones that are trained here."""

import json

import pytest
import timm
import torch

from segue.cli import main
from segue.demo.scene import scene
from segue.durable import sha256_of
from segue.objectives.style.adain import normalised_distance, style_distance
from segue.style import own
from segue.style.colours import coral
from segue.style.loss_network import load_loss_network
from segue.style.model_folder import load_style_model, save_style_model
from segue.style.network import Wanted
from segue.style.picture import eight_bits, read_picture, resized, size_within, write_picture
from segue.style.record import read_record
from segue.style.style_size import style_size_of
from tiny_painter import folder_of_photos, loss_weights, textured
from tiny_style import picture

SIZE = (53, 76)  # odd, and not square


@pytest.fixture
def folder(tmp_path):
    """A photo and two pictures with styles of their own."""
    write_picture(tmp_path / "photo.png", picture(0, *SIZE))
    for seed, name in enumerate(("wave", "night")):
        write_picture(tmp_path / f"{name}.png", textured(seed, 64, 80))
    return tmp_path


def applied(folder, capsys, *words, style="wave.png"):
    styles = ",".join(str(folder / name) for name in style.split(","))
    command = ["style", "apply", str(folder / "photo.png"), "--style", styles, "--out", str(folder / "painted.png")]
    code = main([*command, "--device", "cpu", "--precision", "fp32", *words, "--json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return json.loads(captured.out), read_picture(folder / "painted.png")


def colours(one):
    return torch.cat([one.mean((2, 3)), one.std((2, 3))], 1)


# --- the network that ships ------------------------------------------------------------------------------------------


def test_a_photo_gets_the_style_of_any_picture_with_no_download(folder, capsys):
    result, painted = applied(folder, capsys, "--no-watermark")
    photo, style = read_picture(folder / "photo.png"), read_picture(folder / "wave.png")
    assert painted.shape == photo.shape == (1, 3, *SIZE)
    assert result["styles"] == {"wave": 1.0}
    assert float((painted - photo).abs().mean()) > 0.03, "it is another picture"
    away = [float((colours(one) - colours(style)).square().sum()) for one in (photo, painted)]
    assert away[1] < 0.5 * away[0], "its colours are nearer to the style's"
    assert float(painted.std()) > 0.05, "it is neither grey nor black"


def test_the_same_command_gives_the_same_pixels(folder, capsys):
    first, second = (applied(folder, capsys)[1] for _ in range(2))
    assert torch.equal(first, second)


def test_no_strength_is_the_photo_and_half_lies_between(folder, capsys):
    photo = read_picture(folder / "photo.png")
    none, half, whole = (
        applied(folder, capsys, "--no-watermark", "--strength", strength)[1] for strength in ("0", "0.5", "1")
    )
    assert torch.equal(none, photo)
    assert 0 < float((half - photo).abs().mean()) < float((whole - photo).abs().mean())


def test_styles_blend_by_float_shares(folder, capsys):
    result, mixed = applied(folder, capsys, "--blend", "0.5,1.5", style="wave.png,night.png")
    assert result["styles"] == {"wave": 0.25, "night": 0.75}
    alone = [applied(folder, capsys, style=style)[1] for style in ("wave.png", "night.png")]
    assert all(float((mixed - one).abs().mean()) > 0.005 for one in alone)


def test_the_size_a_style_is_looked_at_counts(folder, capsys):
    small, large = (applied(folder, capsys, "--style-size", size)[1] for size in ("16", "256"))
    assert not torch.equal(small, large)


@pytest.mark.parametrize(
    ("trained", "side"),
    [(96, 192), (None, 512), ("96", 512), (True, 512), (10**9, 8192), (1, 16)],
)
def test_a_style_is_looked_at_at_twice_the_crops_of_training(trained, side):
    assert style_size_of(trained) == side


def test_a_network_trained_on_small_crops_looks_at_small_styles(folder, capsys):
    network, info = load_style_model(own.FOLDER)
    save_style_model(folder / "model", network, trained={**info.trained, "size": 20})
    words = ("--model", str(folder / "model"), "--no-watermark")
    given = [
        applied(folder, capsys, *words, *size)[1] for size in ((), ("--style-size", "40"), ("--style-size", "512"))
    ]
    assert torch.equal(given[0], given[1])
    assert not torch.equal(given[0], given[2])


def test_tiles_are_the_whole_but_for_the_statistics_of_a_small_copy(tmp_path, capsys):
    write_picture(tmp_path / "photo.png", picture(0, 300, 700))
    write_picture(tmp_path / "wave.png", textured(0, 64, 80))
    tiled, whole = (applied(tmp_path, capsys, "--no-watermark", "--tile", tile)[1] for tile in ("512", "0"))
    assert float((tiled - whole).abs().mean()) < 0.03


def test_the_record_names_the_style_and_the_network(folder, capsys):
    applied(folder, capsys, "--licences", "CC0-1.0")
    record = read_record(folder / "painted.png").record
    assert (record.styles[0].name, record.styles[0].source, record.styles[0].licence) == ("wave", "wave.png", "CC0-1.0")
    assert record.styles[0].sha256 == sha256_of(folder / "wave.png")
    assert record.model_sha256 == sha256_of(own.FOLDER / "model.safetensors")
    assert (record.options["kind"], record.options["loss_network"]) == ("adain", "squeezenet1_1")


def test_what_ships_is_small_and_says_what_it_is():
    assert sum(path.stat().st_size for path in own.FOLDER.iterdir() if path.is_file()) <= 4_000_000
    network, info = load_style_model(own.FOLDER)
    assert network.takes_pictures
    assert (info.styles, info.trained["licence"]) == ((), "Apache-2.0")
    assert "scripts/train_style_net.py" in info.trained["command"]


def test_a_picture_in_its_own_style_is_nearly_itself():
    """Peers' decoders repaint it."""
    network, _ = load_style_model(own.FOLDER)
    content = torch.tensor(scene(7, "source", 3).image).permute(2, 0, 1)[None].float() / 255
    painted = network.stylise(content, network.prepared([Wanted(picture=content)]))
    assert float((painted - content).abs().mean()) < 0.08


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "style: expected a picture, or --model RUN of segue style train, got neither"),
        (["--style", "nowhere.png"], "nowhere.png"),
        (["--model", str(own.FOLDER)], "style: expected a picture, since this network takes any style, got none"),
    ],
)
def test_what_is_missing_is_said_in_a_line(folder, capsys, words, message):
    assert main(["style", "apply", str(folder / "photo.png"), *words]) in (1, 2)
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not (folder / "stylised").exists()


# --- training --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "encoder"), [("adain", "own"), ("adain", "loss"), ("sanet", "own"), ("adaattn", "loss")]
)
def test_networks_for_any_style_are_trained_and_take_pictures(folder, capsys, method, encoder):
    folder_of_photos(folder)
    loss_weights(folder / "vgg16.pth")
    styles = [str(folder / f"{name}.png") for name in ("wave", "night")]
    taps = [
        "--network",
        "vgg16",
        "--weights",
        str(folder / "vgg16.pth"),
        "--style-taps",
        "relu1_1,relu2_1",
    ]
    small = ["--size", "32", "--batch", "2", "--steps", "4", "--device", "cpu"]
    if encoder == "own":  # what a frozen encoder has no use for is refused
        small += ["--width", "0.1", "--content-taps", "relu2_1"]
    kind = ["--method", method, "--encoder", encoder, "--out", str(folder / "run")]
    assert main(["style", "train", str(folder / "photos"), *styles, *taps, *small, *kind]) == 0
    assert "it paints in any style" in capsys.readouterr().out
    _, info = load_style_model(folder / "run")
    assert info.kind == ("adain" if method == "adain" else "attention")
    if encoder == "own":  # at stride 2 attention would look at 16 times the pairs of places of stride 4
        taps = ["stride8", "stride4", "stride2"] if method == "adain" else ["stride8", "stride4"]
        assert info.numbers["taps"] == taps
    assert (info.styles, info.trained["styles"]) == ((), ["wave", "night"])
    rows = [json.loads(line) for line in (folder / "run" / "metrics.jsonl").read_text().splitlines()]
    assert {"loss/style", "loss/identity"} < set(rows[0])
    _, painted = applied(folder, capsys, "--model", str(folder / "run"))
    assert painted.shape[2:] == SIZE
    network, _ = load_style_model(folder / "run")
    style = network.prepared([Wanted(picture=read_picture(folder / "wave.png"))])
    assert eight_bits(network.stylise(read_picture(folder / "photo.png"), style)).std() > 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--encoder", "loss"], "encoder: expected method adain or sanet or adaattn beside it, got cin"),
        (["--method", "adain", "--add-to", "run"], "add_to: expected --method cin, since adain takes any style"),
    ],
)
def test_options_that_would_have_no_effect_are_refused(folder, capsys, words, message):
    assert main(["style", "train", str(folder), str(folder / "wave.png"), *words]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.shared
def test_the_network_that_ships_takes_on_more_of_a_painting_than_its_colours(shared):
    """It is nearer to the painting than the photo in its colours, and the photo's forms are still there."""
    weights = shared / "weights" / "backbones" / "vgg16_features0-14_torchvision_imagenetnorm.pth"
    taps = ("relu1_2", "relu2_2", "relu3_1", "relu3_3")
    judge = load_loss_network("vgg16", taps, str(weights))[0].prepared(torch.device("cpu"), "fp32")
    network, _ = load_style_model(own.FOLDER)
    for photo, painting in (("tubingen", "munch_scream"), ("lion", "vangogh_starry_night")):
        content, style = (
            resized(read, size_within(*read.shape[2:], 256))
            for read in (
                read_picture(shared / "data" / "style" / "content" / f"{photo}.jpg"),
                read_picture(shared / "data" / "style" / "paintings" / f"{painting}.jpg"),
            )
        )
        painted = network.stylise(content, network.prepared([Wanted(picture=style)]))
        wanted, kept = judge(style), judge(content)
        ours, recoloured, untouched = (
            float(style_distance(judge(one), wanted, taps, "gram")) for one in (painted, coral(content, style), content)
        )
        assert ours < recoloured < untouched
        assert float(normalised_distance(judge(painted), kept, taps[-1:])) < 1.0


# --- encoders by name and stride -------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("encoder", ["swin_tiny_patch4_window7_224", "efficientnet_b0", "mobilenetv3_small_100"])
def test_encoders_of_any_kind_are_trained_through_and_paint(folder, tmp_path, capsys, encoder):
    """Random weights: what is shown is that taps by stride, the decoder built from them and every size fit together."""
    torch.manual_seed(0)
    torch.save(timm.create_model(encoder).state_dict(), tmp_path / "encoder.pth")
    (tmp_path / "styles").mkdir()
    for seed in range(2):
        write_picture(tmp_path / "styles" / f"{seed}.png", textured(seed, 64, 80))
    words = ["--method", "adain", "--encoder", "loss", "--network", encoder, "--weights", tmp_path / "encoder.pth"]
    words += ["--style-taps", "stride4,stride8", "--size", "48", "--steps", "2", "--batch", "2", "--precision", "fp32"]
    where = [folder_of_photos(tmp_path), tmp_path / "styles", "--out", tmp_path / "run"]
    assert main(["style", "train", *map(str, (*where, *words))]) == 0, capsys.readouterr().err
    capsys.readouterr()
    result, painted = applied(folder, capsys, "--model", str(tmp_path / "run"), "--no-watermark")
    assert result["styles"] == {"wave": 1.0}
    assert painted.shape == (1, 3, *SIZE)
    _, none = applied(folder, capsys, "--model", str(tmp_path / "run"), "--no-watermark", "--strength", "0")
    assert float((none - read_picture(folder / "photo.png")).abs().max()) <= 1 / 255
    assert float((painted - none).abs().mean()) > 0.01
