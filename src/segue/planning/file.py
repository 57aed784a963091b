"""`plan.yaml`: decisions for people to read and edit, and for `segue fit --plan` to follow."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import yaml

from segue.config_file import read_config_file
from segue.configs import FitConfig
from segue.conversion import from_dict, to_dict
from segue.durable import write_text
from segue.errors import UsageError
from segue.overlay import flat, nested, overlaid
from segue.planning.decision import Decision, Decisions
from segue.table import did_you_mean

VERSION = 1
KEYS = ("version", "data", "decisions")
PARTS = ("value", "rule", "inputs")
# what a run is, not how it trains
NOT_PLANNED = ("paths", "out", "resume", "config", "plan", "configure", "json", "dry_run")
HEAD = """\
# A plan for segue fit, written by segue plan. Every decision has its value, the rule it follows and its numbers.
# Change a value, take a decision out, or add one for any option of segue fit; rule and inputs are for you to read.
"""


def write_plan(path: Path, data: str, decisions: Decisions) -> None:
    """Write the decisions for the data at `data`."""
    content = {
        "version": VERSION,
        "data": data,
        "decisions": {name: _plain(decision) for name, decision in decisions.items()},
    }
    write_text(path, HEAD + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=118))


def _plain(decision: Decision) -> dict[str, Any]:
    return {part: _listed(getattr(decision, part)) for part in PARTS}


def _listed(value: Any) -> Any:  # noqa: ANN401 - the value of any option
    return [_listed(one) for one in value] if isinstance(value, tuple) else value


def read_plan(path: Path) -> dict[str, Any]:
    """The values of a plan as nested options of `segue fit`, checked.

    Raises `UsageError` with one line that names the file, the decision and what was expected.
    """
    content = read_config_file(path)
    unknown = [key for key in content if key not in KEYS]
    if unknown or not isinstance(content.get("decisions"), dict):
        got = f"{unknown[0]!r}: {did_you_mean(unknown[0], list(KEYS))}" if unknown else "no decisions"
        raise UsageError(f"{path}: expected a plan written by segue plan, got {got}")
    if content.get("version") != VERSION:
        raise UsageError(f"{path}: expected a plan of version {VERSION}, got {content.get('version')!r}: plan again")
    options = [name for name, _ in flat(to_dict(FitConfig())) if name not in NOT_PLANNED]
    values = {str(name): _value(path, str(name), one, options) for name, one in content["decisions"].items()}
    try:
        from_dict(FitConfig, nested(values))
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None
    return nested(values)


def _value(path: Path, name: str, decision: Any, options: list[str]) -> Any:  # noqa: ANN401 - what YAML holds
    if name not in options:
        raise UsageError(f"{path}: unknown decision {name}: {did_you_mean(name, options)}")
    if not isinstance(decision, dict) or "value" not in decision:
        raise UsageError(f"{path}: {name}: expected its value as `value: …` on a line below it, got {decision!r}")
    unknown = [part for part in decision if part not in PARTS]
    if unknown:
        raise UsageError(f"{path}: {name}: expected value, rule and inputs, got {unknown[0]!r}")
    return decision["value"]


def with_plan(config: FitConfig, path: Path) -> FitConfig:
    """`config` with the plan's values for all options that are left at their defaults.

    Raises `UsageError` as `read_plan` does.
    """
    defaults = dict(flat(to_dict(FitConfig())))
    given = {name: value for name, value in flat(to_dict(config)) if value != defaults.get(name)}
    merged = from_dict(FitConfig, overlaid(read_plan(path), nested(given)))
    return dataclasses.replace(merged, plan=path)


def deviations(config: FitConfig, path: Path) -> list[str]:
    """What `config` does otherwise than the plan at `path`, one phrase each."""
    planned = read_plan(path)
    actual, resolved = dict(flat(to_dict(config))), dict(flat(to_dict(from_dict(FitConfig, planned))))
    return [
        f"{name} {actual[name]} (the plan says {resolved[name]})"
        for name, _ in flat(planned)
        if actual[name] != resolved[name]
    ]
