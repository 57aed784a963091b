"""The documentation says what the code does: flags, commands, files, links, examples.

How a command line in the documentation is written: it starts with `segue`, in a code block without a language or
between backticks. A word in capitals (`DATA`, `RUN`) stands for a path, `VERB` for a verb and `KIND` for a kind. In a
code block, what stands behind two spaces or more is an explanation.
"""

import contextlib
import importlib.util
import io
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import segue
from fakes import write_folders
from segue import conversion
from segue.cli import VERBS, main, parse
from segue.config_file import write_fit_config
from segue.configs import FitConfig
from segue.data.formats import FORMATS
from segue.errors import SegueError, UsageError

ROOT = Path(__file__).parent.parent
README, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
MANUAL = [README, CHINESE, *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [*MANUAL, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<content>.*?)^```$", re.DOTALL | re.MULTILINE)
STANDS_FOR = {"VERB": "fit", "KIND": "decoders"}
TEXT_FILES = {".py", ".md", ".toml", ".yaml", ".yml", ".json", ".css", ".js", ".txt", ""}


def read(path):
    return path.read_text(encoding="utf-8")


def name(path):
    return path.relative_to(ROOT).as_posix() if isinstance(path, Path) else None


def blocks(page, *languages):
    return [found["content"] for found in FENCE.finditer(read(page)) if found["language"] in languages]


def prose(page):
    return FENCE.sub("", read(page))


def command_lines(page):
    lines = [line.partition("  ")[0] for block in blocks(page, "", "sh") for line in block.splitlines()]
    inline = [" ".join(text.split()) for text in re.findall(r"`([^`]+)`", prose(page))]
    return [line for line in (*lines, *inline) if re.match(r"segue (?!\.)", line)]


def script(title, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "scripts")
    return importlib.import_module(title)


def help_of(verb):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), pytest.raises(SystemExit):
        parse([*verb.split(), "--help"])
    return printed.getvalue()


# --- reference -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_page_that_names_its_flags(verb):
    flags = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9.-]*", help_of(verb))) - {"--help", "--no-json", "--no-dry-run"}
    page = read(ROOT / "docs" / "reference" / f"{verb.replace(' ', '-')}.md")
    assert {flag for flag in flags if not re.search(rf"{re.escape(flag)}(?![\w.-])", page)} == set()


@pytest.mark.parametrize("title", ["make_reference", "make_measured"])
def test_generated_parts_are_current(title, monkeypatch):
    made = script(title, monkeypatch)
    stale = [name(page) for page in made.pages() if read(page) != made.current(page)]
    assert stale == [], f"run: python scripts/{title}.py"


def test_stale_pages_are_named_and_written(tmp_path, monkeypatch, capsys):
    pages, (old, new) = script("pages", monkeypatch), (tmp_path / "old.md", tmp_path / "new.md")
    old.write_text("before", encoding="utf-8")
    new.write_text("after", encoding="utf-8")
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    asked = []

    def current(page):
        asked.append(page)
        return "after"

    for options, code, printed, then in (
        (["--check"], 1, "out of date: old.md\n", "before"),
        ([], 0, "written: old.md\n", "after"),
        (["--check"], 0, "", "after"),
    ):
        monkeypatch.setattr(sys, "argv", ["make_pages", *options])
        assert pages.bring_up_to_date("Write.", (old, new), current) == code
        assert (capsys.readouterr().out, read(old), read(new)) == (printed, then, "after")
    assert asked == [old, new] * 3, "every page is made once a call"


def test_every_generated_part_is_closed():
    for page in PAGES:
        assert read(page).count("<!-- generated: ") == read(page).count("<!-- end generated -->"), page


def test_the_documented_configuration_is_the_default_and_complete(tmp_path):
    written = max(blocks(ROOT / "docs" / "reference" / "configuration.md", "yaml"), key=len)
    write_fit_config(tmp_path / "config.yaml", FitConfig())
    assert yaml.safe_load(written) == yaml.safe_load(read(tmp_path / "config.yaml"))


@pytest.mark.parametrize("layout", FORMATS.names())
def test_every_layout_has_a_section_and_a_row(layout):
    assert f"### `{layout}`" in read(ROOT / "docs" / "how-to" / "bring-your-data.md")
    assert f"| `{layout}` |" in read(ROOT / "docs" / "reference" / "canon" / "formats.md")


def test_every_error_class_is_documented():
    page = read(ROOT / "docs" / "reference" / "python.md")
    kinds = [kind for kind in vars(segue.errors).values() if isinstance(kind, type) and issubclass(kind, SegueError)]
    assert {
        kind.__name__ for kind in kinds if f"`{kind.__name__}`" not in page and f".{kind.__name__}`" not in page
    } == set()


# --- what is shown ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", MANUAL, ids=name)
def test_every_command_line_parses(page, monkeypatch):
    monkeypatch.setattr("segue.config_file.read_config_file", lambda _: {})
    monkeypatch.setattr("segue.planning.file.read_plan", lambda _: {})
    assert {line: why for line in command_lines(page) if (why := complaint(line))} == {}


def complaint(line):
    """What the parser has against a command line, None when nothing."""
    try:
        parse([STANDS_FOR.get(word, word) for word in shlex.split(line)[1:]])
    except UsageError as error:
        return str(error)
    except SystemExit as left:  # --help and --version print and leave
        return f"exit code {left.code}" if left.code else None
    return None


def test_a_wrong_command_line_is_noticed():
    assert complaint("segue fit DATA --optm.lr 1") is not None
    shown = {line for page in MANUAL for line in command_lines(page)}
    assert [verb for verb in VERBS if not any(f"{line} ".startswith(f"segue {verb} ") for line in shown)] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_yaml_block_is_a_configuration(page):
    for block in blocks(page, "yaml"):
        conversion.from_dict(FitConfig, yaml.safe_load(block))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_python_block_compiles_and_names_what_exists(page):
    for block in blocks(page, "python"):
        compile(block, name(page), "exec")
        for module, imported in re.findall(r"^from (segue[\w.]*) import (.+)$", block, re.MULTILINE):
            found = importlib.import_module(module)
            for one in imported.split(", "):
                assert hasattr(found, one) or importlib.util.find_spec(f"{module}.{one}"), f"{module}.{one}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"https?://|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{target} is not there"
        assert file.is_relative_to(ROOT), f"{target} leads out of the project"
        assert not anchor or anchor in anchors(file), f"{target}: no such heading"


def anchors(page):
    """The anchors of a page's headings, made as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_every_page_can_be_reached_from_the_index():
    reached, waiting = set(), [ROOT / "docs" / "index.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        links = re.findall(r"\]\(([^)\s#]+\.md)", prose(page))
        targets = {(page.parent / link).resolve() for link in links if not link.startswith("http")}
        waiting += [target for target in targets - reached if target.is_relative_to(ROOT / "docs")]
    assert {name(page) for page in (ROOT / "docs").rglob("*.md")} - {name(page) for page in reached} == set()


# --- the two READMEs, the version, the tree --------------------------------------------------------------------------


def test_the_chinese_readme_has_the_parts_of_the_english_one():
    for pattern in (r"^(#+) ", r"^(- )", r"<!-- .+ -->", r"\((?:docs|src|LICENSE|CONTRIBUTING)[^)]*\)"):
        counts = [re.findall(pattern, prose(page), re.MULTILINE) for page in (README, CHINESE)]
        assert counts[0] == counts[1], pattern
    assert FENCE.findall(read(README)) == FENCE.findall(read(CHINESE))


def test_the_changelog_begins_with_this_version():
    assert re.search(r"^## \[(.+?)\]", read(ROOT / "CHANGELOG.md"), re.MULTILINE)[1] == segue.__version__


def test_the_reading_path_exists():
    section = read(README).partition("## Read the code")[2]
    paths = re.findall(r"`([\w/]+\.py)`", section)
    assert len(paths) == 6
    assert all((ROOT / "src" / "segue" / path).is_file() for path in paths)


def test_no_file_mentions_a_place_on_somebodys_machine():
    place = re.compile(r"(?<![\w.~/<])/(?:work|home|Users|root)/[\w.-]+|[A-Z]:\\\\?Users\b")
    found = [f"{name(path)}: {hit[0]}" for path in tracked() if (hit := place.search(read(path)))]
    assert found == []


def tracked():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    paths = [ROOT / line for line in listed.stdout.split("\0") if line]
    return [path for path in paths if path.suffix in TEXT_FILES and path.is_file()]


# --- what is run -----------------------------------------------------------------------------------------------------


@pytest.fixture
def weights(tmp_path):
    """A pretrained encoder small enough for a test, as a file."""
    from safetensors.torch import save_file

    from segue.models.build import ModelSpec, build

    model = build(ModelSpec("test_resnet", "fcn", 3, 4))
    save_file(model.encoder.net.state_dict(), tmp_path / "encoder.safetensors")
    return tmp_path / "encoder.safetensors"


def run_example(monkeypatch, capsys, script, *arguments):
    monkeypatch.setattr(sys, "argv", [script, *map(str, arguments)])
    runpy.run_path(str(ROOT / "examples" / script), run_name="__main__")
    return capsys.readouterr().out


@pytest.mark.slow
def test_the_examples_run(tmp_path, monkeypatch, capsys, weights):
    data, first, second = write_folders(tmp_path / "data", count=8), tmp_path / "first", tmp_path / "second"
    image = data / "images" / "000.jpg"
    options = ["--encoder", "test_resnet", "--weights", weights, "--steps", "4", "--out", first]
    assert "48 x 64 pixels" in run_example(monkeypatch, capsys, "fit_and_predict.py", data, image, *options)
    printed = run_example(monkeypatch, capsys, "reuse_a_run.py", first, data, "--steps", "2", "--out", second)
    assert "Segue run first" in printed
    printed = run_example(monkeypatch, capsys, "evaluate_with_interval.py", first, second, data)
    assert "95 % interval" in printed.splitlines()[-1]


@pytest.mark.slow
def test_the_sixty_second_examples_of_the_reference_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    reference = ROOT / "docs" / "reference"
    exec(compile(blocks(reference / "fit.md", "python")[0], "fit.md", "exec"), {})
    lines = [line for page in ("fit", "evaluate", "predict") for line in command_lines(reference / f"{page}.md")]
    for start in ("segue fit squares/", "segue evaluate runs/squares squares/", "segue predict runs/squares squares/"):
        line = next(line for line in lines if line.startswith(start))
        assert main(shlex.split(line)[1:]) == 0, capsys.readouterr().err
    assert Path("runs/squares/report.html").is_file()
    assert len(list(Path("predictions").glob("*.png"))) == 8


def test_examples_are_short():
    for path in (ROOT / "examples").glob("*.py"):
        assert len(read(path).splitlines()) <= 80, path.name
