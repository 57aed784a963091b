"""A network that predicts gains and offsets from a style's picture: trained, stopped, killed, resumed, applied."""

import json
import math
import os
import signal

import pytest
import torch

import segue
from segue.cli import main
from segue.commands.style_train import StyleTrainResult
from segue.durable import sha256_of
from segue.models.encoders import create_encoder
from segue.style.loss_network import build_loss_network
from segue.style.model_folder import load_style_model
from segue.style.network import Wanted
from segue.style.picture import read_picture, write_picture
from segue.style.record import read_record
from segue.train import style_loop
from tiny_painter import folder_of_photos, loss_weights, textured

ENCODER = "test_efficientnet@2"


@pytest.fixture
def folder(tmp_path):
    """Photos, three styles in a folder and one outside, and weights of a loss network and an encoder."""
    folder_of_photos(tmp_path)
    loss_weights(tmp_path / "vgg16.pth")
    (tmp_path / "styles").mkdir()
    for seed, name in enumerate(("wave", "night", "cry")):
        write_picture(tmp_path / "styles" / f"{name}.png", textured(seed, 40, 52))
    write_picture(tmp_path / "unseen.png", textured(9, 61, 47))
    torch.manual_seed(3)
    torch.save(create_encoder(ENCODER).net.state_dict(), tmp_path / "encoder.pth")
    return tmp_path


def command(folder, *words, out="run", styles=("styles",)):
    judge = ["--preset", "vgg16-relu3", "--weights", folder / "vgg16.pth"]
    taps = ["--content-taps", "relu2_1", "--style-taps", "relu1_1,relu2_1"]
    given = [] if "--predictor-weights" in words else ["--predictor-weights", "none"]
    small = ["--predictor", ENCODER, *given, "--width", "0.1", "--size", "32", "--batch", "2", "--device", "cpu"]
    names = [one if str(one).startswith("bank:") else folder / one for one in styles]
    where = [folder / "photos", *names, "--method", "predict", "--out", folder / out]
    return ["style", "train", *map(str, (*where, *judge, *taps, *small, *words))]


