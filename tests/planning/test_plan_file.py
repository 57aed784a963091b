"""plan.yaml: written, edited by hand, read back; a mistake is one line that names it."""

import pytest
import yaml

from segue.configs import AugmentConfig, FitConfig, OptimConfig
from segue.errors import UsageError
from segue.overlay import flat, nested, overlaid
from segue.planning.decision import Decision
from segue.planning.file import deviations, read_plan, with_plan, write_plan

DECISIONS = {
    "steps": Decision(500, "a rule", {"images": 24}),
    "optim.batch": Decision(4, "another rule"),
    "data.size": Decision((64, 96), "a third"),
}


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "plan.yaml"
    write_plan(path, "/data", DECISIONS)
    return path


def edit(path, change):
    content = yaml.safe_load(path.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content))
    return path


def test_what_is_written_is_read_and_people_see_rule_and_numbers(plan):
    assert read_plan(plan) == {"steps": 500, "optim": {"batch": 4}, "data": {"size": [64, 96]}}
    content = yaml.safe_load(plan.read_text())
    assert content["decisions"]["steps"] == {"value": 500, "rule": "a rule", "inputs": {"images": 24}}
    assert plan.read_text().startswith("# A plan for segue fit")


def test_options_that_were_given_win_and_all_others_follow_the_plan(plan):
    config = with_plan(FitConfig(optim=OptimConfig(lr=0.1, batch=2), augment=AugmentConfig(flip=0.1)), plan)
    assert (config.steps, config.optim.batch, config.optim.lr, config.data.size) == (500, 2, 0.1, (64, 96))
    assert config.augment.flip == 0.1
    assert config.plan == plan
    assert deviations(config, plan) == ["optim.batch 2 (the plan says 4)"]


def test_minutes_replace_planned_steps(plan):
    config = with_plan(FitConfig(minutes=3), plan)
    assert (config.steps, config.minutes) == (None, 3)
    assert deviations(config, plan) == ["steps None (the plan says 500)"]


def decision(name, value):
    return lambda content: content["decisions"].update({name: value})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (decision("optim.lrr", {"value": 1}), "unknown decision optim.lrr: did you mean optim.lr"),
        (decision("optim.batch", {"value": 0}), "optim.batch: expected 1 to 4096, got 0"),
        (decision("optim.batch", {"value": "many"}), "optim.batch: expected a whole number, got 'many'"),
        (decision("transfer.mode", {"value": "stagd"}), "transfer.mode: expected one of staged"),
        (decision("optim.batch", 8), "optim.batch: expected its value as `value: …` on a line below it, got 8"),
        (decision("optim.batch", {"vlaue": 8}), "optim.batch: expected its value"),
        (decision("optim.batch", {"value": 8, "why": ""}), "optim.batch: expected value, rule and inputs, got 'why'"),
        (decision("out", {"value": "x"}), "unknown decision out"),
        (lambda content: content.update(version=2), "expected a plan of version 1, got 2: plan again"),
        (lambda content: content.pop("decisions"), "expected a plan written by segue plan, got no decisions"),
        (lambda content: content.update(decisons={}), "got 'decisons': did you mean decisions?"),
    ],
)
def test_a_mistake_made_by_hand_is_one_line(plan, change, message):
    with pytest.raises(UsageError) as found:
        read_plan(edit(plan, change))
    assert str(found.value).startswith(f"{plan}: ")
    assert message in str(found.value)
    assert "\n" not in str(found.value)


def test_flat_and_nested_undo_each_other():
    values = {"steps": 3, "optim": {"lr": 0.1}, "data": {"merge": {"car": ["bus"]}}}
    assert nested(dict(flat(values))) == values
    assert overlaid(values, {"steps": None, "minutes": 2})["steps"] is None
