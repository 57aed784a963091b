"""Options over options: those of the command line over a file's, a file's over a plan's. Nested plain dictionaries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from segue import configs


def overlaid(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`base` with the options of `over` in place of its own, and without those that do not go beside them.

    >>> overlaid({"steps": 500, "optim": {"lr": 0.1, "batch": 8}}, {"minutes": 3, "optim": {"lr": 0.2}})
    {'optim': {'lr': 0.2, 'batch': 8}, 'minutes': 3}
    """
    given = {name for name, _ in flat(over)}
    for group in configs.EXCLUSIVE:
        if given.intersection(group):
            base = _without(base, group)
    for name, whole in configs.STANDS_FOR.items():
        if name in given:
            base = {key: value for key, value in base.items() if key != whole}
    return _merged(base, over)


def flat(values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every option by its dotted name, such as `optim.lr`, with its value; the value itself may be a mapping."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{inner}", one) for inner, one in value.items())
        else:
            yield name, value


def nested(values: dict[str, Any]) -> dict[str, Any]:
    """Options by dotted names as groups of options.

    >>> nested({"steps": 500, "optim.lr": 0.1})
    {'steps': 500, 'optim': {'lr': 0.1}}
    """
    groups: dict[str, Any] = {}
    for name, value in values.items():
        group, dot, rest = name.partition(".")
        if dot:
            groups.setdefault(group, {})[rest] = value
        else:
            groups[name] = value
    return groups


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in over.items():
        inner = merged.get(name)
        merged[name] = _merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return merged


def _without(base: dict[str, Any], names: Sequence[str], prefix: str = "") -> dict[str, Any]:
    """`base` less the options of these dotted names."""
    return {
        name: _without(value, names, f"{prefix}{name}.") if isinstance(value, dict) else value
        for name, value in base.items()
        if prefix + name not in names
    }
