"""`segue download`: a public data set, where its terms allow it; else the way to it."""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segue.configs import DownloadConfig
from segue.console import progress_bar
from segue.data.appearing import appearing
from segue.data.downloads.catalogue import CATALOGUE, DataSet, data_set
from segue.data.downloads.fetch import fetch
from segue.data.downloads.unpack import unpack
from segue.data.drawn.cache import cache_folder
from segue.errors import DataError, UsageError

_LOG = logging.getLogger("segue")


@dataclass(frozen=True)
class DownloadResult:
    """A data set in its folder; or, where its terms ask for more than a download, how to get it (`exit_code` 1)."""

    name: str
    data: DataSet
    out: Path
    files: int
    dry_run: bool = False

    @property
    def exit_code(self) -> int:
        """0 when the data is there, or would be."""
        return 0 if self.data.archives else 1

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "name": self.name,
            "about": self.data.about,
            "terms": self.data.terms,
            "page": self.data.page,
            "out": str(self.out),
            "fetched": bool(self.data.archives) and not self.dry_run,
            "archives": [archive.urls[0] for archive in self.data.archives],
            "steps": [step.format(out=self.out) for step in self.data.steps],
            "files": self.files,
            "use": self.data.use.format(out=self.out),
            "dry_run": self.dry_run,
        }

    def lines(self) -> list[str]:
        """The result for people."""
        use = f"use it: {self.data.use.format(out=self.out)}"
        if not self.data.archives:
            steps = [f"  {number}. {step.format(out=self.out)}" for number, step in enumerate(self.data.steps, 1)]
            return [f"{self.name}: {self.data.about}", f"terms: {self.data.terms}", "how to get it:", *steps, use]
        if self.dry_run:
            urls = [f"  {archive.urls[0]}" for archive in self.data.archives]
            size = f"{self.data.gigabytes:g} GB would be fetched and unpacked to {self.out}:"
            return [f"terms: {self.data.terms} ({self.data.page})", size, *urls, "dry run: nothing was fetched"]
        return [f"{self.files} files in {self.out}", use]


def run(config: DownloadConfig) -> DownloadResult:
    """Fetch the set called `config.name`, check it, and unpack it to a folder that appears whole, or not at all.

    What has arrived is kept in the cache until it is unpacked, so an interrupted download goes on where it stopped.

    Raises `UsageError` for an unknown name, `DataError` when the files cannot be had or the folder holds something.
    """
    if not config.name:
        raise UsageError(f"expected a data set, one of {', '.join(CATALOGUE)}: segue download voc2012")
    data = data_set(config.name)
    out = config.out or Path("data") / config.name
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out}: expected a new or empty folder, found files in it; choose another with --out")
    if config.dry_run or not data.archives:
        return DownloadResult(config.name, data, out, 0, config.dry_run)
    _LOG.info("%s: %s, %g GB", config.name, data.about, data.gigabytes)
    _LOG.info("terms: %s (%s)", data.terms, data.page)
    kept = cache_folder() / "downloads" / config.name
    with progress_bar("downloading") as update:
        archives = [fetch(one.urls, kept / one.name, one.md5, update) for one in data.archives]
    with progress_bar("unpacking") as update, appearing(out, "choose another with --out") as folder:
        files = sum(unpack(archive, folder, update) for archive in archives)
    if not config.keep:
        shutil.rmtree(kept, ignore_errors=True)
    return DownloadResult(config.name, data, out, files)
