"""Draw `docs/images/style-bank.jpg`: every style of the bank with its name.

python scripts/make_style_sheet.py
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

from segue.style.bank.catalogue import PAINTERS, draw

SHEET = Path(__file__).resolve().parent.parent / "docs" / "images" / "style-bank.jpg"
DRAWN, SHOWN = 512, 224  # pixels a side: drawn larger and averaged down, as a reader would see them from afar
COLUMNS, GAP, TITLE = 4, 8, 16
QUALITY = 78


def main() -> None:
    """Draw the sheet."""
    rows = -(-len(PAINTERS.names()) // COLUMNS)
    width, height = SHOWN + GAP, SHOWN + TITLE + GAP
    sheet = Image.new("RGB", (COLUMNS * width + GAP, rows * height + GAP), "white")
    pen = ImageDraw.Draw(sheet)
    for number, name in enumerate(PAINTERS):
        left, top = GAP + number % COLUMNS * width, GAP + number // COLUMNS * height
        pen.text((left, top), name, fill="black")
        tile = Image.fromarray(draw(name, DRAWN, DRAWN)).resize((SHOWN, SHOWN), Image.Resampling.LANCZOS)
        sheet.paste(tile, (left, top + TITLE))
    sheet.save(SHEET, "JPEG", quality=QUALITY, optimize=True)


if __name__ == "__main__":
    main()
