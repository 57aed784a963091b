"""Numbers in the text that names a loss."""

import inspect
import json
import re
from pathlib import Path

import pytest
import torch

from fakes import write_folders
from segue.cli import main
from segue.errors import UsageError
from segue.losses import LOSSES, parse_loss, takes_class_weights
from segue.losses.focal import focal
from segue.losses.parameters import parameters
from segue.losses.tversky import tversky

ROOT = Path(__file__).parents[2]


def values(text):
    return {name: getattr(function, "keywords", {}) for name, _, function in parse_loss(text).parts}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("focal(gamma=3)", {"focal": {"gamma": 3.0}}),
        ("2*tversky( alpha = 0.3 , beta=0.7 )", {"tversky": {"alpha": 0.3, "beta": 0.7}}),
        ("ce(smoothing=0.1)+jaccard(smooth=1e+2)", {"ce": {"smoothing": 0.1}, "jaccard": {"smooth": 100.0}}),
        ("0.5*focal(gamma=+2) + dice", {"focal": {"gamma": 2.0}, "dice": {}}),
    ],
)
def test_parameters_are_read_as_written(text, expected):
    assert values(text) == expected


def test_parameters_reach_the_loss():
    logits, labels = torch.randn(1, 3, 5, 5), torch.randint(0, 3, (1, 5, 5))
    loss = parse_loss("2*focal(gamma=4) + tversky(alpha=0.1, beta=0.9)")
    expected = 2 * focal(logits, labels, gamma=4) + tversky(logits, labels, alpha=0.1, beta=0.9)
    torch.testing.assert_close(loss(logits, labels), expected)


def test_parameters_and_class_weights_stand_together():
    logits, labels = torch.randn(1, 3, 5, 5), torch.randint(0, 3, (1, 5, 5))
    weights = torch.tensor([1.0, 2.0, 5.0])
    loss = parse_loss("focal(gamma=4) + dice", weights)
    torch.testing.assert_close(loss.terms(logits, labels)["focal"], focal(logits, labels, gamma=4, weights=weights))
    assert [name for name in LOSSES if takes_class_weights(name)] == ["ce", "bce", "ohem", "focal"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("focal(gama=2)", "focal has no parameter 'gama': did you mean gamma"),
        ("focal(gamma=two)", r"focal\(gamma\): expected a number, got 'two'"),
        ("focal(gamma=11)", r"focal\(gamma\): expected 0 to 10, got 11"),
        ("focal(gamma=nan)", r"focal\(gamma\): expected 0 to 10, got nan"),
        ("focal(gamma=-inf)", r"expected 0 to 10, got -inf"),
        ("focal(gamma=1, gamma=2)", "gamma comes twice"),
        ("focal(gamma)", r"expected focal\(gamma=2\), got focal\(gamma\)"),
        ("focal(2)", r"expected focal\(gamma=2\), got focal\(2\)"),
        ("focal()", r"expected focal\(gamma=2\), got focal\(\)"),
        ("focal(gamma=)", r"expected focal\(gamma=2\)"),
        ("focal(gamma=2", "expected terms"),
        ("focal(gamma=(2))", "expected terms"),
        ("focal(gamma=2)*3", "expected terms"),
        ("lovasz(per_image=1)", "lovasz takes no parameters"),
        ("ce(weights=1)", "ce has no parameter 'weights'"),  # tensors and the ignored label are no text
        ("ce(ignore=3)", "ce has no parameter 'ignore'"),
        ("boundary(spacing=2)", "boundary takes no parameters"),
        ("focal(gamma=__import__('os'))", "expected terms"),
        ("fokal(gamma=2)", "did you mean focal"),
        ("focal(gamma=1) + focal(gamma=2)", "focal comes twice"),
        ("(ce)", "expected terms"),
    ],
)
def test_nonsense_in_brackets_is_refused_by_name(text, says):
    with pytest.raises(UsageError, match=says):
        parse_loss(text)


@pytest.mark.parametrize("name", LOSSES.names())
def test_every_number_a_loss_takes_has_bounds_around_its_default(name):
    numbers = {key for key, p in inspect.signature(LOSSES[name]).parameters.items() if isinstance(p.default, float)}
    found = parameters(LOSSES[name])
    assert set(found) == numbers
    assert all(p.low <= p.default <= p.high for p in found.values())


def test_a_wrong_loss_is_refused_before_weights_are_fetched(tmp_path, monkeypatch, capsys):
    def fetch(*_):
        raise AssertionError("the weights were asked for first")

    monkeypatch.setattr("segue.train.start.load_pretrained", fetch)
    data = write_folders(tmp_path / "data", 4)
    options = ["--model.encoder", "test_resnet", "--steps", "1", "--data.size", "32x32", "--out", tmp_path / "run"]
    assert main(["fit", str(data), *map(str, options), "--optim.loss", "ce + focal(gama=2)"]) == 2
    assert "focal has no parameter 'gama': did you mean gamma?" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_the_list_of_losses_says_what_each_takes(capsys):
    assert main(["list", "losses", "--filter", "tversky", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["parameters"]["beta"] == {"default": 0.7, "low": 0.01, "high": 10}
    assert main(["list", "losses", "--filter", "ohem"]) == 0
    assert "threshold=0.7, min_kept=0.0625" in capsys.readouterr().out


def test_every_loss_is_documented_with_its_file_and_with_tests_that_exist():
    page = (ROOT / "docs" / "reference" / "canon" / "losses.md").read_text(encoding="utf-8")
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    for name in LOSSES:
        file = Path(inspect.getfile(inspect.unwrap(LOSSES[name]))).name
        assert re.search(rf"^\| `{name}` \|.*\| `{file}` \|.*\| `test_\w+\.py`", page, re.MULTILINE), name
    assert {found for found in re.findall(r"`(test_\w+)`", page) if f"def {found}(" not in tests} == set()
    assert all(list((ROOT / "tests").rglob(found)) for found in re.findall(r"`(test_\w+\.py)`", page))
