"""Images and masks: layouts on disk, decoding, classes, splits, the doctor."""
