"""What an exported graph is shown: photos to calibrate 8 bits with, and others to compare and to time it on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np
import torch
from torch import Tensor

from segue.data.walk import pictures
from segue.errors import DataError
from segue.style.bank.catalogue import PAINTERS, draw
from segue.style.edge_graph import PICTURE, SHARES, STRENGTH, STYLE, EdgeGraph
from segue.style.picture import read_picture, resized, size_within

Feed = dict[str, np.ndarray]
MOST_HELD_OUT = 8
UNLIKE = (1.0, 0.5)  # strengths in turn, where they are an input


@dataclass(frozen=True, eq=False)
class Photos(Sequence[Feed]):
    """Feeds of files by their `numbers` among those that were picked, read each time one is asked for."""

    files: tuple[Path, ...]
    numbers: tuple[int, ...]
    graph: EdgeGraph
    size: int

    def __len__(self) -> int:
        return len(self.files)

    @overload
    def __getitem__(self, place: int) -> Feed: ...
    @overload
    def __getitem__(self, place: slice) -> Photos: ...
    def __getitem__(self, place: int | slice) -> Feed | Photos:
        if isinstance(place, slice):
            return Photos(self.files[place], self.numbers[place], self.graph, self.size)
        picture = _at(read_picture(self.files[place]), self.size, self.graph.smallest)
        return _feed(self.graph, picture, self.numbers[place])


def calibration(folder: Path, graph: EdgeGraph, size: int, most: int) -> tuple[Sequence[Feed], Sequence[Feed]]:
    """Feeds of the folder's photos, spread evenly over them: those to calibrate with, and those held out.

    Every fourth is held out, eight at most; of a single photo none, so it serves for both. All are read once here, so
    that one at fault is told before any work, and none stays in memory.

    Raises:
        DataError: there is no folder, no photo in it, or one that cannot be read.
    """
    found = pictures(folder)
    if not found.files:
        raise DataError(f"{folder}: expected a folder of photos to calibrate with, got none in it")
    places = np.linspace(0, len(found.files) - 1, min(most, len(found.files))).round().astype(int)
    files = [folder / found.files[place] for place in places]
    for file in files:
        read_picture(file)
    apart = range(len(files))[1::4][:MOST_HELD_OUT]
    kept, held_out = (
        Photos(tuple(files[number] for number in numbers), tuple(numbers), graph, size)
        for numbers in ([number for number in range(len(files)) if number not in apart], apart)
    )
    return kept, held_out if apart else kept


def comparison(graph: EdgeGraph, size: int, *, square: bool = False) -> list[Feed]:
    """Feeds of pictures of the bank: of two odd sizes that are not square, or of the one square that is timed."""
    sizes = [(size, size)] if square else [(size - 3, size * 3 // 4 + 1), (size // 2 + 1, size)]
    names = tuple(PAINTERS)
    drawn = [_drawn(names[2 * n], *(max(graph.smallest, side) for side in one)) for n, one in enumerate(sizes)]
    return [_feed(graph, picture, n) for n, picture in enumerate(drawn)]


def _feed(graph: EdgeGraph, picture: Tensor, number: int) -> Feed:
    """A picture, and in turn the styles and strengths that the graph is to be told."""
    feed, names = {PICTURE: picture.numpy()}, tuple(PAINTERS)
    for port in graph.inputs[1:]:
        if port.name == SHARES:
            feed[SHARES] = np.eye(int(port.shape[0]), dtype=np.float32)[number % int(port.shape[0])]
        elif port.name == STYLE:
            feed[STYLE] = _drawn(names[number % len(names)], 192, 256).numpy()
        elif port.name == STRENGTH:
            feed[STRENGTH] = np.array(UNLIKE[number % len(UNLIKE)], np.float32)
    return feed


def _at(picture: Tensor, size: int, smallest: int) -> Tensor:
    tall, wide = size_within(picture.shape[2], picture.shape[3], size)
    return resized(picture, (max(smallest, tall), max(smallest, wide)))


def _drawn(name: str, height: int, width: int) -> Tensor:
    pixels = torch.from_numpy(draw(name, height, width).copy())
    return pixels.permute(2, 0, 1)[None].float().div(255).contiguous()
