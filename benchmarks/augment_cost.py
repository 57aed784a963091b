"""What each augmentation costs: milliseconds per crop of 240x320 from an image of 480x640, on one thread.

Every crop is normalised, as the loader does it. The first line is a crop without any augmentation but scale and flip,
the others what one augmentation adds to it, in full strength (probability 1); then the presets as they are. Decoding is
left out: the images are in memory, as they are in training as far as they fit, and so are styles. Rounds of all
variants alternate, and the fastest round of each counts.

    OMP_NUM_THREADS=1 python benchmarks/augment_cost.py
"""

import argparse
import time

import numpy as np
import torch

from segue.configs import AugmentConfig
from segue.data.augment import AUGMENTATIONS, augment
from segue.data.augment.pool import Pool
from segue.data.augment.rare import RareClasses
from segue.data.augment.source import Decoded
from segue.data.augment.style import Styles, style_of_sample
from segue.data.geometry import Preprocessing
from segue.data.keyed import sample_generator
from segue.data.normalise import normalise
from segue.demo.scene import scene
from segue.presets import PRESETS
from segue.style.own_painter import OwnPainter

IMAGE, CROP, SAMPLES = (480, 640), (240, 320), 8
PREP = Preprocessing(CROP, 1.4, (0.5,) * 3, (0.25,) * 3, largest=480 * 640, pixel_scale=1.0)
OFF = {name: 0.0 for name in AUGMENTATIONS if name not in ("scale", "flip")}
MOST = {"rotate": 180.0, "grid": 0.9, "hue": 0.5}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=12, help="how often each variant is timed")
    parser.add_argument("--crops", type=int, default=24, help="crops in one round")
    given = parser.parse_args()
    torch.set_num_threads(1)
    scenes = [scene(0, "target", index, IMAGE) for index in range(SAMPLES)]
    samples = [Decoded(one.image, one.mask) for one in scenes]
    painter = OwnPainter()
    styles = Styles(lambda index: style_of_sample(samples[index], CROP, painter), SAMPLES)
    counts = np.array([np.bincount(labels.ravel(), minlength=256) for _, labels in samples])
    pool = Pool(lambda index: samples[index], len(samples), RareClasses(counts).draw, styles, painter)
    variants = {"scale, flip": AugmentConfig(**OFF), "default": AugmentConfig()}
    variants |= {name: AugmentConfig(**{**OFF, name: MOST.get(name, 1.0)}) for name in OFF}
    variants |= {f"preset {name}": AugmentConfig(preset=name) for name in PRESETS}
    best = dict.fromkeys(variants, float("inf"))
    for turn in range(given.rounds):
        for name, config in variants.items():
            best[name] = min(best[name], milliseconds(samples, pool, config, turn, given.crops))
    plain = best["scale, flip"]
    for name, value in best.items():
        whole = name not in OFF
        print(f"{name:16} {value:6.2f} ms" if whole else f"{name:16} {value - plain:+6.2f} ms", flush=True)


def milliseconds(samples: list, pool: Pool, config: AugmentConfig, turn: int, crops: int) -> float:
    """CPU time of one crop, the mean of a round."""
    began = time.process_time()
    for index in range(crops):
        generator = sample_generator(0, turn, index)
        chosen, focus = index % len(samples), None
        if config.rare_crops and generator.random() < config.rare_crops:
            focus, chosen = pool.rare(generator)
        normalise(augment(samples[chosen], CROP, config, generator, pool, focus).image, PREP)
    return 1000 * (time.process_time() - began) / crops


if __name__ == "__main__":
    main()
