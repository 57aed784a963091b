"""Clips painted frame by frame: read and written as a stream, with one set of statistics, and measured."""
