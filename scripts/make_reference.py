"""Write the generated parts of the reference pages from the code they describe.

    python scripts/make_reference.py            bring docs/ up to date
    python scripts/make_reference.py --check    only say what is out of date (exit code 1)

A page asks for a part with a pair of comments, and what stands between them is replaced:

    <!-- generated: options fit -->      every option of a verb, from its configuration
    <!-- generated: yaml fit -->         the same as a YAML file with the defaults
    <!-- generated: rows losses -->      what `segue list losses` prints
    <!-- generated: networks encoders -->   the same with figures, for encoders and decoders
    <!-- generated: licences encoders -->   the licence of every pretrained source of the canon
    <!-- generated: presets augment -->  the values of every augmentation preset
    <!-- end generated -->
"""

from __future__ import annotations

import dataclasses
import re
import sys
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pages import ROOT, bring_up_to_date

from segue import configs
from segue.cli import VERBS
from segue.conversion import to_dict
from segue.presets import PRESETS

DOCS = ROOT / "docs"
BLOCK = re.compile(r"(<!-- generated: (?P<what>[^\n]+?) -->\n).*?(<!-- end generated -->)", re.DOTALL)

NOT_WRITTEN = ("resume", "config", "plan", "json", "dry_run", "out")  # what a run's config.yaml leaves out

Field = dataclasses.Field[Any]


def pages() -> list[Path]:
    """The pages that have a generated part."""
    return [page for page in sorted(DOCS.rglob("*.md")) if BLOCK.search(page.read_text(encoding="utf-8"))]


def current(page: Path) -> str:
    """The text of a page with its generated parts as they should be."""
    return BLOCK.sub(
        lambda found: found[1] + generate(found["what"]) + "\n" + found[3], page.read_text(encoding="utf-8")
    )


def generate(what: str) -> str:
    """The Markdown that a comment asks for."""
    kind, _, name = what.partition(" ")
    parts = {
        "options": options,
        "yaml": as_yaml,
        "rows": rows,
        "presets": presets,
        "networks": networks,
        "licences": licences,
    }
    if kind not in parts:
        raise SystemExit(f"<!-- generated: {what} -->: expected one of {', '.join(parts)}, got {kind!r}")
    return parts[kind](name)


# --- options ---------------------------------------------------------------------------------------------------------


def options(verb: str) -> str:
    """One table for the verb itself and one for each group of options."""
    kind = VERBS[verb][0]
    own = [(field, hint) for field, hint in hinted(kind) if not dataclasses.is_dataclass(hint)]
    tables = [_table(own, "")]
    for field, hint in hinted(kind):
        if dataclasses.is_dataclass(hint):
            tables.append(f"### {field.name}\n\n{_sentence(hint)}\n\n{_table(list(hinted(hint)), field.name + '.')}")
    return "\n\n".join(tables)


def hinted(kind: Any) -> Iterator[tuple[Field, Any]]:
    """The fields of a configuration with their types."""
    hints = typing.get_type_hints(kind)
    return ((field, hints[field.name]) for field in dataclasses.fields(kind))


def _sentence(kind: Any) -> str:
    return (kind.__doc__ or "").strip()


def _table(fields: list[tuple[Field, Any]], prefix: str) -> str:
    lines = ["| option | value | default | meaning |", "| --- | --- | --- | --- |"]
    for field, hint in sorted(fields, key=lambda one: not one[0].metadata["positional"]):  # those first, as typed
        cells = (_flag(field, hint, prefix), _allowed(field, hint), _default(field, hint), field.metadata["help"])
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def _flag(field: Field, hint: Any, prefix: str) -> str:
    if field.metadata["positional"]:
        return "`PATH…`" if typing.get_origin(hint) is tuple else f"`{field.name.upper()}`"
    name = (prefix + field.name).replace("_", "-")
    return f"`--{name}`, `--no-{name}`" if hint is bool else f"`--{name}`"


def _allowed(field: Field, hint: Any) -> str:
    low, high, choices = (field.metadata[key] for key in ("low", "high", "choices"))
    if choices:
        return ", ".join(f"`{choice}`" for choice in choices)
    if hint is bool:
        return "–"
    kind, many = _element(hint)
    word = {int: "whole number", float: "number", Path: "path"}.get(kind, "text")
    if many:
        shape = "HxW" if field.name == "size" else "AxB"
        if field.metadata["words"]:
            return "words separated by blanks"
        word = (
            "paths" if kind is Path else f"{word}s separated by commas" if many == "list" else f"two {word}s, `{shape}`"
        )
    if low is not None and high is not None:
        return f"{word}, {low:,g} to {high:,g}" if high < 1e6 else f"{word}, at least {low:g}"
    return f"{word}, at least {low:g}" if low is not None else word


