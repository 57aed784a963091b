"""`segue style export`: a trained style network as ONNX and in 8 bits, with what that costs and gives, measured."""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import safetensors.torch
import torch

from segue import __version__
from segue.commands.style_asked import asked
from segue.commands.style_paths import check_name, require_writable
from segue.console import progress_bar
from segue.durable import make_folder, sha256_of, write_text
from segue.errors import RunError, UsageError
from segue.export import EXTRA
from segue.export.int8 import quantised
from segue.export.onnx_file import as_onnx, write_onnx
from segue.export.session import answer, open_session
from segue.extras import require
from segue.speed.apart import Latency, timed_apart
from segue.style.edge_graph import EdgeGraph
from segue.style.edge_inputs import Feed, calibration, comparison
from segue.style.evaluation.jury import lpips_judge
from segue.style.evaluation.lpips import lpips, unit_features
from segue.style.evaluation.panel import Perceptual
from segue.style.model_folder import KINDS, StyleInfo, load_style_model
from segue.style.network import Prepared, StyleNetwork
from segue.style.own import FOLDER
from segue.style.parity import largest_difference, psnr
from segue.style.record import UsedStyle
from segue.style_configs import AskedStyles, StyleExportConfig

log = logging.getLogger("segue")
FORMAT = 1
PACKAGES = ("onnx", "onnxscript", "onnxruntime")
FARTHEST = 0.01  # that ONNX in float32 may be from torch, of values from 0 to 1; beyond it is another picture
TORCH, FP32, INT8 = "torch fp32", "ONNX fp32", "ONNX INT8"
Told = Callable[[float, str], None]


@dataclass(frozen=True)
class Compared:
    """What 8 bits change: PSNR in dB, median and lowest, and mean LPIPS; None where no pixel differs or not computed.

    `not_computed` says why there is no LPIPS. `quantised` of `convolutions` compute in 8 bits. `held_out` is whether
    the pictures are others than the `calibrated_on` photos that set the ranges.
    """

    psnr: float | None
    lowest_psnr: float | None
    lpips: float | None
    not_computed: str
    quantised: int = 0
    convolutions: int = 0
    calibrated_on: int = 0
    held_out: bool = True


@dataclass(frozen=True)
class StyleExportResult:
    """What was written; `report` is what the JSON file holds, None after a dry run."""

    files: tuple[Path, ...]
    styles: tuple[str, ...]
    inputs: tuple[str, ...]
    report: dict[str, Any] | None
    exit_code: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        names = {"styles": list(self.styles), "inputs": list(self.inputs)}
        return {"files": [str(path) for path in self.files], **names, "report": self.report}

    def lines(self) -> list[str]:
        """The result for people."""
        styles = ", ".join(self.styles) or "any style"
        first = f"{', '.join(map(str, self.files))}: paints in {styles}; inputs {', '.join(self.inputs)}"
        if self.report is None:
            return [first, "dry run: nothing written"]
        return [first, *_told(self.report)]


def run(config: StyleExportConfig) -> StyleExportResult:
    """Write the graph, calibrate and measure; see `StyleExportConfig` for the options.

    Raises:
        UsageError: the options do not fit each other or the network.
        RunError: there is no such model, ONNX has no words for it, or what it writes paints another picture.
        DataError: there is no photo to calibrate with, or a style cannot be read.
        MissingPackageError: the extra `edge` is not installed.
    """
    for package in PACKAGES:
        require(package, EXTRA)
    model = config.model or FOLDER
    network, info = load_style_model(model)
    styles, style = _styles(config, info, network)
    graph = EdgeGraph(network, style, None if config.free_strength else config.strength)
    photos = calibration(config.calibrate, graph, config.size, config.photos) if config.calibrate else None
    paths = _paths(config)
    _check_paths(config, paths)
    names = tuple(one.name for one in styles)
    if config.dry_run:
        return StyleExportResult(paths, names, tuple(graph.names), None)
    make_folder(config.out.parent)
    work = _Work(config, model, info, graph, styles)
    with progress_bar("exporting") as update:
        report = work.exported(paths, photos, update)
    write_text(paths[-1], json.dumps(report, indent=2, allow_nan=False) + "\n")
    return StyleExportResult(paths, names, tuple(graph.names), report)


