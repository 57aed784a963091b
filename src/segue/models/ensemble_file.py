"""The model folder of an ensemble, made of the model folders of its members."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence
from pathlib import Path

from segue.data.geometry import Preprocessing
from segue.durable import make_folder
from segue.errors import RunError
from segue.models.artifact import (
    JSON_NAME,
    MOST_MEMBERS,
    ModelInfo,
    load_info,
    member_name,
    network_records,
    read_familiar,
    require_single,
    save_familiar,
    write_description,
)
from segue.models.tensor_file import read_checked, write_tensors


def save_ensemble(folder: Path, members: Sequence[Path], temperature: float, scores: dict[str, float]) -> ModelInfo:
    """Write a model folder that is the mean of the networks in the runs or model folders `members`.

    `temperature` and `scores` are those of the ensemble. The networks are copied, so that the folder is enough on its
    own. New images are compared with what the first member was trained on: `Ensemble.features` are seen with its eyes.
    Returns what `model.json` says.

    Raises:
        RunError: a folder holds no single network, they do not fit each other, or the folder cannot be written.
        WeightsError: the weights of one are missing or damaged.
    """
    if not 2 <= len(members) <= MOST_MEMBERS:
        raise RunError(f"{folder}: expected 2 to {MOST_MEMBERS} networks for an ensemble, got {len(members)}")
    infos = [load_info(member) for member in members]
    for info, member in zip(infos, members, strict=True):
        require_single(member, info)
        _require_like(info, infos[0], member, members[0])
    make_folder(folder)
    records = []
    for number, member in enumerate(members, 1):
        ((path, record),) = network_records(member).items()
        records.append(write_tensors(folder / member_name(number), read_checked(path, record)))
    info = dataclasses.replace(
        infos[0],
        prep=_joined([info.prep for info in infos]),
        scores=scores,
        temperature=temperature,
        familiar=None,
        members=len(members),
    )
    write_description(folder / JSON_NAME, info, {"members": records})
    known = read_familiar(members[0], infos[0])
    return save_familiar(folder, known) if known else info


def _require_like(info: ModelInfo, first: ModelInfo, member: Path, other: Path) -> None:
    """Refuse networks whose scores cannot be added."""
    same = (info.spec, info.classes, _joined([info.prep, first.prep])) == (
        first.spec,
        first.classes,
        _joined([first.prep, info.prep]),
    )
    if not same:
        raise RunError(
            f"{member}: expected a network with the encoder, decoder, classes and preprocessing of {other}, got "
            "another: train all members with one configuration"
        )


def _joined(preps: Sequence[Preprocessing]) -> Preprocessing:
    """That of the first, with what tells mosaics from images taken from the training images of all."""
    return dataclasses.replace(
        preps[0],
        largest=max(prep.largest for prep in preps),
        pixel_scale=statistics.median(prep.pixel_scale for prep in preps),
    )
