"""Style transfer, and what travels with a stylised picture: its record and its watermark."""