def _paths(config: StyleExportConfig) -> tuple[Path, ...]:
    small = (config.out.with_suffix(".int8.onnx"),) if config.calibrate else ()
    return (config.out, *small, config.out.with_suffix(".json"))


def _check_paths(config: StyleExportConfig, paths: Sequence[Path]) -> None:
    """That the report takes no other file's place, as that of model.json, and no older graph in 8 bits lies beside."""
    report, small = paths[-1], config.out.with_suffix(".int8.onnx")
    check_name("out", config.out, small)
    require_writable("out", config.out.parent)
    if report.exists() and not _is_report(report):
        raise UsageError(f"out: expected a name whose report {report} is free, got a file of something else there")
    if config.calibrate is None and small.exists():
        got = f"{small} of an earlier one"
        raise UsageError(f"out: expected no 8 bits beside a graph without --calibrate, got {got}: take it away")


def _is_report(path: Path) -> bool:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(told, dict) and "export_format" in told


def _styles(
    config: StyleExportConfig, info: StyleInfo, network: StyleNetwork
) -> tuple[tuple[UsedStyle, ...], Prepared | None]:
    """The styles the graph paints in, and what was made of them where they are fixed in it."""
    known = not (info.kind in KINDS and KINDS[info.kind].takes_pictures)
    if not config.style and not (known and len(info.styles) == 1):
        return info.styles, None
    told = AskedStyles(
        model=config.model,
        style=config.style,
        style_size=config.style_size,
        blend=config.blend,
        licences=config.licences,
    )
    styles, wanted = asked(told, info)
    with torch.inference_mode(False), torch.no_grad():
        return styles, network.prepared(wanted)


