"""The pictures of `segue style evaluate`: a few for its report, and every one that is painted here in a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segue.commands.style_work import Work
from segue.durable import make_folder
from segue.errors import DataError
from segue.report.style_page import Row
from segue.style.evaluation.judging import Pixels
from segue.style.evaluation.methods import Method
from segue.style.evaluation.naming import BETWEEN, Pair
from segue.style.evaluation.panel import Panel
from segue.style.picture import eight_bits
from segue.style.record import StyleRecord, read_record, write_marked
from segue.style.style_source import used_style
from segue.style_configs import StyleEvaluateConfig

PAINTED = "pictures"  # folder below --out for what is painted here


@dataclass(frozen=True)
class Album:
    """Pictures of a few pairs for the report; what is painted here is written, too, so that it can be judged again."""

    config: StyleEvaluateConfig
    work: Work
    shown: frozenset[Pair]
    _pictures: dict[tuple[str, Pair], Pixels] = field(default_factory=dict)

    def show(self, method: str, pair: Pair, pixels: Pixels) -> None:
        """Keep a picture for the report if its pair is among those shown."""
        if pair in self.shown:
            self._pictures[method, pair] = pixels

    def keep(self, method: Method, pair: Pair, pixels: Pixels) -> None:
        """The same, and write it with its record; without a watermark, which would change what is judged."""
        self.show(method.name, pair, pixels)
        content, style = pair
        used = used_style(self.work.styles.paths[style], "", self.work.styles.hashes[style])
        options: dict[str, Any] = {"about": method.about, "size": self.config.size, "loss_network": method.network}
        record = StyleRecord(_recorded(method), (used,), self.work.contents.hashes[content], method.sha256, options)
        write_marked(pixels, self.folder(method) / f"{BETWEEN.join(pair)}.png", record, watermark=False)

    def folder(self, method: Method) -> Path:
        """Where its pictures go."""
        return self.config.out / PAINTED / method.name

    def begin(self, method: Method) -> None:
        """Remove what an earlier run painted with a method of this name, so that its folder is of one run.

        Nothing else goes: only pictures whose record says that they were painted here, under this name.
        """
        make_folder(self.folder(method))
        for path in sorted(self.folder(method).glob(f"*{BETWEEN}*.png")):
            try:
                found = read_record(path).record
            except DataError:  # no picture, so none of ours
                continue
            if found is not None and found.method == _recorded(method):
                path.unlink()

    def rows(self, panel: Panel) -> list[Row]:
        """The grid of the report."""
        rows = []
        for content, style in sorted(self.shown):
            first = {"content": eight_bits(panel.contents[content]), "style": eight_bits(panel.styles[style])}
            others = [name for name in self.work.names if name not in ("identity", "style")]
            rest = {name: self._pictures[name, (content, style)] for name in others}
            rows.append(Row(f"{content} in the style of {style}", first | rest))
        return rows


def _recorded(method: Method) -> str:
    return f"style evaluate: {method.name}"
