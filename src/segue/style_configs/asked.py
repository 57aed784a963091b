"""What everything that paints with a trained network is asked: which network, and in which styles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from segue.configs import Checked, knob
from segue.style_configs.checks import no_words


@dataclass(frozen=True, kw_only=True)
class AskedStyles(Checked):
    """The network that paints, and its styles: names it knows, pictures, or words that find one of the bank."""

    model: Path | None = knob(
        None,
        "run of segue style train, its model folder, or a file that PyTorch's example fast_neural_style saved; our own "
        "network for any style when not given",
    )
    style: tuple[str, ...] = knob(
        (),
        "styles to paint in: pictures, bank:NAME, or names of a network that knows its styles; its only one when not "
        "given",
    )
    text: str = knob("", "words for the style instead: they find one of the bank (segue list styles)")
    style_size: int | None = knob(
        None,
        "long side in pixels at which pictures given as styles are looked at: larger gives larger strokes; twice the "
        "crops of training, 512 for our own, when not given",
        low=16,
        high=8192,
    )
    blend: tuple[float, ...] = knob((), "share of each style, as 2,1; all alike when not given", low=0)
    licences: tuple[str, ...] = knob(
        (), "licence of each style, in their order, for the records; what the model says when not given"
    )

    def wrong_styles(self) -> list[str]:
        """What does not fit together: words beside styles, shares and licences that are not as many as they."""
        wrong, styles = no_words(self.text), max(1, len(self.style))
        if self.text and self.style:
            wrong.append("text: expected --text or --style, got both")
        if self.blend and len(self.blend) != styles:
            wrong.append(f"blend: expected a share for each of {styles} styles, got {len(self.blend)}")
        if self.blend and sum(self.blend) == 0:
            wrong.append("blend: expected a share above 0, got none")
        if self.licences and len(self.licences) != styles:
            wrong.append(f"licences: expected one for each of {styles} styles, got {len(self.licences)}")
        return wrong
