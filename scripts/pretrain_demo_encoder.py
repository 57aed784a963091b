"""Make the encoder that `segue demo` transfers: supervised segmentation of generated harbour scenes.

    python scripts/pretrain_demo_encoder.py --steps 2400

writes `src/segue/demo/encoder.safetensors` (the encoder alone, half precision) and its card `encoder.json`. Scenes are
generated as they are needed; each is used a few times, cut, flipped and recoloured differently. No image of the target
domain is ever made here.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from segue.configs import AugmentConfig
from segue.data.augment import augment
from segue.data.augment.source import Decoded
from segue.data.geometry import Preprocessing, inference_zoom, resize_image, working_size
from segue.data.normalise import normalise
from segue.demo.scene import SIZE, Scene, classes, scene
from segue.losses import parse_loss
from segue.metrics.confusion import confusion, scores
from segue.models.build import ModelSpec, SegmentationModel, build
from segue.models.encoders import encoder_statistics
from segue.train import ema
from segue.train.float32_islands import keep_depthwise_strides_in_float32
from segue.train.heap import keep_freed_memory

ENCODER = "mobilenetv2_050"
AUGMENT = AugmentConfig(scale=(0.36, 0.72), colour=0.5)  # things as large as `segue fit` shows them by default
CROP = (64, 96)  # half the pixels that `segue fit` would take: more scenes in the same time
HORIZON = 0.99  # share of the average kept at each step
HELD_OUT = 1_000_000  # scene numbers from here on are never trained on
FOLDER = Path(__file__).parents[1] / "src/segue/demo"


def main() -> None:
    """Train; score and save on the way."""
    options = _options()
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    torch.manual_seed(options.seed)
    mean, std = encoder_statistics(ENCODER)
    prep = Preprocessing(CROP, inference_zoom(AUGMENT.scale), mean, std, SIZE[0] * SIZE[1], 1.0)
    names = classes("source")
    model = build(ModelSpec(ENCODER, "unet", 3, len(names))).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    keep_depthwise_strides_in_float32(model)
    for average, steps in train(model, prep, options):
        save(average, options, steps, score(average, prep, options.seed, len(names)))


def train(
    model: SegmentationModel, prep: Preprocessing, options: argparse.Namespace
) -> Iterator[tuple[SegmentationModel, int]]:
    """Cross-entropy and Jaccard with AdamW at a constant rate; gives the averaged network and its steps now and then.

    With a constant rate and an average over the last steps, what is given after n steps is what a run of n steps ends
    with: the run can be stopped at any time.
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.lr, weight_decay=0.02, fused=True)
    average = copy.deepcopy(model).requires_grad_(False)
    loss = parse_loss("ce + jaccard")
    stream = samples(prep, options.seed, options.batch, options.uses)
    began = time.perf_counter()
    for step in range(1, options.steps + 1):
        model.train()
        images, labels = next(stream)
        optimizer.param_groups[0]["lr"] = options.lr * min(1.0, step / 50)
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(images)
        total = loss(logits.float(), labels)
        optimizer.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        ema.update(average, model, min(HORIZON, step / (step + 10)))
        if step % 50 == 0:
            print(f"step {step}, {time.perf_counter() - began:.0f} s, loss {total.item():.3f}", flush=True)
        if step % options.save_every == 0 or step == options.steps:
            yield average, step


def samples(prep: Preprocessing, seed: int, batch: int, uses: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches without end; every scene is used `uses` times, some batches apart."""
    generator = np.random.Generator(np.random.Philox(key=[seed, 0xDE40]))
    pool: list[Scene] = [scene(seed, "source", index) for index in range(8 * batch)]
    made = len(pool)
    while True:
        chosen = generator.choice(len(pool), batch, replace=False)
        crops = [augment(Decoded(pool[i].image, pool[i].mask), prep.size, AUGMENT, generator)[:2] for i in chosen]
        images = torch.stack([normalise(_disturb(image, generator), prep) for image, _ in crops])
        labels = torch.stack([torch.from_numpy(mask.astype(np.int64)) for _, mask in crops])
        yield images.contiguous(memory_format=torch.channels_last), labels
        for i in chosen[: batch // uses]:
            pool[i] = scene(seed, "source", made)
            made += 1


def _disturb(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Tint, gamma, exposure and noise: what holds for harbours in the sun alone should not be learned."""
    unit = image / 255.0
    unit = unit ** np.exp(generator.uniform(-0.6, 0.8)) * generator.uniform(0.35, 1.1)
    unit = unit * generator.uniform(0.7, 1.25, 3)
    if generator.random() < 0.15:
        unit = np.repeat(unit.mean(-1, keepdims=True), 3, axis=-1)
    unit = unit + generator.standard_normal(unit.shape) * generator.uniform(0, 0.06)
    return np.asarray(255.0 * np.clip(unit, 0, 1), np.float32)


@torch.inference_mode()
def score(model: SegmentationModel, prep: Preprocessing, seed: int, n_classes: int, images: int = 100) -> float:
    """Mean IoU on held-out source scenes."""
    model.eval()
    matrix = np.zeros((n_classes, n_classes), np.int64)
    for index in range(HELD_OUT, HELD_OUT + images):
        one = scene(seed, "source", index)
        size = working_size(*one.mask.shape, prep)
        logits = model(normalise(resize_image(one.image, size), prep)[None])
        logits = torch.nn.functional.interpolate(logits, one.mask.shape, mode="bilinear")
        matrix += confusion(one.mask, logits.argmax(1)[0].numpy(), n_classes)
    result = scores(matrix)
    print({name: round(float(iou), 3) for name, iou in zip(classes("source"), result.class_iou, strict=True)})
    return result.miou


def save(model: SegmentationModel, options: argparse.Namespace, steps: int, miou: float) -> None:
    """Write the encoder under timm's names in half precision, and its card."""
    tensors = {
        name: tensor.detach().half().contiguous() if tensor.is_floating_point() else tensor
        for name, tensor in model.encoder.net.state_dict().items()
    }
    save_file(tensors, options.out / "encoder.safetensors", metadata={"format": "pt", "licence": "Apache-2.0"})
    card = {
        "name": "segue-demo-harbour",
        "encoder": ENCODER,
        "licence": "Apache-2.0",
        "source": "trained from random weights on generated harbour scenes (segue.demo, domain source); no other data",
        "classes": list(classes("source")),
        "size": list(CROP),
        "steps": steps,
        "batch": options.batch,
        "seed": options.seed,
        "held_out_miou": round(miou, 4),
        "command": f"python scripts/pretrain_demo_encoder.py --steps {steps} --batch {options.batch} "
        f"--uses {options.uses} --lr {options.lr:g} --seed {options.seed} --threads {options.threads}",
    }
    (options.out / "encoder.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(card, indent=2))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--save-every", type=int, default=200, help="steps between two savings")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--uses", type=int, default=4, help="how often a scene is used")
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=FOLDER)
    return parser.parse_args()


if __name__ == "__main__":
    main()
