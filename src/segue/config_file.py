"""Configuration files: plain YAML, read safely, written complete."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from segue.configs import FitConfig
from segue.conversion import from_dict, to_dict
from segue.durable import write_text
from segue.errors import UsageError

MOST_BYTES = 1_000_000


def read_config_file(path: Path) -> dict[str, Any]:
    """The options of a YAML file as nested dictionaries; raises `UsageError` when it is not one."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UsageError(f"{path}: expected a configuration file, got {path.stat().st_size} bytes")
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        first = str(error).splitlines()[0]
        raise UsageError(f"{path}: expected YAML with options by name, got: {first}") from None
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise UsageError(f"{path}: expected options by name, such as steps: 500, got {type(values).__name__}")
    return values


def read_fit_config(path: Path) -> FitConfig:
    """The configuration a run was started with."""
    return from_dict(FitConfig, read_config_file(path))


def write_fit_config(path: Path, config: FitConfig) -> None:
    """Write every option of `config`, resolved, such that `segue fit --config` runs the same again."""
    values = to_dict(config)
    for name in ("resume", "config", "plan", "json", "dry_run", "out"):
        values.pop(name)
    write_text(path, yaml.safe_dump(values, sort_keys=False, allow_unicode=True))
