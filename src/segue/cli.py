"""The command line: configurations become flags, a command runs, its result or its error is printed.

Nothing here knows a single knob: verbs are rows of `VERBS`, flags are the fields of their configuration. torch is not
imported until a verb that needs it runs.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import errno
import importlib
import itertools
import json
import logging
import os
import sys
import time
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from segue import __version__, configs, conversion, style_configs
from segue.console import first_process, processes
from segue.errors import SegueError, UsageError
from segue.overlay import flat, nested, overlaid
from segue.table import did_you_mean

VERBS: dict[str, tuple[type[Any], str]] = {
    "demo": (configs.DemoConfig, "segue.commands.demo"),
    "doctor": (configs.DoctorConfig, "segue.commands.doctor"),
    "fit": (configs.FitConfig, "segue.commands.fit"),
    "plan": (configs.PlanConfig, "segue.commands.plan"),
    "lr-find": (configs.LrFindConfig, "segue.commands.lr_find"),
    "bench": (configs.BenchConfig, "segue.commands.bench"),
    "evaluate": (configs.EvaluateConfig, "segue.commands.evaluate"),
    "compare": (configs.CompareConfig, "segue.commands.compare"),
    "forecast": (configs.ForecastConfig, "segue.commands.forecast"),
    "predict": (configs.PredictConfig, "segue.commands.predict"),
    "review": (configs.ReviewConfig, "segue.commands.review"),
    "style optimise": (style_configs.StyleOptimiseConfig, "segue.commands.style_optimise"),
    "style bank": (style_configs.StyleBankConfig, "segue.commands.style_bank"),
    "style train": (style_configs.StyleTrainConfig, "segue.commands.style_train"),
    "style apply": (style_configs.StyleApplyConfig, "segue.commands.style_apply"),
    "style export": (style_configs.StyleExportConfig, "segue.commands.style_export"),
    "style video": (style_configs.StyleVideoConfig, "segue.commands.style_video"),
    "style evaluate": (style_configs.StyleEvaluateConfig, "segue.commands.style_evaluate"),
    "style inspect": (style_configs.StyleInspectConfig, "segue.commands.style_inspect"),
    "convert": (configs.ConvertConfig, "segue.commands.convert"),
    "download": (configs.DownloadConfig, "segue.commands.download"),
    "list": (configs.ListConfig, "segue.commands.list"),
}

GROUPS = {"style": "Paint pictures in the style of others."}  # the first words of verbs that have two

# what some verbs are told besides their configuration: which options were given, since they decide what was left open
# and a value may be given and yet be the default's; when the command began, to time a fit with importing torch in it
TOLD = {
    "fit": ("given", "began"),
    "plan": ("given",),
    "bench": ("given", "began"),
    "style optimise": ("began",),
    "style train": ("began",),
}
SHARED = ("fit", "predict")  # verbs whose work is shared by processes that torchrun starts


def entry() -> NoReturn:
    """The console script."""
    if processes() == 1:
        sys.exit(main())
    _leave(_code_of_main())


def _code_of_main() -> int:
    try:
        return main()
    except SystemExit as left:  # what --help raises, and the processes that leave it to the first to say why
        return left.code if isinstance(left.code, int) else int(left.code is not None)


def _leave(code: int) -> NoReturn:
    """End the process without taking the interpreter apart, which its threads of torch.distributed may not outlive.

    A group of processes that was destroyed keeps its threads for as long as anything refers to it, as the caches of
    sharded tensors do. When one of them wants the interpreter while that is being taken apart, Python ends the thread
    inside code of C++ that allows no such thing, and a run that has done everything ends in "terminate called without
    an active exception". Whatever Segue writes is on the disk by then.
    """
    with contextlib.suppress(BrokenPipeError):  # whoever read our output left
        sys.stdout.flush()
    sys.stderr.flush()
    logging.shutdown()
    os._exit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code (drawn in `segue.errors`)."""
    began = time.perf_counter()
    arguments = list(sys.argv[1:] if argv is None else argv)
    wants_json = "--json" in arguments
    try:
        verb, config, given = _parse(arguments)
        _configure_logging()
        _refuse_several(verb)
        command = importlib.import_module(VERBS[verb][1])
        known = {"given": given, "began": began}
        result = command.run(config, **{name: known[name] for name in TOLD.get(verb, ())})
        wants_json = getattr(config, "json", wants_json)
        if first_process():
            print(json.dumps(result.to_json(), indent=2) if wants_json else "\n".join(result.lines()))
        return int(result.exit_code)
    except SegueError as error:
        return _report_error(str(error), type(error).__name__, error.exit_code, wants_json)
    except KeyboardInterrupt:
        return _report_error(_interrupted(arguments), "KeyboardInterrupt", 130, wants_json)
    except BrokenPipeError:
        # the reader of our output left; give the interpreter somewhere harmless to flush to
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:  # that may be any argument of any verb; all else is told where it arises
            raise
        got = f"{str(error.filename)[:80]} ({error.strerror})"
        line = f"expected names that the system takes, got {got}: choose another"
        return _report_error(line, UsageError.__name__, UsageError.exit_code, wants_json)


