"""Numbers given to a loss where it is named, as in `focal(gamma=2)`: declared in its signature, checked here."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from segue.conversion import convert
from segue.errors import UsageError
from segue.table import did_you_mean


@dataclass(frozen=True)
class Between:
    """Inclusive bounds, written where the parameter is: `gamma: Annotated[float, Between(0, 10)] = 2.0`."""

    low: float
    high: float


@dataclass(frozen=True)
class Parameter:
    """A number that a loss takes: its type (`int` or `float`), default and inclusive bounds."""

    kind: type
    default: float
    low: float
    high: float


def parameters(function: Callable[..., Any]) -> dict[str, Parameter]:
    """The parameters of `function` that its signature gives bounds for, by name.

    >>> from segue.losses.focal import focal
    >>> parameters(focal)
    {'gamma': Parameter(kind=<class 'float'>, default=2.0, low=0, high=10)}
    """
    found = {}
    hints = typing.get_type_hints(function, include_extras=True)
    for name, declared in inspect.signature(function).parameters.items():
        if typing.get_origin(hints.get(name)) is Annotated:
            kind, bounds = typing.get_args(hints[name])
            found[name] = Parameter(kind, declared.default, bounds.low, bounds.high)
    return found


def read_parameters(name: str, function: Callable[..., Any], text: str) -> dict[str, float]:
    """Read `text`, such as "alpha=0.3, beta=0.7", as parameters of the loss called `name`.

    Raises `UsageError` for anything but known names with numbers in their bounds, each at most once.

    >>> from segue.losses.focal import focal
    >>> read_parameters("focal", focal, "gamma=1.5")
    {'gamma': 1.5}
    """
    known = parameters(function)
    values: dict[str, float] = {}
    for part in text.split(","):
        key, equals, written = (piece.strip() for piece in part.partition("="))
        if not known:
            raise UsageError(f"{name} takes no parameters, got ({text})")
        if not equals or not written:
            raise UsageError(f"expected {name}({_example(known)}), got {name}({text})")
        if key not in known:
            raise UsageError(f"{name} has no parameter {key!r}: {did_you_mean(key, list(known))}")
        if key in values:
            raise UsageError(f"{name}: {key} comes twice in ({text})")
        values[key] = _checked(known[key], written, f"{name}({key})")
    return values


def _example(known: dict[str, Parameter]) -> str:
    return ", ".join(f"{key}={parameter.default:g}" for key, parameter in known.items())


def _checked(parameter: Parameter, written: str, where: str) -> float:
    value: float = convert(parameter.kind, written, where)
    if not parameter.low <= value <= parameter.high:
        raise UsageError(f"{where}: expected {parameter.low:g} to {parameter.high:g}, got {value:g}")
    return value
