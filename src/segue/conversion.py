"""Configurations to plain YAML types and back; words of the command line to the types fields are declared with."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

from segue.errors import UsageError

T = TypeVar("T")
# quotes stand around a whole name, behind a comma or an equals sign; elsewhere, as in 12" disc.jpg, they are letters
_QUOTED_OR_NOT = re.compile(r'(?:^|(?<=[,=]))\s*"(?P<quoted>[^"]*)"(?=\s*(?:[,=]|$))|,|[^,="]+|[="]')


class Groups(tuple[tuple[str, tuple[str, ...]], ...]):
    """Names that stand for other names: a mapping in YAML, `new=old+old,new=old` on the command line."""

    __slots__ = ()

    def to_dict(self) -> dict[str, tuple[str, ...]]:
        """The new names, each with the names it stands for."""
        return dict(self)


def to_dict(config: Any) -> dict[str, Any]:  # noqa: ANN401 - any configuration
    """A configuration as plain YAML types: paths as text, tuples as lists, nested pieces as dictionaries."""
    return {f.name: _plain(getattr(config, f.name)) for f in dataclasses.fields(config)}


def _plain(value: Any) -> Any:  # noqa: ANN401
    if dataclasses.is_dataclass(value):
        return to_dict(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Groups):
        return {new: list(olds) for new, olds in value}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def from_dict(kind: type[T], values: dict[str, Any], where: str = "") -> T:
    """Build a configuration from plain YAML types; unknown keys and wrong types raise `UsageError` by name."""
    hints = typing.get_type_hints(kind)
    unknown = sorted(set(values) - set(hints))
    if unknown:
        raise UsageError(f"unknown option {where}{unknown[0]}: expected one of {', '.join(sorted(hints))}")
    converted = {name: convert(hints[name], value, where + name) for name, value in values.items()}
    try:
        return kind(**converted)
    except UsageError as error:
        raise UsageError(f"{where}{error}") from None


def convert(hint: Any, value: Any, where: str) -> Any:  # noqa: ANN401
    """Turn a plain value (from YAML or the command line) into the type a field is declared with."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        if value is None:
            return None
        hint = next(a for a in typing.get_args(hint) if a is not type(None))
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise UsageError(f"{where}: expected a group of options, got {value!r}")
        return from_dict(hint, value, f"{where}.")  # type: ignore[arg-type]
    if hint is Groups:
        return _convert_groups(value, where)
    if typing.get_origin(hint) is tuple:
        return _convert_tuple(hint, value, where)
    return _convert_scalar(hint, value, where)


def _convert_groups(value: Any, where: str) -> Groups:  # noqa: ANN401
    pairs: list[tuple[Any, Any]] = list(value) if isinstance(value, tuple) else [(value, ())]
    if isinstance(value, str):
        split = (pair.partition("=") for pair in value.split(",") if pair)
        pairs = [(new.strip(), olds.split("+")) for new, _, olds in split]
    elif isinstance(value, dict):
        pairs = [(new, olds if isinstance(olds, (list, tuple)) else [olds]) for new, olds in value.items()]
    groups = Groups((str(new), tuple(str(old).strip() for old in olds)) for new, olds in pairs)
    if any(not new or not olds or "" in olds for new, olds in groups):
        raise UsageError(
            f"{where}: expected new names with the names they replace, such as vehicle=car+bus,person=pedestrian, "
            f"or a mapping in YAML, got {value!r}"
        )
    if twice := [new for new, _ in groups if [name for name, _ in groups].count(new) > 1]:
        raise UsageError(f"{where}: expected each new name once, got {twice[0]!r} again; join its names with +")
    return groups


def _convert_tuple(hint: Any, value: Any, where: str) -> tuple[Any, ...]:  # noqa: ANN401
    arguments, given = typing.get_args(hint), value
    if isinstance(value, str):
        value = value.lower().split("x") if arguments[-1] is not Ellipsis else _parts(value, arguments[0])
    if not isinstance(value, (list, tuple)):
        value = [value]
    if arguments[-1] is Ellipsis:
        return tuple(convert(arguments[0], item, where) for item in value)
    if len(value) != len(arguments):
        example = "0.5x0.5" if float in arguments else "240x320"
        raise UsageError(f"{where}: expected two numbers such as {example}, got {given!r}")
    return tuple(_convert_scalar(kind, item, where) for kind, item in zip(arguments, value, strict=True))


def _parts(value: str, kind: Any) -> list[str]:  # noqa: ANN401
    """What stands between commas; blanks around a name were typed for the eye, and "a, b" in quotes is one name."""
    parts = [""]
    for found in _QUOTED_OR_NOT.finditer(value):
        if found[0] == ",":
            parts.append("")
        else:
            parts[-1] += found["quoted"] if found["quoted"] is not None else found[0]
    return [part.strip() if kind is str else part for part in parts]


def _convert_scalar(hint: Any, value: Any, where: str) -> Any:  # noqa: ANN401
    if hint is bool:
        if isinstance(value, bool):
            return value
        raise UsageError(f"{where}: expected true or false, got {value!r}")
    wrong = isinstance(value, (bool, dict, list)) or value is None
    wrong = wrong or (hint is Path and value == "")  # Path would take it for the folder the program is in
    try:
        if wrong or (hint is int and float(value) != int(float(value))):
            raise ValueError
        return int(float(value)) if hint is int else hint(value)
    except (TypeError, ValueError, OverflowError):
        kind = {int: "a whole number", float: "a number", str: "text", Path: "a path"}.get(hint, str(hint))
        raise UsageError(f"{where}: expected {kind}, got {value!r}") from None