def _interrupted(arguments: Sequence[str]) -> str:
    if list(arguments[:2]) == ["style", "train"]:
        return "interrupted; a run that had begun goes on from its last resume point with segue style train --resume"
    if list(arguments[:2]) == ["style", "evaluate"]:
        return "interrupted; what was painted is in pictures/ of the --out folder, to be judged as RESULTS"
    if list(arguments[:2]) == ["style", "export"]:
        return "interrupted; each file that is there is whole: run the command again for the others"
    if list(arguments[:2]) == ["style", "video"]:
        return "interrupted at once; frames that were written to a folder are there, of a video nothing is"
    if GROUPS.keys() & arguments[:1]:
        return "interrupted; the picture was not written"
    return "interrupted; a run that had begun goes on from its last resume point with segue fit --resume"


def _refuse_several(verb: str) -> None:
    if verb in SHARED or processes() == 1:
        return
    if not first_process():
        raise SystemExit(UsageError.exit_code)  # one of them says it
    shared = " and ".join(SHARED)
    raise UsageError(
        f"expected torchrun with {shared} only, got {verb}, of which each process would do all: run it without"
    )


def _report_error(message: str, kind: str, exit_code: int, wants_json: bool) -> int:
    print(f"segue: {message}", file=sys.stderr)
    if wants_json:
        print(json.dumps({"error": message, "kind": kind, "exit_code": exit_code}))
    return exit_code


def parse(arguments: Sequence[str]) -> tuple[str, Any]:
    """Turn a command line into a verb and its configuration; raises `UsageError`, exits for --help and --version."""
    verb, config, _ = _parse(arguments)
    return verb, config


def _parse(arguments: Sequence[str]) -> tuple[str, Any, frozenset[str]]:
    """As `parse`, and the dotted names of all options that were given, by flags, --config or --plan."""
    parsers, flags = _parsers()
    _refuse_unknown(arguments)
    given, unknown = parsers[""].parse_known_args([_dashed(argument) for argument in arguments])
    verb = _verb_of(given, parsers)
    kind = VERBS[verb][0]
    # argparse fills positional arguments from the first group of words only; paths after an option arrive here
    many = [
        field.name for field in dataclasses.fields(kind) if field.metadata.get("positional") and field.default == ()
    ]
    wrong = [word for word in unknown if word.startswith("-") or not many]
    if wrong:
        hint = did_you_mean(wrong[0].partition("=")[0], flags[verb]) if wrong[0].startswith("--") else ""
        raise UsageError(f"unknown argument {wrong[0]} for segue {verb}: {hint or 'see --help'}")
    values = {name: value for name, value in vars(given).items() if name not in ("verb", "word") and value is not None}
    if unknown:
        values[many[0]] = [*values.get(many[0], []), *unknown]
    options = _from_file(values.get("config"))
    options = overlaid(_from_plan(values.get("plan", options.get("plan"))), options)
    words = nested({name: value for name, value in values.items() if value != []})
    options = overlaid(options, words)
    return verb, conversion.from_dict(kind, options), frozenset(name for name, _ in flat(options))


def _parsers() -> tuple[dict[str, _Parser], dict[str, list[str]]]:
    """The parser of everything under "", those of `GROUPS` by name, and the flags of each verb."""
    parser = _Parser(prog="segue", description="Turn a pretrained network into your own segmentation model.", **_FORMAT)
    parser.add_argument("--version", action="version", version=f"segue {__version__}")
    parsers = {"": parser}
    flags: dict[str, list[str]] = {}
    verbs = {"": parser.add_subparsers(dest="verb", metavar="VERB", title="verbs")}
    for name, (kind, _) in VERBS.items():
        group, _, word = name.rpartition(" ")
        if group not in verbs:
            parsers[group] = verbs[""].add_parser(group, help=GROUPS[group], description=GROUPS[group], **_FORMAT)
            verbs[group] = parsers[group].add_subparsers(dest="word", metavar="VERB", title="verbs")
        summary = (kind.__doc__ or "").strip()
        sub = verbs[group].add_parser(word, help=summary.replace("%", "%%"), description=summary, **_FORMAT)
        _add_fields(sub, kind)
        flags[name] = [flag for action in sub._actions for flag in action.option_strings]
    return parsers, flags


