"""Train the small network for any style that comes with Segue, on pictures that nobody owns.

    python scripts/train_style_net.py --judge-weights squeezenet1_1.pth --steps 3600 --work work/ --out model/

needs a file of ImageNet weights of the judge (torchvision's SqueezeNet 1.1 or VGG16), nothing else: contents and styles
are generated (`generated_art.py`), and a few photographs come from packages that are installed with Segue and its
development tools (docs/explanation/own-style-net.md names them and their licences). The judge compares pictures while
training; none of its weights is in the result. Stopped and started again, it goes on where it was.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from generated_art import content, style
from PIL import Image
from torch import Tensor

from segue.durable import write_durably
from segue.objectives.style.adain import ArbitraryRecipe, adain_objective
from segue.objectives.style.batch import StyleBatch
from segue.style.adain_network import AdainNetwork
from segue.style.autoencoder import Shape
from segue.style.loss_network import LossNetwork, load_loss_network
from segue.style.model_folder import save_style_model
from segue.train.heap import keep_freed_memory

SIDE = 160  # pixels of a picture in the pool
CROP = 128
TAPS = {
    "squeezenet1_1": (("fire5",), ("relu1", "fire3", "fire5", "fire7")),
    "vgg16": (("relu3_1",), ("relu1_2", "relu2_2", "relu3_1")),
}
PHOTOGRAPHS = {"matplotlib": ("mpl-data/sample_data/grace_hopper.jpg",),
               "skimage": ("data/astronaut.png", "data/chelsea.png", "data/coffee.png", "data/rocket.jpg")}  # fmt: skip
PHOTO_SHARE = 0.3  # of the contents
AVERAGED = 0.998  # of the moving average of the weights that each step leaves


def main() -> None:
    """Make the pool, train, and write the model folder on the way."""
    options = _options()
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    torch.manual_seed(options.seed)
    contents, styles = pool(options)
    judge, _ = load_loss_network(options.judge, _taps(options.judge), options.judge_weights)
    judge.prepared(torch.device("cpu"), options.precision)
    network = AdainNetwork(Shape(blocks=options.blocks, widths=tuple(options.widths)))
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    print(f"{sum(p.numel() for p in network.parameters()):,} parameters", flush=True)
    train(network, judge, contents, styles, options)


def pool(options: argparse.Namespace) -> tuple[Tensor, Tensor]:
    """The contents and the styles, (number, 3, side, side) bytes; made once and kept in the work folder."""
    path = options.work / f"pool-{options.seed}-{options.pictures}.npz"
    if not path.is_file():
        options.work.mkdir(parents=True, exist_ok=True)
        began, made = time.perf_counter(), {}
        photos = photographs()
        for number, (name, one) in enumerate((("contents", content), ("styles", style))):
            rngs = (
                np.random.Generator(np.random.Philox(key=[options.seed, 2 * i + number]))
                for i in range(options.pictures)
            )
            made[name] = np.stack([
                _bytes(photograph(rng, photos) if name == "contents" and rng.random() < PHOTO_SHARE else one(rng, SIDE))
                for rng in rngs
            ])  # fmt: skip
            print(f"{options.pictures} {name}, {time.perf_counter() - began:.0f} s", flush=True)
        with path.open("wb") as file:
            np.savez(file, **made)
    kept = np.load(path)
    return tuple(torch.from_numpy(kept[name]).permute(0, 3, 1, 2) for name in ("contents", "styles"))  # type: ignore[return-value]


def _bytes(picture: np.ndarray) -> np.ndarray:
    return (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)


def photographs() -> list[Image.Image]:
    """The photographs of installed packages; those whose package is absent are left out, and the log says so."""
    found = []
    for package, names in PHOTOGRAPHS.items():
        where = importlib.util.find_spec(package)
        if where is None or where.origin is None:
            print(f"{package} is not installed: its photographs are left out", flush=True)
            continue
        found += [Image.open(Path(where.origin).parent / name).convert("RGB") for name in names]
    return found


def photograph(rng: np.random.Generator, photos: list[Image.Image]) -> np.ndarray:
    """A square of one of them, enlarged or reduced, relit, its hue turned a little."""
    photo = photos[int(rng.integers(len(photos)))]
    side = int(min(photo.size) * rng.uniform(0.3, 1.0))
    left, top = (int(rng.integers(length - side + 1)) for length in photo.size)
    cut = photo.crop((left, top, left + side, top + side)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    values = np.asarray(cut, np.float32) / 255
    return np.asarray(values ** np.exp(rng.uniform(-0.4, 0.4)) * rng.uniform(0.85, 1.1, 3), np.float32)


def train(
    network: AdainNetwork, judge: LossNetwork, contents: Tensor, styles: Tensor, options: argparse.Namespace
) -> None:
    """Adam, and a moving average of the weights as the result."""
    objective = adain_objective(judge, _recipe(options))
    optimizer = torch.optim.Adam(network.parameters(), options.lr, betas=(0.9, 0.99))
    average = AdainNetwork(Shape(blocks=options.blocks, widths=tuple(options.widths)))
    average.load_state_dict(network.state_dict())
    step, spent, history = resume(network, average, optimizer, options)
    began, saved, logged = time.perf_counter() - spent, spent, time.perf_counter()
    for batch in batches(contents, styles, options, step):
        optimizer.param_groups[0]["lr"] = options.lr * rate(step, options.steps)
        with torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bf16"):
            terms = objective(network, batch)
        optimizer.zero_grad(set_to_none=True)
        torch.stack(list(terms.values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        step += 1
        blend(average, network, min(AVERAGED, step / (step + 10)))
        spent = time.perf_counter() - began
        if step % 50 == 0:
            now = time.perf_counter()
            values = ", ".join(f"{name} {value.item():.3f}" for name, value in terms.items())
            print(
                f"step {step}, {spent:.0f} s, {50 * options.batch / (now - logged):.1f} images/s: {values}", flush=True
            )
            logged = now
        if spent - saved > 60 * options.save_every:
            save(network, average, optimizer, (step, spent, history), options)
            saved = spent
    save(network, average, optimizer, (step, spent, history), options)


def rate(step: int, steps: int) -> float:
    """The learning rate as a share of its greatest: a short rise, a plateau, and down over the last third."""
    return min(1.0, (step + 1) / 100, max(0.02, 3 * (1 - step / steps)))


def _recipe(options: argparse.Namespace) -> ArbitraryRecipe:
    content_taps, style_taps = TAPS[options.judge]
    return ArbitraryRecipe(
        content_taps, style_taps, style="both", content_weight=options.content_weight,
        style_weight=options.style_weight, identity_weight=options.identity_weight, tv_weight=options.tv_weight,
        identity=1 / 6,
    )  # fmt: skip


def _taps(judge: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tap for taps in TAPS[judge] for tap in taps))


def batches(contents: Tensor, styles: Tensor, options: argparse.Namespace, first: int) -> Iterator[StyleBatch]:
    """Crops, mirrored or turned by chance, from step `first` on; each depends on the seed and its step alone."""
    for step in range(first, options.steps):
        rng = np.random.Generator(np.random.Philox(key=[options.seed, (1 << 40) | step]))
        drawn = (
            _crops(rng, from_, options.batch, turned=number == 1) for number, from_ in enumerate((contents, styles))
        )
        yield StyleBatch(*drawn)


def _crops(rng: np.random.Generator, pictures: Tensor, count: int, *, turned: bool) -> Tensor:
    found = []
    for number in rng.integers(len(pictures), size=count):
        top, left = rng.integers(SIDE - CROP + 1, size=2)
        cut = pictures[number][:, top : top + CROP, left : left + CROP]
        cut = cut.flip(2) if rng.random() < 0.5 else cut
        found.append(torch.rot90(cut, int(rng.integers(4)), (1, 2)) if turned else cut)
    return (torch.stack(found).float() / 255).contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def blend(average: AdainNetwork, network: AdainNetwork, kept: float) -> None:
    """Move the average a little towards the network."""
    for mean, value in zip(average.parameters(), network.parameters(), strict=True):
        mean.lerp_(value, 1 - kept)


def save(network: AdainNetwork, average: AdainNetwork, optimizer: torch.optim.Optimizer,
         position: tuple[int, float, list[Any]], options: argparse.Namespace) -> None:  # fmt: skip
    """The state to go on from, and the model folder."""
    step, spent, history = position
    state = {"network": network.state_dict(), "average": average.state_dict(), "optimizer": optimizer.state_dict(),
             "step": step, "spent": spent, "history": history}  # fmt: skip
    write_durably(options.work / "state.pt", lambda path: torch.save(state, path))
    words = [f"--{name.replace('_', '-')} {value}" for name, value in _given(options).items()]
    trained = {
        "name": "segue-brush", "licence": "Apache-2.0", "data": "generated pictures and five photographs; see the card",
        "judge": f"{options.judge}, ImageNet weights of torchvision", "loss_network": options.judge,
        "steps": step, "minutes": round(spent / 60, 1),
        "command": " ".join(["python scripts/train_style_net.py", *words]), "changed_on_the_way": history,
    }  # fmt: skip
    save_style_model(options.out, average, trained=trained)
    print(json.dumps({"step": step, "minutes": round(spent / 60, 1)}), flush=True)


def _given(options: argparse.Namespace) -> dict[str, str]:
    """What a run is repeated with; where its files lie is nobody's business."""
    given = {name: value for name, value in vars(options).items() if name not in ("work", "out", "judge_weights")}
    return {name: " ".join(map(str, one)) if isinstance(one, list) else str(one) for name, one in given.items()}


