"""Presets of augmentation: they set what is not given, and what they set is on record."""

import pytest
import yaml

from segue.cli import parse
from segue.config_file import read_fit_config, write_fit_config
from segue.configs import AugmentConfig, FitConfig
from segue.conversion import from_dict, to_dict
from segue.errors import UsageError
from segue.presets import PRESETS

DEFAULTS = {"scale": (0.5, 1.0), "flip": 0.5, "colour": 0.3}


def fit(*words):
    return parse(["fit", "data", *words])[1].augment


def test_without_a_preset_only_scale_flip_and_colour_change_an_image():
    values = {name: value for name, value in to_dict(AugmentConfig()).items() if value}
    assert values == {**DEFAULTS, "scale": [0.5, 1.0]}


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_sets_its_values_and_leaves_the_defaults(name):
    expected = {
        **dict.fromkeys(to_dict(AugmentConfig()), 0.0),
        **DEFAULTS,
        **PRESETS[name],
        "preset": name,
        "style_images": None,
    }
    assert vars(AugmentConfig(preset=name)) == expected
    assert fit("--augment.preset", name) == AugmentConfig(preset=name)


def test_given_values_win_over_the_preset_even_when_they_are_the_default():
    assert PRESETS["driving"]["scale"] != (0.5, 1.0)
    chosen = fit("--augment.preset", "driving", "--augment.scale", "0.5x1", "--augment.hue", "0")
    assert chosen == AugmentConfig(preset="driving", scale=(0.5, 1.0), hue=0.0)
    assert (chosen.scale, chosen.hue, chosen.rare_crops) == ((0.5, 1.0), 0.0, PRESETS["driving"]["rare_crops"])


def test_the_recorded_configuration_holds_the_values_and_is_read_back_unchanged(tmp_path, monkeypatch):
    config = FitConfig(augment=AugmentConfig(preset="medical", rotate=7))
    write_fit_config(tmp_path / "config.yaml", config)
    recorded = yaml.safe_load((tmp_path / "config.yaml").read_text())["augment"]
    assert recorded == to_dict(config.augment)
    assert (recorded["preset"], recorded["rotate"], recorded["elastic"]) == ("medical", 7.0, 0.5)
    # a later version of the preset changes nothing about a run that was started with this one
    monkeypatch.setitem(PRESETS, "medical", {"elastic": 0.9})
    assert read_fit_config(tmp_path / "config.yaml").augment == config.augment


def test_a_preset_in_a_file_is_the_same_as_on_the_command_line(tmp_path):
    file = tmp_path / "night.yaml"
    file.write_text("augment: {preset: aerial, flip: 0.1}")
    assert fit("--config", str(file)) == AugmentConfig(preset="aerial", flip=0.1)
    assert fit("--config", str(file), "--augment.flip", "0.2") == AugmentConfig(preset="aerial", flip=0.2)


def test_a_preset_on_the_command_line_replaces_the_augmentation_of_a_file(tmp_path):
    """A run's config.yaml names every value: if they won, the preset would do nothing without a word."""
    write_fit_config(tmp_path / "config.yaml", FitConfig(steps=7, augment=AugmentConfig(preset="medical")))
    words = ["fit", "data", "--config", str(tmp_path / "config.yaml"), "--augment.preset", "driving"]
    config = parse([*words, "--augment.jpeg", "0.4"])[1]
    assert config.augment == AugmentConfig(preset="driving", jpeg=0.4)
    assert config.steps == 7


def test_an_unknown_preset_and_values_out_of_range_are_named():
    with pytest.raises(UsageError, match=r"augment\.preset: expected one of driving, medical, .*, got 'space'"):
        from_dict(FitConfig, {"augment": {"preset": "space"}})
    with pytest.raises(UsageError, match=r"hue: expected 0 to 0\.5, got 1"):
        AugmentConfig(preset="natural", hue=1)
    with pytest.raises(UsageError, match="scale: expected the smaller share first"):
        AugmentConfig(preset="driving", scale=(1.0, 0.5))
