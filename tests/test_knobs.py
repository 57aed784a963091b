"""Every knob is explained, and read somewhere: no dial is wired to nothing."""

import dataclasses
import re
import typing
from pathlib import Path

import pytest

from segue import configs, conversion, style_configs
from segue.cli import VERBS
from segue.errors import UsageError

SOURCE = Path(configs.__file__).parent
FILES = (configs, style_configs)
KINDS = [
    kind for file in FILES for kind in vars(file).values() if isinstance(kind, type) and dataclasses.is_dataclass(kind)
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_knob_has_a_sentence_and_a_reader(kind):
    others = (SOURCE / "configs.py", SOURCE / "api.py", *(SOURCE / "style_configs").glob("*.py"))
    code = "\n".join(p.read_text(encoding="utf-8") for p in SOURCE.rglob("*.py") if p not in others)
    for field in dataclasses.fields(kind):
        if dataclasses.is_dataclass(typing.get_type_hints(kind)[field.name]):
            continue
        assert len(field.metadata["help"]) >= 12, field.name
        assert re.search(rf"\.{field.name}\b", code), f"{kind.__name__}.{field.name} is read nowhere"


@pytest.mark.parametrize("kind", [kind for kind, _ in VERBS.values()], ids=lambda kind: kind.__name__)
def test_configurations_survive_the_round_trip_through_plain_types(kind):
    assert conversion.from_dict(kind, conversion.to_dict(kind())) == kind()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"optim": {"lr": 100}}, "optim.lr: expected 1e-08 to 10, got 100"),
        ({"optim": {"lr": "fast"}}, "optim.lr: expected a number, got 'fast'"),
        ({"optim": {"lrr": 1}}, "unknown option optim.lrr"),
        ({"optim": 3}, "optim: expected a group of options"),
        ({"data": {"size": "240"}}, "data.size: expected two numbers such as 240x320, got '240'"),
        ({"augment": {"scale": "0.5"}}, "augment.scale: expected two numbers such as 0.5x0.5, got '0.5'"),
        ({"transfer": {"mode": "stagd"}}, "mode: expected one of staged, gradual"),
        ({"steps": 2.5}, "steps: expected a whole number, got 2.5"),
        ({"json": "yes"}, "json: expected true or false, got 'yes'"),
        ({"seed": True}, "seed: expected a whole number, got True"),
        ({"steps": float("inf")}, "steps: expected a whole number"),
        ({"minutes": float("inf")}, "minutes: expected a finite number, got inf"),
        ({"optim": {"lr": float("nan")}}, "optim.lr: expected 1e-08 to 10, got nan"),
    ],
)
def test_bad_values_are_named(values, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        conversion.from_dict(configs.FitConfig, values)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"momentum": 0.5}, "optim.momentum: expected optimizer sgd or rmsprop beside it, got adamw: leave it out"),
        ({"optimizer": "adam", "momentum": 0}, "optim.momentum: expected optimizer sgd or rmsprop beside it, got adam"),
        ({"gamma": 0.5}, "optim.gamma: expected schedule step or plateau beside it, got poly"),
        (
            {"schedule": "plateau", "milestones": "0.5"},
            "optim.milestones: expected schedule step beside it, got plateau",
        ),
        (
            {"schedule": "step", "plateau_patience": 3},
            "optim.plateau_patience: expected schedule plateau beside it, got",
        ),
        ({"schedule": "cosine", "rise": 0.5}, "optim.rise: expected schedule one-cycle beside it, got cosine"),
        ({"schedule": "constant", "power": 2}, "optim.power: expected schedule poly beside it, got constant"),
    ],
)
def test_options_of_another_optimiser_or_schedule_are_refused(options, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        conversion.from_dict(configs.FitConfig, {"optim": options})


BESIDE = [
    (kind, field.name, choice)
    for kind in (configs.TransferConfig, configs.OptimConfig)
    for field in dataclasses.fields(kind)
    for choice in field.metadata["needs"]
]


@pytest.mark.parametrize(("kind", "name", "choice"), BESIDE, ids=lambda value: getattr(value, "__name__", value))
def test_an_option_is_taken_beside_exactly_what_it_needs(kind, name, choice):
    fields = {field.name: field for field in dataclasses.fields(kind)}
    needed = fields[name].metadata["needs"][choice]
    other = {"milestones": (0.1,), "targets": ("conv",), "head_fraction": 0.2, "unfreeze": 0.6}.get(name, 0.75)
    other = other if fields[name].type != "int" else 3
    assert set(needed) < set(fields[choice].metadata["choices"]), "the choices it needs exist, and are not all"
    for value in fields[choice].metadata["choices"]:
        assert getattr(kind(**{choice: value, name: fields[name].default}), choice) == value, "files hold defaults"
        if value in needed:
            assert getattr(kind(**{choice: value, name: other}), name) == other
        else:
            with pytest.raises(UsageError, match=f"^{name}: expected {choice} "):
                kind(**{choice: value, name: other})


def test_another_choice_leaves_behind_what_belonged_to_the_old_one():
    optim = configs.OptimConfig(schedule="step", milestones=(0.1,), gamma=0.5, optimizer="sgd", momentum=0.5)
    assert configs.chosen(optim, "schedule", "plateau") == configs.OptimConfig(
        schedule="plateau", gamma=0.5, optimizer="sgd", momentum=0.5
    )
    assert configs.chosen(optim, "schedule", "step") == optim


def test_blanks_after_commas_belong_to_no_name():
    assert conversion.convert(tuple[str, ...], "background, road ,car", "names") == ("background", "road", "car")
