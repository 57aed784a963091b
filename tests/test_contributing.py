"""The example in CONTRIBUTING.md is real: one file and one line are all that a row takes."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_the_example_row_meets_its_contract(tmp_path):
    shutil.copytree(ROOT / "src", tmp_path / "src")
    shutil.copytree(ROOT / "tests", tmp_path / "tests")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    code, row = re.search(r"```python\n(.*?)```.*?```\n(.*?)```", text, re.DOTALL).groups()
    losses = tmp_path / "src" / "segue" / "losses"
    (losses / "log_cosh_dice.py").write_text(code, encoding="utf-8")
    table = (losses / "__init__.py").read_text(encoding="utf-8")
    last = '    boundary="boundary:boundary",\n'
    assert table.count(last) == 1
    (losses / "__init__.py").write_text(table.replace(last, last + row), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", "tests/test_contracts.py"]
    done = subprocess.run(
        [*command, "-k", "log_cosh_dice"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    passed = re.search(r"(\d+) passed", done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert passed, done.stdout
    assert int(passed[1]) > 15
