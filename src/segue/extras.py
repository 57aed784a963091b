"""Optional packages: imported where used, with the pip line as the error."""

from __future__ import annotations

import importlib
from types import ModuleType

from segue.errors import MissingPackageError


def require(module: str, extra: str) -> ModuleType:
    """Import `module`, or raise `MissingPackageError` with the command that installs it.

    Args:
        module: dotted name of the module to import.
        extra: the extra of Segue that installs it, as in `pip install "segue[extra]"`.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name.split(".")[0]):
            raise  # the package is there and something inside it is missing: a different fault
        advice = f'pip install "segue[{extra}]"'
        raise MissingPackageError(f"this needs {module}, which is not installed: {advice}") from None
