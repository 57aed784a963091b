"""The doctor: every problem of a data set, found before training, with its file, its value and its remedy.

`examine` is the way in. The checks are plain functions, one family a file: `tree` (folders and names), `content` and
`files` (bytes), `images`, `masks`, `pairs`, `values` and `classes` (labels over the whole set), `leakage`. `codes` is
the table of all findings, `fix` writes a repaired copy.
"""

from segue.data.doctor.diagnosis import Diagnosis
from segue.data.doctor.examine import examine

__all__ = ["Diagnosis", "examine"]
