"""Scores: pure functions on counts."""
