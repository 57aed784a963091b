"""Annotations that are not pixels, as pixels: polygons and run lengths drawn once into index masks, and back."""