@dataclass(frozen=True, eq=False)
class _Work:
    """One graph on its way to files."""

    config: StyleExportConfig
    model: Path
    info: StyleInfo
    graph: EdgeGraph
    styles: tuple[UsedStyle, ...]

    def exported(
        self, paths: Sequence[Path], photos: tuple[Sequence[Feed], Sequence[Feed]] | None, update: Told
    ) -> Any:  # noqa: ANN401
        """Write the files and say what was found; `photos` are those to calibrate with and those to compare on."""
        update(0.0, "tracing")
        graph = self.graph
        model = as_onnx(graph, graph.examples(), graph.inputs, graph.output, graph.smallest)
        threads = self.config.threads or torch.get_num_threads()
        pictures = photos[1] if photos else comparison(graph, self.config.size)
        update(0.2, "comparing")
        session = open_session(model.SerializeToString(), threads)
        painted = [torch.from_numpy(answer(session, feed)) for feed in pictures]
        farthest = max(
            largest_difference(self._painted(feed), one) for feed, one in zip(pictures, painted, strict=True)
        )
        if not farthest <= FARTHEST:
            raise RunError(
                f"{self.config.out}: expected the network's picture from ONNX, got one that is {farthest:.3g} away: "
                "it was not written; say which network this is in an issue"
            )
        write_onnx(paths[0], model, self._metadata("float32"))
        files = {FP32: paths[0]}
        compared = None
        if photos:
            small, done, whole = quantised(model, photos[0], lambda share: update(0.3 + 0.3 * share, "calibrating"))
            update(0.6, "comparing")
            compared = self._compared(small.SerializeToString(), threads, pictures, painted)
            compared = dataclasses.replace(
                compared,
                quantised=done,
                convolutions=whole,
                calibrated_on=len(photos[0]),
                held_out=photos[0] is not photos[1],
            )
            write_onnx(paths[1], small, self._metadata("convolutions in 8 bits, everything else float32"))
            files[INT8] = paths[1]
        speed = self._speed(files, threads, update) if self.config.runs else {}
        return self._report(files, farthest, len(pictures), compared, speed, threads)

    def _painted(self, feed: Feed) -> torch.Tensor:
        with torch.inference_mode():
            found: torch.Tensor = self.graph(*(torch.from_numpy(feed[name]) for name in self.graph.names))
        return found

    def _compared(self, small: bytes, threads: int, feeds: Sequence[Feed], painted: Sequence[torch.Tensor]) -> Compared:
        """How far the graph in 8 bits is from what the one in float32 painted."""
        session = open_session(small, threads)
        pairs = [(one, torch.from_numpy(answer(session, feed))) for one, feed in zip(painted, feeds, strict=True)]
        ratios = [psnr(*pair) for pair in pairs]
        judge, reason = lpips_judge(self.config.lpips_weights, self.config.lpips_backbone, torch.device("cpu"))
        distance = statistics.fmean(_lpips(judge, *pair) for pair in pairs) if judge is not None else None
        return Compared(_finite(statistics.median(ratios)), _finite(min(ratios)), distance, reason)

    def _speed(self, files: dict[str, Path], threads: int, update: Told) -> dict[str, Latency]:
        """Each form in a process of its own, on one square picture."""
        feed = comparison(self.graph, self.config.size, square=True)[0]
        common: dict[str, Any] = {"runs": self.config.runs, "threads": threads}
        found: dict[str, Latency] = {}
        with TemporaryDirectory() as folder:
            kept = None
            if self.graph.style is not None:
                kept = str(Path(folder) / "style.safetensors")
                tensors = {str(place): tensor.contiguous() for place, tensor in enumerate(self.graph.style)}
                safetensors.torch.save_file(tensors, kept)
            told: dict[str, Any] = {"model": str(self.model), "style": kept, "strength": self.graph.strength}
            jobs = {TORCH: told, **{name: {"onnx": str(path)} for name, path in files.items()}}
            for number, (name, job) in enumerate(jobs.items()):
                update(0.7 + 0.3 * number / len(jobs), f"timing {name}")
                found[name] = timed_apart({**common, **job}, feed)
        return found

    def _metadata(self, precision: str) -> dict[str, str]:
        """What the ONNX file says of itself: flat texts, as the format has it, of JSON where they are more than one."""
        graph = self.graph
        shares = _shares(self.config, len(self.styles)) if graph.style is not None else None
        told = {
            "segue": __version__,
            "kind": self.info.kind,
            "model_sha256": self.info.sha256,
            "precision": precision,
            "styles": [dataclasses.asdict(style) for style in self.styles],
            "shares": shares,
            "strength": graph.strength,
            "smallest_side": graph.smallest,
            "inputs": [port.told() for port in graph.inputs],
            "output": graph.output.told(),
            "trained": self.info.trained,
        }
        return {f"segue.{name}": text if isinstance(text, str) else json.dumps(text) for name, text in told.items()}

    def _report(
        self,
        files: dict[str, Path],
        farthest: float,
        pictures: int,
        compared: Compared | None,
        speed: dict[str, Latency],
        threads: int,
    ) -> dict[str, Any]:
        sizes = {name: path.stat().st_size for name, path in files.items()}
        versions = {name: str(require(name, EXTRA).__version__) for name in PACKAGES}
        return {
            "export_format": FORMAT,
            "segue": __version__,
            "kind": self.info.kind,
            "model_sha256": self.info.sha256,
            "styles": [dataclasses.asdict(style) for style in self.styles],
            "inputs": [port.told() for port in self.graph.inputs],
            "output": self.graph.output.told(),
            "strength": self.graph.strength,
            "files": {
                name: {"file": path.name, "bytes": sizes[name], "sha256": sha256_of(path)}
                for name, path in files.items()
            },
            "fp32": {"largest_difference": farthest, "pictures": pictures},
            "int8": None if compared is None else dataclasses.asdict(compared),
            "speed": {name: dataclasses.asdict(latency) for name, latency in speed.items()},
            "timed_at": [self.config.size, self.config.size],
            "machine": {
                "processor": _processor(),
                "threads": threads,
                "torch": torch.__version__,
                "python": platform.python_version(),
                **versions,
            },
        }


