from pathlib import Path

import pytest

from segue.errors import UsageError
from segue.infer.inputs import find_images


@pytest.fixture
def tree(tmp_path, monkeypatch):
    for name in ("a/x.png", "a/deep/x.png", "b/x.png", "b/y.JPG", "b/.hidden.png", ".git/z.png", "b/notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*paths, out="out"):
    inputs, missing = find_images([Path(p) for p in paths], Path(out))
    assert not missing
    return [one.name for one in inputs]


def test_a_folder_gives_every_image_below_it_named_from_there(tree):
    assert names("a") == ["x", "deep/x"]


def test_equal_names_in_two_folders_stay_apart(tree):
    assert names("a/x.png", "b/x.png") == ["a/x", "b/x"]
    assert names("a", "b") == ["a/x", "a/deep/x", "b/x", "b/y"]


def test_hidden_files_and_other_files_are_left_out_of_folders(tree):
    assert names(".") == ["a/x", "a/deep/x", "b/x", "b/y"]


def test_patterns_are_expanded(tree):
    assert names("b/*.png") == ["x"]
    assert names("**/x.png") == ["a/deep/x", "a/x", "b/x"]


def test_a_file_with_brackets_in_its_name_is_a_file(tree):
    (tree / "a" / "shot[1].png").write_bytes(b"")
    assert names("a/shot[1].png") == ["shot[1]"]


def test_a_file_is_taken_whatever_its_ending(tree):
    assert names("b/notes.txt") == ["notes"]


def test_files_that_differ_only_in_the_ending_keep_it(tree):
    (tree / "b" / "x.jpg").write_bytes(b"")
    (tree / "b" / "Y.png").write_bytes(b"")
    assert sorted(names("b")) == ["Y.png", "x.jpg", "x.png", "y.JPG"]


def test_a_name_kept_whole_does_not_meet_the_stem_of_another(tree):
    for name in ("a.png", "a.jpg", "a.png.bmp", "a.png.bmp.tif"):
        (tree / "a" / "deep" / name).write_bytes(b"")
    assert sorted(names("a/deep")) == ["a.jpg", "a.png", "a.png.bmp", "a.png.bmp.tif", "x"]


def test_an_image_given_twice_is_done_once(tree):
    assert names("b/x.png", "b", "./a/../b/x.png") == ["x", "y"]


def test_dots_in_a_path_do_not_lead_out_of_the_output_folder(tree):
    assert names("a/../b/x.png", "a/x.png") == ["b/x", "a/x"]


def test_links_that_go_round_end(tree):
    (tree / "a" / "loop").symlink_to(tree / "a", target_is_directory=True)
    assert names("a") == ["x", "deep/x"]


def test_earlier_results_inside_the_input_folder_are_no_inputs(tree):
    (tree / "a" / "out").mkdir()
    (tree / "a" / "out" / "x.png").write_bytes(b"")
    assert names("a", out="a/out") == ["x", "deep/x"]


@pytest.mark.parametrize(("paths", "out"), [(["a"], "a"), (["a/x.png"], "a"), (["b", "a"], "./b/../a"), (["."], ".")])
def test_the_folder_of_the_inputs_is_refused_as_output(tree, paths, out):
    with pytest.raises(UsageError, match="out: expected a folder of its own"):
        find_images([Path(p) for p in paths], Path(out))


def test_what_is_not_there_is_named_and_the_rest_is_done(tree):
    (tree / "empty").mkdir()
    inputs, missing = find_images([Path("a/x.png"), Path("nope.png"), Path("*.gif"), Path("empty")], Path("out"))
    assert [one.name for one in inputs] == ["x"]
    assert [line.split(":")[0] for line in missing] == ["nope.png", "*.gif", "empty"]


def test_nothing_given():
    with pytest.raises(UsageError, match="got none"):
        find_images([], Path("out"))
