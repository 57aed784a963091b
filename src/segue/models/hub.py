"""Fetch an encoder's pretrained weights by name from the Hugging Face hub, or from its cache on this machine."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segue.durable import sha256_of
from segue.errors import WeightsError
from segue.models.encoders import pretrained_config
from segue.models.licences import hub_licence
from segue.models.source import Source

log = logging.getLogger("segue")
FILES = ("model.safetensors", "pytorch_model.bin")  # in order of preference
WAYS_OUT = "give a file with --model.weights FILE, or start without pretrained weights with --transfer.mode scratch"


def fetch(name: str, ways_out: str = WAYS_OUT) -> tuple[Path, Source]:
    """The weights file of an encoder's name (with or without tag, without `@N`), downloaded unless it is in the cache.

    Raises `WeightsError`, which ends with `ways_out`, when the hub has none or cannot be reached.
    """
    source = published_source(name, ways_out)
    config = pretrained_config(name)
    written = config.get("hf_hub_filename")
    path = _first_of((written,) if written else FILES, source.name, _repository(config)[1], ways_out)
    return path, dataclasses.replace(source, sha256=sha256_of(path))


def cached(name: str) -> Path | None:
    """The weights file of an encoder's name where it was downloaded before; asks nobody."""
    config = pretrained_config(name)
    repository, revision = _repository(config)
    written = config.get("hf_hub_filename")
    return _in_cache((written,) if written else FILES, repository, revision) if repository else None


def fetch_file(repository: str, file: str, revision: str | None = None) -> Path | None:
    """One file of a repository, from the cache or downloaded; None when the repository has no file of that name.

    Raises `WeightsError` when there is no such repository or the hub cannot be reached.
    """
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    cached = try_to_load_from_cache(repository, file, revision=revision)
    if cached is not None:  # a path, or a mark that the file was asked for before and is not there
        return Path(cached) if isinstance(cached, str) else None
    try:
        return Path(download(repository, file, revision))
    except LocalEntryNotFoundError as error:  # the hub was not reached; a kind of EntryNotFoundError all the same
        raise _unreachable(repository, error) from error
    except EntryNotFoundError:
        return None
    except (OSError, ValueError, RuntimeError) as error:
        raise _unreachable(repository, error) from error


def published_source(name: str, ways_out: str = WAYS_OUT) -> Source:
    """Where `fetch` would find the weights of a name, and their licence; raises `WeightsError` when there are none."""
    config = pretrained_config(name)
    repository, _ = _repository(config)
    if not repository:
        raise WeightsError(
            f"expected an encoder with pretrained weights, got {name}, which has none on the hub: {ways_out}"
        )
    return Source(name=repository, licence=hub_licence(config), url=f"https://huggingface.co/{repository}")


def _repository(config: Mapping[str, Any]) -> tuple[str, str | None]:
    """Repository and revision, of which timm writes `repository@revision`."""
    repository, _, revision = (config.get("hf_hub_id") or "").partition("@")
    return repository, revision or None


def _first_of(files: tuple[str, ...], repository: str, revision: str | None, ways_out: str) -> Path:
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    cached = _in_cache(files, repository, revision)
    if cached is not None:
        return cached
    for file in files:
        try:
            return Path(download(repository, file, revision))
        except LocalEntryNotFoundError as error:  # the hub was not reached; a kind of EntryNotFoundError all the same
            raise _unreachable(repository, error, ways_out) from error
        except EntryNotFoundError as error:
            log.debug("%s has no %s: %s", repository, file, error)
        except (OSError, ValueError, RuntimeError) as error:
            raise _unreachable(repository, error, ways_out) from error
    raise WeightsError(f"{repository}: expected {' or '.join(files)} on the hub, found none of them: {ways_out}")


def _in_cache(files: tuple[str, ...], repository: str, revision: str | None) -> Path | None:
    """A file that was downloaded before: no network, and no wait for one that is down."""
    from huggingface_hub import try_to_load_from_cache

    paths = (try_to_load_from_cache(repository, file, revision=revision) for file in files)
    return next((Path(path) for path in paths if isinstance(path, str)), None)


def download(repository: str, file: str, revision: str | None) -> str:
    """The hub's own download: the one place that touches the network."""
    from huggingface_hub import hf_hub_download

    return str(hf_hub_download(repository, file, revision=revision))


def _unreachable(repository: str, error: Exception, ways_out: str = WAYS_OUT) -> WeightsError:
    first_line = str(error).strip().partition("\n")[0]
    return WeightsError(f"cannot download {repository} ({type(error).__name__}: {first_line[:150]}): {ways_out}")
