"""Every knob of the verbs of `segue style`, defined as those in `segue.configs` are: standard library only."""

from segue.style_configs.apply import StyleApplyConfig
from segue.style_configs.asked import AskedStyles
from segue.style_configs.bank import StyleBankConfig
from segue.style_configs.checks import MOST_WORDS
from segue.style_configs.choices import (
    BASELINES,
    PICTURE_ENDINGS,
    STYLE_METHODS,
    STYLE_PRESETS,
    STYLE_TRAIN_PRESETS,
    VIDEO_ENDINGS,
)
from segue.style_configs.evaluate import StyleEvaluateConfig
from segue.style_configs.export import StyleExportConfig
from segue.style_configs.inspect import StyleInspectConfig
from segue.style_configs.optimise import StyleOptimiseConfig
from segue.style_configs.train import StyleTrainConfig
from segue.style_configs.video import StyleVideoConfig

__all__ = [
    "BASELINES",
    "MOST_WORDS",
    "PICTURE_ENDINGS",
    "STYLE_METHODS",
    "STYLE_PRESETS",
    "STYLE_TRAIN_PRESETS",
    "VIDEO_ENDINGS",
    "AskedStyles",
    "StyleApplyConfig",
    "StyleBankConfig",
    "StyleEvaluateConfig",
    "StyleExportConfig",
    "StyleInspectConfig",
    "StyleOptimiseConfig",
    "StyleTrainConfig",
    "StyleVideoConfig",
]
