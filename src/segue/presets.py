"""Sets of augmentation values for kinds of images: what `--augment.preset` stands for.

A preset names the values that differ from the defaults of `segue.configs.AugmentConfig`. The standard library only:
`segue.configs` is built on it.
"""

from __future__ import annotations

from typing import Any

MEANINGS = {
    "driving": "street scenes from a moving camera: strong changes of scale and light, never upside down",
    "medical": "tissue, organs, cells: bends and turns, brightness and noise; colours keep their hue",
    "aerial": "seen from above: every direction is as good as any other",
    "defects": "small faults on uniform parts: crops around them, and faults pasted onto good parts",
    "natural": "photographs of anything: the defaults, with some change of hue, sharpness and surroundings",
}

PRESETS: dict[str, dict[str, Any]] = {
    "driving": {
        "scale": (0.25, 1.0),
        "rare_crops": 0.25,
        "colour": 0.4,
        "hue": 0.03,
        "blur": 0.1,
        "noise": 0.1,
        "jpeg": 0.1,
    },
    "medical": {
        "rare_crops": 0.33,
        "flip_vertical": 0.5,
        "rotate": 20.0,
        "elastic": 0.5,
        "colour": 0.2,
        "blur": 0.15,
        "noise": 0.15,
    },
    "aerial": {
        "rare_crops": 0.2,
        "flip_vertical": 0.5,
        "quarter_turn": 0.75,
        "cutmix": 0.2,
        "hue": 0.02,
        "blur": 0.1,
    },
    "defects": {
        "rare_crops": 0.5,
        "flip_vertical": 0.5,
        "copy_paste": 0.5,
        "colour": 0.2,
        "noise": 0.1,
    },
    "natural": {
        "cutmix": 0.2,
        "hue": 0.05,
        "blur": 0.1,
        "noise": 0.1,
        "jpeg": 0.1,
    },
}
