"""One short training with the knobs by which the default recipe was chosen; appends one JSON line per evaluation.

    python benchmarks/recipe_search.py CAMVID WEIGHTS.pth --name G_cw.5 --images 2000 --loss ce:1,jac:1 --cw .5

DATA is CamVid in the SegNet layout, or a folder with images/ and two-class masks/, of which 30 % are held out; WEIGHTS
is timm's mobilenetv2_100. What the search varied, and what the product does differently, stands here; the rest is the
product's. Constant, as no run varied it: decoder widths, weight decay .01, no clipping, flips, bfloat16, one thread.
"""

import argparse
import copy
import json
import math
import random
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import segmentation_models_pytorch as smp
import timm
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from segue.metrics.confusion import Scores, confusion, scores
from segue.train.ema import decay_at, tensors_of, update
from segue.train.float32_islands import keep_depthwise_strides_in_float32

MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
WIDTHS = (128, 96, 64, 48)  # of the decoder's blocks; the last one ends at stride 2
IGNORE = 255
Pair = tuple[Image.Image, Image.Image]
resized = partial(functional.interpolate, mode="bilinear", align_corners=False)


def read_pairs(images: Path, masks: Path, *, camvid: bool) -> list[Pair]:
    """All images with their class ids; CamVid's void, 11, becomes 255, other masks mark one class with 1 or 255."""
    pairs = []
    for path in sorted(images.iterdir()):
        mask = np.asarray(Image.open(next(masks.glob(f"{path.stem}.*"))))
        labels = np.where(mask > 10, IGNORE, mask) if camvid else mask > (0 if mask.max() <= 1 else 127)
        pairs.append((Image.open(path).convert("RGB"), Image.fromarray(labels.astype(np.uint8))))
    return pairs


def read(folder: Path) -> tuple[list[Pair], list[Pair], int]:
    """Training pairs, validation pairs, number of classes; a division made here is always the same."""
    if (folder / "trainannot").is_dir():
        train, val = (read_pairs(folder / part, folder / f"{part}annot", camvid=True) for part in ("train", "val"))
        return train, val, 11
    pairs = read_pairs(folder / "images", folder / "masks", camvid=False)
    random.Random(1234).shuffle(pairs)
    return pairs[: round(0.7 * len(pairs))], pairs[round(0.7 * len(pairs)) :], 2


def crop(pair: Pair, knobs: argparse.Namespace, generator: random.Random) -> tuple[np.ndarray, np.ndarray]:
    """A window of random area, shape and place inside the image, resized to (h, w), flipped half of the time."""
    image, mask = pair
    shape = knobs.w / knobs.h * math.exp(generator.uniform(-1, 1) * math.log(knobs.aspect))
    area = generator.uniform(knobs.lo, 1.0) * image.width * image.height
    width = min(image.width, math.sqrt(area * shape))
    height = min(image.height, width / shape)
    width = min(width, height * shape)
    left, top = generator.uniform(0, image.width - width), generator.uniform(0, image.height - height)
    box = (left, top, left + width, top + height)
    pixels = np.asarray(image.resize((knobs.w, knobs.h), Image.Resampling.BILINEAR, box=box))
    labels = np.asarray(mask.resize((knobs.w, knobs.h), Image.Resampling.NEAREST, box=box))
    return (pixels[:, ::-1], labels[:, ::-1]) if generator.random() < 0.5 else (pixels, labels)


def recolour(images: Tensor, strength: float, generator: random.Random) -> Tensor:
    """Random brightness, saturation and contrast of images (batch, height, width, 3) on the 0-1 scale."""
    draws = [[1 + generator.uniform(-strength, strength) for _ in images] for _ in range(3)]
    brightness, saturation, contrast = torch.tensor(draws).view(3, -1, 1, 1, 1)
    images = images * brightness
    grey = (images @ torch.tensor([0.299, 0.587, 0.114])).unsqueeze(-1)
    mean = grey.mean((1, 2, 3), keepdim=True)
    images = grey + (images - grey) * saturation
    return (mean + (images - mean) * contrast).clamp_(0, 1)


