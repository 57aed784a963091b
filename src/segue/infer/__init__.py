"""A trained network on images of any size: prediction, tiling, evaluation, the files written."""