def resume(network: AdainNetwork, average: AdainNetwork, optimizer: torch.optim.Optimizer,
           options: argparse.Namespace) -> tuple[int, float, list[Any]]:  # fmt: skip
    """Steps done, seconds spent, and the options from which step on, with everything else put back."""
    path, given = options.work / "state.pt", _given(options)
    if not path.is_file():
        return 0, 0.0, [[0, given]]
    state = torch.load(path, weights_only=True)
    network.load_state_dict(state["network"])
    average.load_state_dict(state["average"])
    optimizer.load_state_dict(state["optimizer"])
    history = state["history"]
    before = {name: value for _, options in history for name, value in options.items()}
    if changed := {name: value for name, value in given.items() if before[name] != value}:
        history = [*history, [int(state["step"]), changed]]
    return int(state["step"]), float(state["spent"]), history


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judge", choices=tuple(TAPS), default="squeezenet1_1")
    parser.add_argument("--judge-weights", required=True, help="file of its ImageNet weights, in torchvision's layout")
    parser.add_argument("--steps", type=int, default=3600)
    parser.add_argument("--pictures", type=int, default=500, help="contents, and as many styles")
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--widths", type=int, nargs="+", default=[32, 64, 112], help="channels at strides 2, 4, 8")
    parser.add_argument("--blocks", type=int, default=3)
    parser.add_argument("--content-weight", type=float, default=1.0)
    parser.add_argument("--style-weight", type=float, default=6.0)
    parser.add_argument("--identity-weight", type=float, default=4.0)
    parser.add_argument("--tv-weight", type=float, default=0.0)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="bf16")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--save-every", type=float, default=2, help="minutes between two savings")
    parser.add_argument("--work", type=Path, required=True, help="folder for the pool and the state to go on from")
    parser.add_argument("--out", type=Path, required=True, help="model folder that is written")
    return parser.parse_args()


if __name__ == "__main__":
    main()