def _shares(config: StyleExportConfig, styles: int) -> list[float]:
    """The shares that are fixed in a graph, which add up to one."""
    given = config.blend or (1.0,) * styles
    return [share / sum(given) for share in given]


def _processor() -> str:
    """What the system calls its processor."""
    listed = Path("/proc/cpuinfo")
    if listed.is_file():
        for line in listed.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _lpips(judge: Perceptual, one: torch.Tensor, other: torch.Tensor) -> float:
    with torch.inference_mode():
        return lpips(unit_features(judge.network, one), unit_features(judge.network, other), judge.weights)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


# --- for people ------------------------------------------------------------------------------------------------------


def _told(report: dict[str, Any]) -> list[str]:
    fp32, int8 = report["fp32"], report["int8"]
    lines = [
        f"{FP32} is at most {fp32['largest_difference']:.1e} away from torch in {fp32['pictures']} pictures (0 to 1)",
        *([] if int8 is None else _int8_lines(int8)),
        *_table(report),
    ]
    return [*lines, *_verdict(report["speed"])]


def _int8_lines(int8: dict[str, Any]) -> list[str]:
    same = "no pixel differs" if int8["psnr"] is None else f"PSNR {int8['psnr']:.1f} dB"
    lowest = f", lowest {int8['lowest_psnr']:.1f}" if int8["lowest_psnr"] is not None else ""
    lpips_text = (
        f"LPIPS {int8['lpips']:.3f}" if int8["lpips"] is not None else f"LPIPS not computed: {int8['not_computed']}"
    )
    where = "photos it was not calibrated on" if int8["held_out"] else "the one photo it was calibrated on"
    counts = f"{int8['quantised']} of {int8['convolutions']} convolutions in 8 bits"
    return [
        f"{INT8}: {counts}, calibrated on {int8['calibrated_on']} photos",
        f"{INT8} against {FP32} on {where}: {same}{lowest}; {lpips_text}",
    ]


def _table(report: dict[str, Any]) -> list[str]:
    if not report["speed"]:
        sizes = ", ".join(f"{name} {file['bytes'] / 1e6:.2f} MB" for name, file in report["files"].items())
        return [f"{sizes}; not timed (--runs 0)"]
    machine = report["machine"]
    side = report["timed_at"][0]
    lines = [
        f"{side} x {side} pixels, {machine['threads']} threads, {machine['processor']}:",
        f"{'':12}{'file MB':>9}{'p50 ms':>9}{'p95 ms':>9}{'runs':>6}{'peak MB':>9}",
    ]
    for name, speed in report["speed"].items():
        size = f"{report['files'][name]['bytes'] / 1e6:.2f}" if name in report["files"] else "-"
        peak = f"{speed['peak_bytes'] / 1e6:.0f}" if speed["peak_bytes"] is not None else "-"
        lines.append(f"{name:12}{size:>9}{speed['p50_ms']:>9.1f}{speed['p95_ms']:>9.1f}{speed['runs']:>6}{peak:>9}")
    return lines


def _verdict(speed: dict[str, dict[str, Any]]) -> list[str]:
    """Which form is faster here, with no word on other machines."""
    lines = []
    for name, beside in ((FP32, TORCH), (INT8, FP32)):
        if name in speed:
            ratio = speed[beside]["p50_ms"] / speed[name]["p50_ms"]
            word = f"{ratio:.2f} times as fast as" if ratio >= 1 else f"slower here, {1 / ratio:.2f} times the time of"
            lines.append(f"{name} is {word} {beside}")
    return lines
