"""What of a pretrained network stays, and how fast the rest moves."""
