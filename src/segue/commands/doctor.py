"""`segue doctor`: find every problem of a data set, and write a repaired copy on request."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from segue.configs import DataConfig, DoctorConfig, FitConfig
from segue.console import progress_bar
from segue.data.doctor import Diagnosis, examine
from segue.data.doctor.diagnosis import Fixed
from segue.data.doctor.fix import fix
from segue.data.formats import open_index
from segue.data.index import Index
from segue.data.split import Presence, split
from segue.durable import write_text
from segue.errors import UsageError

__all__ = ["Diagnosis", "run"]


def run(config: DoctorConfig) -> Diagnosis:
    """Examine the data, repair it where `config.fix` says so, and return the findings.

    Data without a validation part is split as `segue fit` splits it by default, so that both report the same.

    Raises `DataError` when there is no data set to look at, `UsageError` when the repaired copy would lie inside it.
    """
    if not config.paths:
        raise UsageError("expected a folder with images and masks, got none: segue doctor DATA")
    index = open_index(config.paths, config.format, config.mask_name)
    with progress_bar("examining the data") as update:
        diagnosis = examine(
            index,
            roots=config.paths,
            ignore=config.ignore,
            max_pixels=config.max_pixels,
            assign=_split_like_fit,
            update=update,
        )
    if config.fix is not None:
        diagnosis = replace(diagnosis, fixed=_repair(config, index, diagnosis))
    if config.out is not None and not config.dry_run:
        write_text(config.out, json.dumps(diagnosis.to_json(), indent=1))
    return diagnosis


def _split_like_fit(index: Index, presence: Presence, _same: Sequence[tuple[str, str]]) -> Index:
    """The split `segue fit` would make; the layout's own where it has one, or where there is too little to split."""
    labelled = [sample.split for sample in index.samples if sample.mask is not None]
    if "val" in labelled or sum(part != "test" for part in labelled) < 2:
        return index
    return split(index, DataConfig().val_fraction, FitConfig().seed, presence)


def _repair(config: DoctorConfig, index: Index, diagnosis: Diagnosis) -> Fixed:
    assert config.fix is not None
    actions = fix(index, diagnosis, config.fix, config.max_pixels, roots=config.paths, dry_run=config.dry_run)
    listed = tuple(action.to_json() for action in actions)
    if config.dry_run:
        return Fixed(config.fix, listed, None)
    copy = open_index([config.fix], index.format)
    after = examine(copy, ignore=config.ignore, max_pixels=config.max_pixels, assign=_split_like_fit)
    fixed = Fixed(config.fix, listed, after)
    write_text(config.fix / "doctor.json", json.dumps(replace(diagnosis, fixed=fixed).to_json(), indent=1))
    return fixed