def to_network(images: Tensor) -> Tensor:
    """Images (batch, height, width, 3) on the 0-1 scale, normalised, channels last in memory."""
    return ((images - MEAN) / STD).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def batches(pairs: list[Pair], knobs: argparse.Namespace, generator: random.Random) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless random batches; every image comes once before any comes again."""
    order: list[int] = []
    while True:
        crops = []
        for _ in range(knobs.batch):
            if not order:
                order = list(range(len(pairs)))
                generator.shuffle(order)
            crops.append(crop(pairs[order.pop()], knobs, generator))
        images = torch.from_numpy(np.stack([pixels for pixels, _ in crops])).float() / 255
        labels = torch.from_numpy(np.stack([labels for _, labels in crops])).long()
        yield to_network(recolour(images, knobs.jit, generator) if knobs.jit else images), labels


class Unet(nn.Module):
    """A U-Net without its block at full size: class scores come at stride 2."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.encoder = timm.create_model("mobilenetv2_100", features_only=True)
        below, *skips = self.encoder.feature_info.channels()[::-1]
        self.blocks = nn.ModuleList()
        for skip, width in zip(skips, WIDTHS, strict=True):
            layers: list[nn.Module] = []
            for inputs in (below + skip, width):
                layers += [nn.Conv2d(inputs, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(True)]
            self.blocks.append(nn.Sequential(*layers))
            below = width
        self.head = nn.Conv2d(below, classes, 3, padding=1)
        for module in (*self.blocks.modules(), self.head):
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.zeros_(self.head.bias)
        nn.init.normal_(self.head.weight, std=0.01)

    def forward(self, images: Tensor) -> Tensor:
        result, *skips = self.encoder(images)[::-1]
        for block, skip in zip(self.blocks, skips, strict=True):
            result = block(torch.cat([functional.interpolate(result, skip.shape[-2:]), skip], 1))
        return self.head(result)


def build(kind: str, classes: int, weights: Path) -> tuple[nn.Module, nn.Module]:
    """The network and its encoder, which holds the pretrained weights."""
    network = Unet(classes) if kind == "unet" else smp.Unet("tu-mobilenetv2_100", encoder_weights=None, classes=classes)
    encoder = network.encoder if kind == "unet" else network.encoder.model
    missing = encoder.load_state_dict(torch.load(weights, weights_only=True), strict=False).missing_keys
    assert not missing, missing
    keep_depthwise_strides_in_float32(encoder)
    return network.to(memory_format=torch.channels_last), encoder


def optimiser(network: nn.Module, knobs: argparse.Namespace) -> torch.optim.Optimizer:
    """Encoder and decoder, weight matrices and the rest: four groups, each with its peak rate in `peak`."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        groups.setdefault((name.startswith("encoder."), parameter.ndim > 1), []).append(parameter)
    described = []
    for (is_encoder, decays), parameters in groups.items():
        peak = knobs.lr * (knobs.ratio if is_encoder else 1.0)
        decay = 0.01 if decays and knobs.opt == "adamw" else 0.0
        described.append({"params": parameters, "lr": peak, "peak": peak, "weight_decay": decay})
    return (torch.optim.AdamW if knobs.opt == "adamw" else torch.optim.Adam)(described, foreach=True)


def rate(step: int, steps: int, knobs: argparse.Namespace) -> float:
    """Share of the peak rate at a step: a linear rise, then the decay over what is left."""
    rise = max(1, round(knobs.warm * steps)) if knobs.warm else 0
    if step < rise:
        return (step + 1) / rise
    done = (step - rise) / max(1, steps - rise)
    return (1 - done) ** 0.9 if knobs.sched == "poly" else 0.5 * (1 + math.cos(math.pi * done))


def class_weights(pairs: list[Pair], classes: int, power: float) -> Tensor:
    """(1 / share of the class in the training masks) ^ power, divided by the mean."""
    counts = sum(np.bincount(np.asarray(mask).ravel(), minlength=256) for _, mask in pairs)[:classes].astype(float)
    weights = (counts.sum() / counts) ** power
    return torch.tensor(weights / weights.mean(), dtype=torch.float32)


def jaccard(logits: Tensor, labels: Tensor) -> Tensor:
    """One minus the soft intersection over union, sums over the batch, mean over the classes that occur in it."""
    known = labels != IGNORE
    shares = logits.softmax(1) * known.unsqueeze(1)
    truth = torch.zeros_like(shares).scatter_(1, (labels * known).unsqueeze(1), known.unsqueeze(1).float())
    both, predicted, true = (x.sum((0, 2, 3)) for x in (shares * truth, shares, truth))
    return (1 - (both + 1) / (predicted + true - both + 1))[true > 0].mean()


def total_loss(text: str, logits: Tensor, labels: Tensor, weights: Tensor | None) -> Tensor:
    """The loss "ce:W,jac:W", or "smpdice:1", the library's Dice loss."""
    logits = resized(logits.float(), labels.shape[-2:])
    shares = {name: float(share) for name, share in (part.split(":") for part in text.split(","))}
    if "smpdice" in shares:
        return smp.losses.DiceLoss("multiclass", from_logits=True, ignore_index=IGNORE)(logits, labels)
    entropy = functional.cross_entropy(logits, labels, weights, ignore_index=IGNORE)
    return shares["ce"] * entropy + shares["jac"] * jaccard(logits, labels)


@torch.no_grad()
def evaluate(network: nn.Module, pairs: list[Pair], size: tuple[int, int], flip: bool) -> Scores:
    """The scores of one confusion matrix, images seen at `size`, scored at the masks' own size."""
    network.eval()
    matrices = []
    for four in (pairs[start : start + 4] for start in range(0, len(pairs), 4)):
        for own in {image.size for image, _ in four}:
            alike = [pair for pair in four if pair[0].size == own]
            pixels = [np.asarray(image.resize(size[::-1], Image.Resampling.BILINEAR)) for image, _ in alike]
            images = to_network(torch.from_numpy(np.stack(pixels)).float() / 255)
            with torch.autocast("cpu", torch.bfloat16):
                logits = network(images).float()
                if flip:
                    logits = logits.softmax(1) + network(images.flip(3)).float().softmax(1).flip(3)
            predicted = resized(logits, own[::-1]).argmax(1).numpy()
            matrices.append(confusion(np.stack([np.asarray(mask) for _, mask in alike]), predicted, logits.shape[1]))
    return scores(sum(matrices))


def measure(networks: dict[str, nn.Module], pairs: list[Pair], last: bool, knobs: argparse.Namespace) -> dict:
    """mIoU and IoU per class of each network at both sizes; the raw weights and flips only after the last step."""
    sizes = {"small": (knobs.h, knobs.w), "big": (round(knobs.h * knobs.big), round(knobs.w * knobs.big))}
    main, *others = networks
    jobs = [(main, size, False) for size in sizes if size == "small" or knobs.dec != "smp" or last]
    if last:
        jobs += [(name, size, False) for name in others for size in sizes] + [(main, "big", True)]
    row = {}
    for name, size, flip in jobs:
        found = evaluate(networks[name], pairs, sizes[size], flip)
        key = f"{name}_{size}" + "_flip" * flip
        row |= {key: round(found.miou, 4), f"{key}_cls": found.class_iou.round(4).tolist()}
    return row


def run(knobs: argparse.Namespace) -> Iterator[dict]:
    """Train, and yield a row for every evaluation."""
    torch.manual_seed(knobs.seed)
    train, val, classes = read(knobs.data)
    network, encoder = build(knobs.dec, classes, knobs.weights)
    networks = {"ema": copy.deepcopy(network), "raw": network} if knobs.ema else {"raw": network}
    optim = optimiser(network, knobs)
    weights = class_weights(train, classes, knobs.cw) if knobs.cw else None
    steps = round(knobs.images / knobs.batch)
    evaluations = {round(float(share) * steps) for share in knobs.evals.split(",")}
    source = batches(train, knobs, random.Random(knobs.seed))
    seconds, losses = 0.0, []
    for step in range(steps):
        clock = time.process_time()
        moving = step >= round(knobs.head * steps)
        network.train()
        encoder.train(moving).requires_grad_(moving)
        for group in optim.param_groups:
            group["lr"] = group["peak"] * rate(step, steps, knobs)
        images, labels = next(source)
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(images)
        loss = total_loss(knobs.loss, logits, labels, weights)
        optim.zero_grad(set_to_none=True)
        loss.backward()
        optim.step()
        if knobs.ema:
            update(tensors_of(networks["ema"]), tensors_of(network), decay_at(step, steps, knobs.ema))
        losses.append(loss.item())
        seconds += time.process_time() - clock
        if step + 1 in evaluations:
            seen, late = (step + 1) * knobs.batch, losses[math.floor(0.9 * steps) + 1 :]
            row = {"step": step + 1, "steps": steps, "images": seen, "loss": round(sum(late) / max(1, len(late)), 4)}
            row |= {"train_cpu_s": round(seconds, 1), "img_per_cpu_s": round(seen / seconds, 2)}
            yield row | measure(networks, val, step + 1 == steps, knobs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("data", type=Path, help="folder of the data set")
    add("weights", type=Path, help="pretrained encoder, .pth")
    add("--name", required=True, help="of the run, written to its lines")
    add("--images", type=int, default=2400, help="training images seen; the schedule ends there")
    add("--seed", type=int, default=0, help="of everything random")
    add("--h", type=int, default=240, help="height of a training crop and of the small prediction")
    add("--w", type=int, default=320, help="their width")
    add("--big", type=float, default=1.5, help="factor on both for the big prediction")
    add("--dec", default="unet", choices=("unet", "smp"), help="the U-Net here, or the library's")
    add("--batch", type=int, default=8, help="images per step")
    add("--lr", type=float, default=2e-3, help="peak learning rate of the decoder")
    add("--ratio", type=float, default=0.3, help="the encoder's rate relative to it")
    add("--opt", default="adamw", choices=("adamw", "adam"), help="adam has no weight decay")
    add("--sched", default="poly", choices=("poly", "cosine"), help="decay of the rate; poly has exponent .9")
    add("--warm", type=float, default=0.05, help="share of the steps over which the rate rises")
    add("--head", type=float, default=0.0, help="share of the steps that train the decoder alone")
    add("--loss", default="ce:1,jac:1", help="ce:W,jac:W with weights W, or smpdice:1")
    add("--cw", type=float, default=0.0, help="power of the inverse class share that weighs cross entropy")
    add("--lo", type=float, default=0.25, help="smallest area of a crop as a share of the image's; the largest is 1")
    add("--aspect", type=float, default=1.15, help="most by which a crop is wider or narrower than h x w")
    add("--jit", type=float, default=0.3, help="strength of brightness, saturation and contrast changes")
    add("--ema", type=float, default=0.04, help="horizon of the averaged weights as a share of the steps; 0 is none")
    add("--evals", default=".5,1", help="shares of the steps after which to evaluate")
    add("--out", type=Path, default=Path("recipe_search.jsonl"), help="file to append to")
    knobs = parser.parse_args()
    torch.set_num_threads(1)
    settings = {name: value for name, value in vars(knobs).items() if not isinstance(value, Path)}
    for row in run(knobs):
        line = json.dumps({"name": knobs.name, "data": knobs.data.name, "seed": knobs.seed, **row, "knobs": settings})
        print(line, flush=True)
        with knobs.out.open("a") as file:
            file.write(line + "\n")


if __name__ == "__main__":
    main()
