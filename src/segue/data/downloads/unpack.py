"""Unpacking a stranger's archive: plain files and folders below one folder, nothing else.

A name that leads out, a link, a pipe, a device, or far more content than the archive's size explains is refused before
it is written.
"""

from __future__ import annotations

import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from segue.data.parallel import Update, silent
from segue.errors import DataError

MOST_TIMES = 50  # the size of the archive; JSON shrinks to a fifth, masks to a fiftieth at most
LEAST = 2**30  # bytes an archive may hold whatever its size
# what Python's readers raise on damage; a TypeError comes from a gzip header that ends early
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, TypeError)

Read = Callable[[int], bytes]  # at most so many of the bytes that follow


def unpack(archive: Path, folder: Path, update: Update = silent) -> int:
    """Write the files of a tar (plain, gzip, bzip2, xz) or zip below `folder`; returns how many there were.

    Raises:
        DataError: it is no such archive, damaged, or holds what a data set never does; `folder` may then hold a part.
    """
    budget = max(LEAST, MOST_TIMES * archive.stat().st_size)
    total, count = 0, 0
    try:
        for name, size, read in _entries(archive):
            total += size
            if total > budget:
                raise DataError(f"{archive}: expected at most {budget:,} bytes in it, got more; not unpacked")
            _write(folder / _safe(name, archive), read, size, archive)
            count += 1
            update(min(1.0, total / budget), f"{archive.name}: {count} files")
    except (OSError, *_BROKEN) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the disk, not of the archive
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise DataError(f"{archive}: expected a whole archive, cannot unpack it ({reason}); fetch it again") from None
    return count


def _entries(archive: Path) -> Iterator[tuple[str, int, Read]]:
    """Name, size and content of each file."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            for info in packed.infolist():
                kind = stat.S_IFMT(info.external_attr >> 16)
                if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                    raise _refused(archive, info.filename, "a link or special file")
                if not info.is_dir():
                    with packed.open(info) as source:
                        yield info.filename, info.file_size, source.read
        return
    with tarfile.open(archive, "r:*") as tar:
        for member in tar:
            if not (member.isfile() or member.isdir()):
                raise _refused(archive, member.name, "a link or special file")
            content = tar.extractfile(member) if member.isfile() else None
            if content is not None:
                yield member.name, member.size, content.read


def _safe(name: str, archive: Path) -> Path:
    """The name as a path below the folder."""
    path = PurePosixPath(name)
    strange = any(character in name for character in "\\:\0") or any(ord(character) < 32 for character in name)
    if path.is_absolute() or ".." in path.parts or strange or not path.parts:
        raise _refused(archive, name, "a name that leads elsewhere")
    return Path(*path.parts)


def _write(path: Path, read: Read, size: int, archive: Path) -> None:
    """Copy the content, and no more of it than was declared."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as target:
        left = size
        while left and (portion := read(min(left, 2**20))):
            target.write(portion)
            left -= len(portion)
    if left or read(1):
        raise DataError(f"{archive}: expected {size:,} bytes of {path.name}, got another number; fetch it again")


def _refused(archive: Path, name: str, what: str) -> DataError:
    return DataError(f"{archive}: expected plain files and folders, got {what} ({name[:80]!r}); not unpacked")
