"""The network for any style that ships with Segue, trained by us: `docs/explanation/own-style-net.md` is its card."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent  # `segue.style.model_folder.load_style_model` reads it
