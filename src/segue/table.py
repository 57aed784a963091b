"""The one kind of registry: explicit rows, imported when used, with a suggestion for a misspelt name."""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from segue.errors import UsageError

_DOCUMENTED = (ast.FunctionDef, ast.ClassDef)


def did_you_mean(name: str, choices: list[str]) -> str:
    """A sentence fragment that lists the nearest names, or all of them when nothing is near.

    >>> did_you_mean("unett", ["unet", "fpn"])
    'did you mean unet?'
    """
    near = difflib.get_close_matches(name, choices, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(near)}?" if near else f"choose one of {', '.join(sorted(choices))}"


class Table:
    """A named set of things that are imported only when one is asked for.

    Each row maps a public name to `"module:attribute"`, the module being relative to `package`. Looking up a name that
    has no row raises `UsageError` with the nearest names.

    >>> LOSSES = Table("loss", "segue.losses", dice="dice:dice")
    >>> LOSSES.names()
    ('dice',)
    """

    def __init__(self, kind: str, package: str, **rows: str) -> None:
        self.kind = kind
        self._package = package
        self._rows = rows

    def names(self) -> tuple[str, ...]:
        """The row names, in the order they were written."""
        return tuple(self._rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __contains__(self, name: object) -> bool:
        return name in self._rows

    def about(self, name: str) -> str:
        """What a row is: the first sentence of its module's docstring, or of its own where rows share a module.

        The module is read, not imported, so that a list costs no import of torch.
        """
        module, _, attribute = self._rows[name].partition(":")
        found = importlib.util.find_spec(f"{self._package}.{module}")
        assert found is not None, "a row names a module that exists"
        assert found.origin is not None, "and that has a file"
        tree = ast.parse(Path(found.origin).read_text(encoding="utf-8"))
        own = [node for node in tree.body if isinstance(node, _DOCUMENTED) and node.name == attribute]
        shared = sum(row.partition(":")[0] == module for row in self._rows.values()) > 1
        text = (shared and own and ast.get_docstring(own[0])) or ast.get_docstring(tree) or ""
        return " ".join(text.partition("\n\n")[0].split())

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - a table holds functions and classes of any kind
        if name not in self._rows:
            raise UsageError(f"unknown {self.kind} {name!r}: {did_you_mean(name, list(self._rows))}")
        module, _, attribute = self._rows[name].partition(":")
        return getattr(importlib.import_module(f"{self._package}.{module}"), attribute)
