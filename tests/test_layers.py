"""Imports point one way: a layer may use those to its left, never those to its right."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "segue"
LAYERS = [
    {
        "errors",
        "configs",
        "table",
        "extras",
        "cores",
        "durable",
        "console",
        "config_file",
        "conversion",
        "presets",
        "records",
        "overlay",
        "style_configs",
    },
    {"data", "models", "losses", "metrics"},
    {"transfer", "infer", "trust", "style", "export"},
    {"objectives"},
    {"report", "train", "demo", "planning", "speed"},
    {"commands"},
    {"cli", "api", "__main__", "__init__"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_left(path):
    own = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            if name.startswith("segue."):
                assert RANK[name.split(".")[1]] <= RANK[own], f"{path.name} imports {name}"