def _verb_of(given: argparse.Namespace, parsers: dict[str, _Parser]) -> str:
    """The row of `VERBS` that was asked for; prints the help of what has none yet, and raises `UsageError`."""
    if given.verb is None:
        parsers[""].print_help(sys.stderr)
        raise UsageError(f"expected a verb, one of {', '.join(_first_words())}")
    if given.verb not in GROUPS:
        return str(given.verb)
    if given.word is None:
        parsers[given.verb].print_help(sys.stderr)
        raise UsageError(f"expected a verb of segue {given.verb}, one of {', '.join(_second_words(given.verb))}")
    return f"{given.verb} {given.word}"


def _refuse_unknown(arguments: Sequence[str]) -> None:
    """Raise `UsageError` with the nearest verbs where the first words are none; argparse would list all of them."""
    words = list(itertools.takewhile(lambda word: not word.startswith("-"), arguments[:2]))
    if words and words[0] not in _first_words():
        raise UsageError(f"unknown verb {words[0]!r}: {did_you_mean(words[0], _first_words())} (see segue --help)")
    if len(words) == 2 and words[0] in GROUPS and words[1] not in (own := _second_words(words[0])):
        near = did_you_mean(words[1], own)
        raise UsageError(f"unknown verb {words[1]!r} of segue {words[0]}: {near} (see segue {words[0]} --help)")


def _first_words() -> list[str]:
    return list(dict.fromkeys(name.partition(" ")[0] for name in VERBS))


def _second_words(group: str) -> list[str]:
    return [word for first, _, word in (name.partition(" ") for name in VERBS) if first == group]


_FORMAT: dict[str, Any] = {
    "formatter_class": lambda prog: argparse.HelpFormatter(prog, max_help_position=34, width=118),
    "allow_abbrev": False,
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


def _add_fields(parser: argparse._ActionsContainer, kind: type[Any], prefix: str = "") -> None:
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            group = parser.add_argument_group(field.name, (hint.__doc__ or "").strip())
            _add_fields(group, hint, f"{field.name}.")
            continue
        text = field.metadata["help"].replace("%", "%%") + _default_text(field.default, hint)
        if field.metadata["positional"]:
            many = typing.get_origin(hint) is tuple
            label = "PATH" if many else field.name.upper()
            parser.add_argument(field.name, nargs="*" if many else "?", metavar=label, default=None, help=text)
        elif hint is bool:
            flag = "--" + (prefix + field.name).replace("_", "-")
            action = argparse.BooleanOptionalAction
            parser.add_argument(flag, action=action, default=None, dest=prefix + field.name, help=text)
        else:
            flag = "--" + (prefix + field.name).replace("_", "-")
            metavar, count = _metavar(field, hint), "+" if field.metadata["words"] else None
            parser.add_argument(flag, default=None, dest=prefix + field.name, nargs=count, metavar=metavar, help=text)


def _default_text(default: Any, hint: Any) -> str:  # noqa: ANN401
    if default is None or default in ((), "", Path()) or isinstance(default, bool):
        return ""
    if isinstance(default, tuple):
        default = ("," if typing.get_args(hint)[-1] is Ellipsis else "x").join(str(part) for part in default)
    return f" (default: {default})"


def _metavar(field: dataclasses.Field[Any], hint: Any) -> str:  # noqa: ANN401
    if field.metadata["choices"]:
        return "{" + ",".join(field.metadata["choices"]) + "}"
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        hint = typing.get_args(hint)[0]
    if typing.get_origin(hint) is tuple:
        many = typing.get_args(hint)[-1] is Ellipsis
        return "WORD" if field.metadata["words"] else "A,B,…" if many else "HxW" if field.name == "size" else "AxB"
    return {int: "N", float: "X", Path: "PATH"}.get(hint, "TEXT")


def _dashed(argument: str) -> str:
    """Accept --transfer.head_fraction and --transfer.head-fraction alike."""
    if not argument.startswith("--") or argument == "--":
        return argument
    name, equals, value = argument.partition("=")
    return name.replace("_", "-") + equals + value


def _from_file(path: str | None) -> dict[str, Any]:
    if path is None:
        return {}
    from segue.config_file import read_config_file

    return read_config_file(Path(path))


def _from_plan(path: str | None) -> dict[str, Any]:
    if path is None:
        return {}
    from segue.planning.file import read_plan

    return read_plan(Path(path))


class _ConsoleHandler(logging.Handler):
    """Messages as whole lines: nothing is wrapped, coloured or taken for markup."""

    def emit(self, record: logging.LogRecord) -> None:
        from segue.console import console

        console().print(self.format(record), soft_wrap=True, markup=False, highlight=False)


def _configure_logging() -> None:
    """Send Segue's own messages, and nobody else's, to standard error."""
    logger = logging.getLogger("segue")
    logger.setLevel(logging.INFO)
    logger.handlers = [_ConsoleHandler()]
    logger.propagate = False
    # Fabric announces the precision we chose
    logging.getLogger("lightning_fabric.utilities.rank_zero").setLevel(logging.WARNING)


if __name__ == "__main__":
    entry()
