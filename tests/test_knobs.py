"""Every knob is explained, and read somewhere: no dial is wired to nothing."""

import dataclasses
import re
import typing
from pathlib import Path

import pytest

from segue import configs, conversion
from segue.cli import VERBS
from segue.errors import UsageError

SOURCE = Path(configs.__file__).parent
KINDS = [kind for kind in vars(configs).values() if isinstance(kind, type) and dataclasses.is_dataclass(kind)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_knob_has_a_sentence_and_a_reader(kind):
    code = "\n".join(
        p.read_text(encoding="utf-8") for p in SOURCE.rglob("*.py") if p.name not in ("configs.py", "api.py")
    )
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
        ({"optim": {"lr": float("nan")}}, "optim.lr: expected 1e-08 to 10, got nan"),
    ],
)
def test_bad_values_are_named(values, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        conversion.from_dict(configs.FitConfig, values)


def test_blanks_after_commas_belong_to_no_name():
    assert conversion.convert(tuple[str, ...], "background, road ,car", "names") == ("background", "road", "car")