def trained(folder, capsys, *words, **options):
    code = main([*command(folder, *words, **options), "--json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return json.loads(captured.out)


def weights_of(run):
    return (run / "model" / "model.safetensors").read_bytes()


def test_a_run_paints_in_a_style_it_never_saw(folder, capsys):
    trained(folder, capsys, "--steps", "12", "--predictor-weights", folder / "encoder.pth")
    rows = [json.loads(line) for line in (folder / "run" / "metrics.jsonl").read_text().splitlines()]
    assert set(rows[0]) >= {"loss/content", "loss/style", "loss/tv", "loss/identity"}
    assert all(math.isfinite(row["loss"]) for row in rows)
    network, info = load_style_model(folder / "run")
    assert (info.kind, info.styles, info.trained["styles"]) == ("predict", (), ["cry", "night", "wave"])
    assert info.trained["predictor"] == ENCODER
    assert info.trained["predictor_weights"]["sha256"] == sha256_of(folder / "encoder.pth")
    out, photo = folder / "painted.png", folder / "photos" / "1.png"
    apply = ["style", "apply", str(photo), "--model", str(folder / "run"), "--out", str(out), "--no-watermark"]
    apply += ["--device", "cpu", "--precision", "fp32", "--style-size", "61"]  # as large as the style is
    assert main([*apply, "--style", str(folder / "unseen.png")]) == 0, capsys.readouterr().err
    assert read_record(out).record.options["kind"] == "predict"
    content, painted = read_picture(photo), read_picture(out)
    assert painted.shape == content.shape
    assert float((painted - content).abs().mean()) > 0.02, "it is another picture"
    assert float(painted.std()) > 0.05, "it is neither grey nor black"
    style = network.prepared([Wanted(picture=read_picture(folder / "unseen.png"))])
    assert float((network.stylise(content, style) - painted).abs().max()) <= 1 / 255
    assert main([*apply, "--style", str(folder / "unseen.png"), "--strength", "0"]) == 0
    assert torch.equal(read_picture(out), content), "no strength is the very photo"
    capsys.readouterr()
    two = f"{folder / 'unseen.png'},bank:woodblock-waves"
    assert main([*apply, "--style", two, "--blend", "0.25,0.75", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["styles"] == {"unseen": 0.25, "woodblock-waves": 0.75}


def test_pretrained_weights_begin_as_they_are_and_move_less(folder, capsys):
    trained(folder, capsys, "--steps", "1", "--predictor-weights", folder / "encoder.pth")
    network, _ = load_style_model(folder / "run")
    given = torch.load(folder / "encoder.pth", weights_only=True)
    ours = network.predictor.eyes.encoder.net.state_dict()
    moved = max(
        float((ours[name] - tensor).abs().max()) for name, tensor in given.items() if tensor.is_floating_point()
    )
    assert 0 < moved <= 1.01e-4, "Adam's first step is the rate, here a tenth of 0.001"


def stopping_at(monkeypatch, step):
    whole = style_loop.training_step

    def training_step(loop, batch):
        if loop.state.step == step:
            monkeypatch.setattr(style_loop, "training_step", whole)
            os.kill(os.getpid(), signal.SIGTERM)
        return whole(loop, batch)

    monkeypatch.setattr(style_loop, "training_step", training_step)


def test_stopped_or_killed_it_goes_on_to_the_same_bytes(folder, capsys, monkeypatch):
    words = ("--steps", "7", "--predictor-weights", folder / "encoder.pth")
    trained(folder, capsys, *words, out="whole")
    stopping_at(monkeypatch, 3)
    assert main(command(folder, *words, out="stopped")) == 143
    whole = style_loop.training_step

    def dies(loop, batch):
        if loop.state.step == 4:
            raise MemoryError("as if the process had been killed")
        return whole(loop, batch)

    monkeypatch.setattr(style_loop, "training_step", dies)
    with pytest.raises(MemoryError):
        main(command(folder, *words, out="killed"))
    monkeypatch.setattr(style_loop, "training_step", whole)
    for out in ("stopped", "killed"):
        assert main(["style", "train", "--resume", str(folder / out)]) == 0, capsys.readouterr().err
        assert weights_of(folder / out) == weights_of(folder / "whole")
        for name in ("metrics.csv", "samples.jpg"):
            assert (folder / out / name).read_bytes() == (folder / "whole" / name).read_bytes(), name


def test_other_weights_of_the_predictor_do_not_go_on(folder, capsys, monkeypatch):
    whole = style_loop.training_step
    stopping_at(monkeypatch, 2)
    assert main(command(folder, "--steps", "4", "--predictor-weights", folder / "encoder.pth")) == 143
    monkeypatch.setattr(style_loop, "training_step", whole)
    torch.manual_seed(4)
    torch.save(create_encoder(ENCODER).net.state_dict(), folder / "encoder.pth")
    capsys.readouterr()
    assert main(["style", "train", "--resume", str(folder / "run")]) == 1
    assert "expected the predictor's weights this run began with, got others" in capsys.readouterr().err


def test_minutes_set_the_steps_of_it(folder, capsys):
    result = trained(folder, capsys, "--minutes", "0.1")
    assert result["steps"] >= 2
    assert result["seconds"] < 15


def test_styles_are_shown_at_many_sizes(folder, capsys, monkeypatch):
    seen = []
    whole = style_loop.training_step

    def training_step(loop, batch):
        seen.append(batch.style.shape[2:])
        return whole(loop, batch)

    monkeypatch.setattr(style_loop, "training_step", training_step)
    trained(folder, capsys, "--steps", "12")
    sides = [height for height, width in seen if height == width]
    assert len(sides) == 12
    assert min(sides) >= 16
    assert max(sides) <= 38
    assert len(set(sides)) > 4


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--predictor-weights", "absent.pth"], 1, "absent.pth: expected a weights file, got nothing there"),
        (["--predictor-weights", "vgg16.pth"], 1, "expected the weights of test_efficientnet@2, got none for"),
        (["--encoder", "loss"], 2, "encoder: expected method adain or sanet or adaattn beside it, got predict"),
        (["--style-size", "64"], 2, "style_size: expected method cin beside it, got predict"),
        (["--add-to", "run"], 2, "add_to: expected --method cin, since predict takes any style"),
    ],
)
def test_what_will_not_do_is_one_line_and_costs_no_run_folder(folder, capsys, monkeypatch, words, code, message):
    monkeypatch.chdir(folder)
    assert main(command(folder, *words)) == code
    assert message in capsys.readouterr().err
    assert not (folder / "run").exists()


def test_a_predictor_beside_another_method_is_refused(folder, capsys):
    words = ["style", "train", str(folder / "photos"), str(folder / "styles"), "--predictor", "resnet18"]
    assert main(words) == 2
    assert "predictor: expected method predict beside it, got cin" in capsys.readouterr().err


def test_crops_too_small_for_the_loss_network_are_refused(folder, capsys):
    layers = build_loss_network("squeezenet1_1", ["fire8"]).trunk.layers.state_dict()
    torch.save({f"features.{name}": tensor for name, tensor in layers.items()}, folder / "squeezenet.pth")
    judge = ("--preset", "squeezenet", "--weights", str(folder / "squeezenet.pth"), "--style-taps", "relu1,fire8")
    assert main([*command(folder), *judge, "--content-taps", "fire4"]) == 2
    assert "size: expected at least 34 pixels, since styles are shown at half of it" in capsys.readouterr().err


def _not_run(config):
    return StyleTrainResult(None, (), 0, 0, {}, 0.0, config)


def test_python_is_the_command_line_for_it(folder, capsys, monkeypatch):
    trained(folder, capsys, "--steps", "1")
    found = {}
    monkeypatch.setattr("segue.api.run_style_train", lambda config: found.setdefault("run", _not_run(config)))
    segue.style_train(
        folder / "photos", "bank:mosaic", method="predict", predictor=ENCODER, predictor_weights="none", steps=1
    )
    config = found["run"].config
    assert (config.method, config.predictor, config.predictor_weights) == ("predict", ENCODER, "none")
    painted = segue.style_apply(
        folder / "photos", model=folder / "run", style=(str(folder / "unseen.png"),), out=folder / "out", device="cpu"
    )
    assert len(painted.painted) == 4
