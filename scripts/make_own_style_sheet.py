"""Draw `docs/images/own-style-net.jpg`: generated pictures in generated styles, none of which was trained on.

python scripts/make_own_style_sheet.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from generated_art import style, town
from PIL import Image
from torch import Tensor

from segue.style.model_folder import load_style_model
from segue.style.network import Wanted
from segue.style.own import FOLDER
from segue.style.picture import eight_bits

SHEET = Path(__file__).resolve().parent.parent / "docs" / "images" / "own-style-net.jpg"
SIDE, GAP = 256, 6
UNSEEN = 1 << 50  # keys from here on are never trained on
CONTENTS, STYLES = (1, 7, 3), (18, 19, 23, 28, 17)  # the draws that are shown, chosen by eye such that they differ


def main() -> None:
    """One row a content, one column a style, both on the margin."""
    torch.set_grad_enabled(False)
    network, _ = load_style_model(FOLDER)
    contents = [_tensor(town(_rng(draw), SIDE)) for draw in CONTENTS]
    styles = [_tensor(style(_rng(1000 + draw), SIDE)) for draw in STYLES]
    rows = [[None, *styles]]
    for one in contents:
        painted = [network.stylise(one, network.prepared([Wanted(picture=look)])) for look in styles]
        rows.append([one, *painted])
    step = SIDE + GAP
    sheet = Image.new("RGB", (step * len(rows[0]) - GAP, step * len(rows) - GAP), (255, 255, 255))
    for top, row in enumerate(rows):
        for left, picture in enumerate(row):
            if picture is not None:
                sheet.paste(Image.fromarray(eight_bits(picture)), (left * step, top * step))
    sheet.save(SHEET, quality=78)
    print(f"{SHEET}: {SHEET.stat().st_size / 1000:.0f} kB")


def _rng(draw: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[0, UNSEEN + draw]))


def _tensor(picture: np.ndarray) -> Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1)[None].clamp(0, 1).contiguous()


if __name__ == "__main__":
    main()
