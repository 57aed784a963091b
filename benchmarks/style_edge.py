"""Size, speed, memory and nearness of exported style networks: PyTorch, ONNX and INT8 of each, by `segue style export`.

    python benchmarks/style_edge.py PHOTOS [--lpips-weights FILE --lpips-backbone FILE] [--size 256] [--threads 2]

The networks have random weights where none ship, which costs what trained ones cost; only of the network that ships
does the nearness of INT8 mean anything. PHOTOS calibrate INT8 and are compared on. Prints a row in Markdown for each.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import torch

import segue
from segue.style.adain_network import AdainNetwork
from segue.style.autoencoder import Shape
from segue.style.model_folder import save_style_model
from segue.style.network import StyleNetwork
from segue.style.record import UsedStyle
from segue.style.transform_network import TransformNetwork

STYLE = "bank:night-swirl"


def networks() -> dict[str, StyleNetwork | None]:
    """By name; None is the one that ships."""
    torch.manual_seed(0)
    deep = {"depth": 2}
    return {
        "any style, ours": None,
        "any style, MobileNetV3 small": AdainNetwork(Shape("mobilenetv3_small_100", ("stride8",), **deep)),
        "any style, SqueezeNet": AdainNetwork(Shape("squeezenet1_1", ("fire4",), **deep)),
        "one style, width 0.5": TransformNetwork(1, 0.5),
    }


def row(name: str, report: dict[str, Any]) -> str:
    sizes = {form: file["bytes"] / 1e6 for form, file in report["files"].items()}
    speed, int8 = report["speed"], report["int8"]
    cells = [name]
    for form in ("torch fp32", "ONNX fp32", "ONNX INT8"):
        one = speed[form]
        size = f"{sizes[form]:.2f} MB, " if form in sizes else ""
        cells.append(f"{size}{one['p50_ms']:.1f} / {one['p95_ms']:.1f} ms, {one['peak_bytes'] / 1e6:.0f} MB")
    cells.append(f"{speed['ONNX fp32']['p50_ms'] / speed['ONNX INT8']['p50_ms']:.2f}")
    cells.append(f"{int8['quantised']} of {int8['convolutions']}")
    cells.append(f"{report['fp32']['largest_difference']:.0e}")
    cells.append("same" if int8["psnr"] is None else f"{int8['psnr']:.1f} ({int8['lowest_psnr']:.1f})")
    cells.append("not computed" if int8["lpips"] is None else f"{int8['lpips']:.3f}")
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--lpips-weights", type=Path)
    parser.add_argument("--lpips-backbone", default="hub")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=30)
    given = parser.parse_args()
    print("| network | PyTorch | ONNX | INT8 | INT8 beside ONNX | in 8 bits | ONNX off by | PSNR (lowest) | LPIPS |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for name, network in networks().items():
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            known = isinstance(network, TransformNetwork)
            if network is not None:
                save_style_model(folder / "model", network, (UsedStyle("one"),) if known else ())
            result = segue.style_export(
                folder / "model" if network is not None else "",
                out=folder / "out.onnx",
                style=() if known else STYLE,
                calibrate=given.photos,
                photos=24,
                size=given.size,
                runs=given.runs,
                threads=given.threads,
                lpips_weights=given.lpips_weights,
                lpips_backbone=given.lpips_backbone,
            )
            report = result.to_json()["report"]
            print(row(name, report), flush=True)
    print(f"\n{report['machine']}")


if __name__ == "__main__":
    main()
