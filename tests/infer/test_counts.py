import numpy as np
import pytest

from segue.errors import RunError
from segue.infer.counts import Counts, load_counts, save_counts


def some(classes=4):
    matrices = np.random.default_rng(0).integers(0, 3, (5, classes, classes))
    matrices[2] = 0  # nothing labelled
    matrices[4, 0, 1] = 3 * 2**31  # a scene of more pixels than 32 bits hold
    return Counts(("a/1", "a/2", "ü", "日本", ""), ("g", "g", "", "", "h"), tuple("wxyz"[:classes]), matrices)


def test_what_is_written_is_read_again(tmp_path):
    save_counts(tmp_path / "confusion.npz", some())
    again = load_counts(tmp_path / "confusion.npz")
    assert (again.ids, again.groups, again.names) == (some().ids, some().groups, some().names)
    np.testing.assert_array_equal(again.matrices, some().matrices)


def test_equal_counts_give_equal_bytes(tmp_path):
    for name in ("one", "two"):
        save_counts(tmp_path / name, some())
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_many_classes_take_little_room(tmp_path):
    matrices = np.zeros((100, 150, 150), np.int64)
    random = np.random.default_rng(0)
    for matrix in matrices:
        present = random.choice(150, 8, replace=False)
        matrix[np.ix_(present, present)] = random.integers(0, 10_000, (8, 8))
    counts = Counts(tuple(map(str, range(100))), ("",) * 100, tuple(map(str, range(150))), matrices)
    save_counts(tmp_path / "confusion.npz", counts)
    assert (tmp_path / "confusion.npz").stat().st_size < 40_000


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04", b"not an archive at all"])
def test_damage_is_one_line(tmp_path, content):
    if content is not None:
        (tmp_path / "confusion.npz").write_bytes(content)
    with pytest.raises(RunError, match=r"confusion\.npz: expected the confusion matrices"):
        load_counts(tmp_path / "confusion.npz")


def test_an_array_that_does_not_fit_is_damage(tmp_path):
    path = tmp_path / "confusion.npz"
    np.savez(path, ids=np.array(["a"]), groups=np.array([""]), names=np.array(["x"]), cell=[5], count=[1])
    with pytest.raises(RunError, match="out of bounds"):
        load_counts(path)
    np.savez(path, ids=np.array([{}]), groups=np.array([""]), names=np.array(["x"]), cell=[0], count=[1])
    with pytest.raises(RunError, match="pickle"):
        load_counts(path)
