"""Fetching a large file: continued where it stopped, checked before anybody sees it.

What has arrived lies in `NAME.part`; it takes its name `NAME` once its checksum is right.
"""

from __future__ import annotations

import hashlib
import http.client
import logging
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from segue import __version__
from segue.data.parallel import Update, silent
from segue.errors import DataError

_LOG = logging.getLogger("segue")
_PORTION = 2**20
_ATTEMPTS = 5  # in a row without a byte
_TIMEOUT = 30.0  # seconds without an answer
_WAIT = 2.0  # seconds before the second attempt, doubled each time

# what a broken connection shows as
_BROKEN = (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError)


def fetch(urls: Sequence[str], path: Path, md5: str, update: Update = silent) -> Path:
    """Download a file to `path`, unless it is there already with the right checksum.

    Args:
        urls: places the same file lies at; the next is tried when one refuses.
        path: where it goes; its folder is made.
        md5: its checksum, in hexadecimal.
        update: told the share that has arrived.

    Raises:
        DataError: it cannot be had, the disk is full, or it is not the file that was expected (which is deleted).
    """
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _from_any(urls, part, update)
            part.replace(path)
        update(1.0, f"checking {path.name}")
        found = _md5(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror or error}); free space and run it again") from None
    if found != md5:
        path.unlink()
        raise DataError(
            f"{path.name}: expected the MD5 {md5}, got {found}: the file was damaged on the way or replaced at its "
            "source, and is deleted; run the same command again"
        )
    return path


def _from_any(urls: Sequence[str], part: Path, update: Update) -> None:
    for place, url in enumerate(urls):
        try:
            _arrive(url, part, update)
            return
        except DataError as error:
            if place == len(urls) - 1:
                raise
            _LOG.info("%s; trying %s", error, urls[place + 1])


def _arrive(url: str, part: Path, update: Update) -> None:
    """Fetch until all has arrived; a connection that breaks is taken up where it broke."""
    attempt = 0
    while True:
        before = _size(part)
        try:
            if _go_on(url, part, update):
                return
            reason = "the connection ended early"
        except urllib.error.HTTPError as error:
            if error.code < 500:
                text = f"{url}: expected the file, got {error.code} {error.reason}; see the set's page"
                raise DataError(text) from None
            reason = f"{error.code} {error.reason}"
        except _BROKEN as error:
            reason = str(getattr(error, "reason", error)) or type(error).__name__
        attempt = 1 if _size(part) > before else attempt + 1
        if attempt >= _ATTEMPTS:
            raise DataError(
                f"{url}: expected the file, {_size(part):,} bytes arrived and then {reason}; run the same command "
                "again to go on from there"
            )
        _LOG.info("%s: %s; going on", url, reason)
        time.sleep(_WAIT * 2 ** (attempt - 1))


def _go_on(url: str, part: Path, update: Update) -> bool:
    """Fetch the rest of the file; returns whether all of it is there."""
    have = _size(part)
    headers = {"User-Agent": f"segue/{__version__}"}
    if have:
        headers["Range"] = f"bytes={have}-"
    request = urllib.request.Request(url, headers=headers)
    try:
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # there is nothing beyond what we have, or what we have is of another file
            part.unlink()
            return False
        raise
    with answer:
        continued = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        have = have if continued else 0
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length is not None and length.isdigit() else None
        _need_room(part, total, have)
        with part.open("ab" if continued else "wb") as file:
            while portion := answer.read(_PORTION):
                file.write(portion)
                have += len(portion)
                shown = f"{part.stem}: {have / 1e6:,.0f} MB" + (f" of {total / 1e6:,.0f}" if total else "")
                update(have / total if total else 0.0, shown)
    return total is None or have == total


def _need_room(part: Path, total: int | None, have: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if total is not None and total - have > free:
        raise DataError(
            f"{part.parent}: expected room for {(total - have) / 1e9:.1f} GB, got {free / 1e9:.1f} GB free; free some "
            "space, or set SEGUE_CACHE to another disk"
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)  # what the sources state; it tells damage, not malice
    with path.open("rb") as file:
        while portion := file.read(_PORTION):
            digest.update(portion)
    return digest.hexdigest()
