"""The usual segmentation_models_pytorch loop on CamVid, as its notebooks write it: what `segue fit` is put beside.

U-Net on the same MobileNetV2 weights, Adam 2e-4 with cosine decay, Dice loss, fp32, random crop of 0.5-1 of the image
resized to 240x320, horizontal flip. The data are decoded once and kept in memory, and the network runs channels-last:
both in the loop's favour. Scored as `segue fit` is: one confusion matrix over all validation images, logits resized to
the masks' own size, void ignored; once with the image at the training size and once near its own, because the loop
leaves the choice open.

    python benchmarks/smp_loop.py CAMVID WEIGHTS.pth --images 9000 --out smp.jsonl
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import segmentation_models_pytorch as smp
import torch
from PIL import Image
from torch import Tensor, nn

CLASSES, VOID, SIZE = 11, 11, (240, 320)
MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
Pair = tuple[Image.Image, Image.Image]


def read(root: Path, part: str) -> list[Pair]:
    """All (image, mask) pairs of one part, decoded."""
    pairs = []
    for path in sorted((root / part).iterdir()):
        mask = root / f"{part}annot" / f"{path.stem}.png"
        with Image.open(path) as image, Image.open(mask) as labels:
            pairs.append((image.convert("RGB"), labels.copy()))
    return pairs


def augmented(pair: Pair, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A random crop of 0.5-1 of the image, resized to the training size, flipped half of the time."""
    image, mask = pair
    share = generator.uniform(0.5, 1.0)
    width, height = image.width * share, image.height * share
    left, top = generator.uniform(0, image.width - width), generator.uniform(0, image.height - height)
    box = (left, top, left + width, top + height)
    pixels = np.asarray(image.resize(SIZE[::-1], Image.Resampling.BILINEAR, box))
    labels = np.asarray(mask.resize(SIZE[::-1], Image.Resampling.NEAREST, box))
    return (pixels[:, ::-1], labels[:, ::-1]) if generator.random() < 0.5 else (pixels, labels)


def tensor(pixels: list[np.ndarray], layout: torch.memory_format = torch.channels_last) -> Tensor:
    """Normalised images."""
    images = (torch.from_numpy(np.stack(pixels)).float() / 255 - MEAN) / STD
    return images.permute(0, 3, 1, 2).contiguous(memory_format=layout)


def targets(masks: list[np.ndarray]) -> Tensor:
    """Class ids, void as 255."""
    labels = torch.from_numpy(np.stack(masks)).long()
    return labels.masked_fill(labels == VOID, 255)


@torch.inference_mode()
def miou(model: nn.Module, pairs: list[Pair], size: tuple[int, int]) -> float:
    """Mean IoU over all pairs, the image seen at `size`, scored at the mask's own size."""
    model.eval()
    matrix = np.zeros((CLASSES, CLASSES), dtype=np.int64)
    for image, mask in pairs:
        labels = np.asarray(mask)
        logits = model(tensor([np.asarray(image.resize(size[::-1], Image.Resampling.BILINEAR))]))
        full = nn.functional.interpolate(logits, labels.shape, mode="bilinear", align_corners=False)
        predicted, known = full.argmax(1)[0].numpy(), labels != VOID
        fused = labels[known].astype(np.int64) * CLASSES + predicted[known]
        matrix += np.bincount(fused, minlength=CLASSES**2).reshape(CLASSES, CLASSES)
    hits = matrix.diagonal()
    return float((hits / (matrix.sum(0) + matrix.sum(1) - hits)).mean())


def main() -> None:
    """Train, score at every tenth of the way, append one JSON line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("camvid", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--images", type=int, default=9000)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("smp.jsonl"))
    given = parser.parse_args()
    torch.manual_seed(given.seed)
    generator = np.random.default_rng(given.seed)
    train, val = read(given.camvid, "train"), read(given.camvid, "val")
    model = smp.Unet("tu-mobilenetv2_100", encoder_weights=None, classes=CLASSES).to(memory_format=torch.channels_last)
    state = torch.load(given.weights, map_location="cpu", weights_only=True)
    missing = model.encoder.model.load_state_dict(state, strict=False).missing_keys
    assert not missing, missing
    steps = given.images // given.batch
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    dice = smp.losses.DiceLoss("multiclass", from_logits=True, ignore_index=255)
    order: list[int] = []
    seconds = cpu_seconds = 0.0
    for step in range(1, steps + 1):
        clock, cpu_clock = time.perf_counter(), time.process_time()
        model.train()
        while len(order) < given.batch:
            order += generator.permutation(len(train)).tolist()
        pixels, masks = zip(*(augmented(train[order.pop(0)], generator) for _ in range(given.batch)), strict=True)
        loss = dice(model(tensor(list(pixels))), targets(list(masks)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        seconds += time.perf_counter() - clock
        cpu_seconds += time.process_time() - cpu_clock
        if step * 10 // steps > (step - 1) * 10 // steps:
            row = {
                "images": step * given.batch,
                "train_seconds": round(seconds, 1),
                "train_cpu_seconds": round(cpu_seconds, 1),
                "loss": round(loss.item(), 4),
                "miou_240x320": round(miou(model, val, SIZE), 4),
                "miou_352x480": round(miou(model, val, (352, 480)), 4),
            }
            print(json.dumps(row), flush=True)
            with given.out.open("a") as file:
                file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