def _element(hint: Any) -> tuple[Any, str]:
    """The type of one value, and whether there are several: "", "pair" or "list"."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    if typing.get_origin(hint) is not tuple:
        return hint, ""
    return typing.get_args(hint)[0], "list" if typing.get_args(hint)[-1] is Ellipsis else "pair"


def _default(field: Field, hint: Any) -> str:
    value = field.default
    if isinstance(value, bool):
        return "on" if value else "off"
    if value is None or value in ((), "", Path()):
        return "–"
    if isinstance(value, tuple):
        value = ("," if _element(hint)[1] == "list" else "x").join(str(part) for part in value)
    return f"`{value}`"


# --- the YAML file ---------------------------------------------------------------------------------------------------


def as_yaml(verb: str) -> str:
    """A complete configuration file, every option with its sentence above it."""
    kind = VERBS[verb][0]
    lines: list[str] = []
    for field, hint in hinted(kind):
        if field.name in NOT_WRITTEN:
            continue
        if not dataclasses.is_dataclass(hint):
            lines += _entry(field, to_dict(kind())[field.name], "")
            continue
        lines += ["", f"# {_sentence(hint)}", f"{field.name}:"]
        for inner, _ in hinted(hint):
            lines += _entry(inner, to_dict(hint())[inner.name], "  ")
    return "\n".join(["```yaml", *lines, "```"])


def _entry(field: Field, value: Any, indent: str) -> list[str]:
    written = yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("\n...\n").strip()
    return [f"{indent}# {field.metadata['help']}", f"{indent}{field.name}: {written}"]


# --- tables of names -------------------------------------------------------------------------------------------------


def rows(kind: str) -> str:
    """What `segue list` shows of a kind."""
    from segue.commands import list as listing

    lines = [f"| `{row['name']}` | {row['about']} |" for row in listing.run(configs.ListConfig(kind=kind)).rows]
    return "\n".join(["| name | what it is |", "| --- | --- |", *lines])


def presets(_: str) -> str:
    """The values of the presets, a column each; those that equal the default are set in plain type."""
    chosen = {"default": configs.AugmentConfig()}
    chosen |= {f"`{name}`": configs.AugmentConfig(preset=name) for name in PRESETS}
    lines = ["| option | " + " | ".join(chosen) + " |", "| --- |" + " --- |" * len(chosen)]
    for field, _hint in hinted(configs.AugmentConfig):
        if field.name not in ("preset", "style_images"):
            values = [getattr(config, field.name) for config in chosen.values()]
            cells = [_shown(value) if value == values[0] else f"**{_shown(value)}**" for value in values]
            lines.append(f"| `{field.name}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _shown(value: Any) -> str:
    return "x".join(f"{part:g}" for part in value) if isinstance(value, tuple) else f"{value:g}"


def networks(kind: str) -> str:
    """What `segue list` shows of encoders or decoders, papers linked."""
    from segue.commands.columns import COLUMNS
    from segue.commands.list import run

    columns = COLUMNS[kind]
    lines = [[heading for heading, _ in columns], ["---"] * len(columns)]
    for row in run(configs.ListConfig(kind=kind)).rows:
        cells = [cell(row) for _, cell in columns]
        lines.append([f"`{cells[0]}`", *cells[1:]])
        if "paper" in row:
            lines[-1][-1] += f" ([{row['family']}]({row['paper']}))"
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def licences(_: str) -> str:
    """The pretrained tags of each encoder of the canon, grouped by licence, the default one in bold."""
    from segue.models.catalogue import canon

    lines = ["| encoder | licence: tags |", "| --- | --- |"]
    for network in canon():
        default = next(iter(network.sources), "")
        groups: dict[str, list[str]] = {}
        for tag, licence in network.sources.items():
            groups.setdefault(licence, []).append(f"**{tag}**" if tag == default else tag)
        shown = "; ".join(f"{licence}: {', '.join(tags)}" for licence, tags in groups.items())
        lines.append(f"| `{network.name}` | {shown or network.licence} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(bring_up_to_date(__doc__, pages(), current))
