"""How well features of a pretrained network suit labelled pixels, without training it: one score, one file.

Every row is `score(features, labels) -> float`, larger is better. Scores compare networks on the same pixels only. The
ridge probe stands beside them: it is for people, and needs to know which image a pixel is from.
"""

from segue.table import Table

SCORES = Table("transferability score", __name__, logme="logme:logme", gbc="gbc:gbc", hscore="hscore:hscore")
