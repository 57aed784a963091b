"""Fetching and unpacking: from a server that breaks off, lies or forgets, and archives that mean harm."""

from __future__ import annotations

import hashlib
import io
import stat
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from segue.data.downloads import fetch as fetching
from segue.data.downloads.catalogue import CATALOGUE, data_set
from segue.data.downloads.fetch import fetch
from segue.data.downloads.unpack import unpack
from segue.errors import DataError, UsageError

CONTENT = bytes(range(256)) * 4000  # a megabyte, so that it arrives in portions
MD5 = hashlib.md5(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves CONTENT; `behaviour` says what goes wrong, `asked` records the ranges that were asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behaviour: list[str] = []
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/file.bin"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_) -> None:
        pass

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append(wanted)
        how = self.server.behaviour.pop(0) if self.server.behaviour else "whole"
        if how.isdigit():
            self.send_error(int(how))
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and how != "forgets" else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        body = CONTENT[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        if how != "no length":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if how == "breaks off" else body)


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    monkeypatch.setattr(fetching, "_WAIT", 0.0)
    monkeypatch.setattr(fetching, "_PORTION", 10_000)
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


# --- fetching --------------------------------------------------------------------------------------------------------


def test_a_file_arrives_with_progress_and_is_not_fetched_twice(server, tmp_path):
    shares = []
    path = fetch([server.url], tmp_path / "new" / "file.bin", MD5, lambda share, text: shares.append(share))
    assert path.read_bytes() == CONTENT
    assert shares == sorted(shares)
    assert len(shares) > 50
    fetch([server.url], path, MD5)
    assert (len(server.asked), [p.name for p in path.parent.iterdir()]) == (1, ["file.bin"])


def test_a_connection_that_breaks_off_is_taken_up_where_it_broke(server, tmp_path):
    server.behaviour = ["breaks off", "503", "breaks off"]
    assert fetch([server.url], tmp_path / "file.bin", MD5).read_bytes() == CONTENT
    half, most = len(CONTENT) // 2, len(CONTENT) * 3 // 4
    assert server.asked == [None, f"bytes={half}-", f"bytes={half}-", f"bytes={most}-"]


def test_an_interrupted_download_goes_on_in_the_next_run(server, tmp_path):
    def stop(share: float, text: str) -> None:
        if share > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch([server.url], tmp_path / "file.bin", MD5, stop)
    have = (tmp_path / "file.bin.part").stat().st_size
    assert 0.3 * len(CONTENT) < have < 0.4 * len(CONTENT)
    assert fetch([server.url], tmp_path / "file.bin", MD5).read_bytes() == CONTENT
    assert server.asked == [None, f"bytes={have}-"]


@pytest.mark.parametrize("part", [CONTENT[:1000], CONTENT + b"more", CONTENT])
def test_a_server_that_forgets_or_a_part_of_another_file_starts_over(server, tmp_path, part):
    (tmp_path / "file.bin.part").write_bytes(part)
    server.behaviour = ["forgets"] if len(part) < len(CONTENT) else []
    assert fetch([server.url], tmp_path / "file.bin", MD5).read_bytes() == CONTENT


def test_a_server_that_never_finishes_is_given_up_with_what_arrived_kept(server, tmp_path):
    server.behaviour = ["503"] * 9
    with pytest.raises(DataError, match=r"0 bytes arrived and then 503 .* run the same command again to go on"):
        fetch([server.url], tmp_path / "file.bin", MD5)
    assert len(server.asked) == 5
    server.behaviour = ["breaks off", *["503"] * 9]
    with pytest.raises(DataError, match=r"512,000 bytes arrived"):
        fetch([server.url], tmp_path / "file.bin", MD5)
    assert (tmp_path / "file.bin.part").stat().st_size == 512_000


def test_a_refusal_is_told_at_once_and_the_next_place_is_tried(server, tmp_path):
    server.behaviour = ["404"]
    with pytest.raises(DataError, match="expected the file, got 404"):
        fetch([server.url], tmp_path / "file.bin", MD5)
    server.behaviour = ["403"]
    assert fetch([server.url, server.url], tmp_path / "file.bin", MD5).read_bytes() == CONTENT


def test_a_place_that_cannot_be_reached_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(fetching, "_WAIT", 0.0)
    with pytest.raises(
        DataError, match=r"http://127\.0\.0\.1:9/x: expected the file, 0 bytes arrived and then"
    ) as caught:
        fetch(["http://127.0.0.1:9/x"], tmp_path / "x", MD5)
    assert "\n" not in str(caught.value)


def test_a_wrong_checksum_deletes_the_file(server, tmp_path):
    with pytest.raises(DataError, match=rf"expected the MD5 {'0' * 32}, got {MD5}: .*deleted"):
        fetch([server.url], tmp_path / "file.bin", "0" * 32)
    assert list(tmp_path.iterdir()) == []


def test_a_file_without_a_declared_length_and_one_on_disk(server, tmp_path):
    server.behaviour = ["no length"]
    assert fetch([server.url], tmp_path / "a", MD5).read_bytes() == CONTENT
    (tmp_path / "source.bin").write_bytes(CONTENT)
    assert fetch([(tmp_path / "source.bin").as_uri()], tmp_path / "b", MD5).read_bytes() == CONTENT


def test_a_disk_without_room_is_told_before_anything_is_written(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    with pytest.raises(DataError, match=r"expected room for 0\.0 GB, got 0\.0 GB free; free some space"):
        fetch([server.url], tmp_path / "file.bin", MD5)


# --- unpacking -------------------------------------------------------------------------------------------------------


def tar(path: Path, *members: tarfile.TarInfo | str, mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for member in members:
            info = tarfile.TarInfo(member) if isinstance(member, str) else member
            if isinstance(member, str):
                info.size = 5
            archive.addfile(info, io.BytesIO(b"hello") if info.isfile() else None)
    return path


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def zipped(path: Path, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tars_of_every_kind_are_unpacked(tmp_path, mode):
    archive = tar(tmp_path / "a.bin", special("d", tarfile.DIRTYPE), "d/a.txt", "./b.txt", mode=mode)
    assert unpack(archive, tmp_path / "out") == 2
    assert sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.txt")) == [
        "b.txt", "d/a.txt",
    ]  # fmt: skip
    assert (tmp_path / "out" / "d" / "a.txt").read_bytes() == b"hello"


def test_zips_are_unpacked(tmp_path):
    archive = zipped(tmp_path / "a.zip", **{"d/": b"", "d/a.txt": b"hello", "b.txt": b"x" * 100_000})
    assert unpack(archive, tmp_path / "out") == 2
    assert (tmp_path / "out" / "b.txt").stat().st_size == 100_000


HOSTILE = {
    "above": "../evil",
    "above, further in": "a/../../evil",
    "absolute": "/tmp/evil",
    "a drive": "C:evil",
    "backslashes": "..\\evil",
    "a line break": "a\nb",
    "a symbolic link": special("link", tarfile.SYMTYPE, "/etc/passwd"),
    "a link inside": special("link", tarfile.SYMTYPE, "a"),
    "a hard link": special("link", tarfile.LNKTYPE, "../../etc/passwd"),
    "a pipe": special("pipe", tarfile.FIFOTYPE),
    "a device": special("device", tarfile.CHRTYPE),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_tar_writes_nothing_of_the_kind(tmp_path, what):
    archive = tar(tmp_path / "a.tar", HOSTILE[what])
    with pytest.raises(DataError, match=r"expected plain files and folders, got a (link or special|name that leads)"):
        unpack(archive, tmp_path / "out" / "deep")
    assert {path.name for path in tmp_path.rglob("*")} <= {"a.tar", "out", "deep"}


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil"])
def test_a_hostile_zip_writes_nothing_of_the_kind(tmp_path, name):
    with pytest.raises(DataError, match="a name that leads elsewhere"):
        unpack(zipped(tmp_path / "a.zip", **{name: b"x"}), tmp_path / "out" / "deep")
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(DataError, match="a link or special file"):
        unpack(tmp_path / "b.zip", tmp_path / "out" / "deep")
    assert not any(path.is_file() for path in (tmp_path / "out").rglob("*"))


def test_an_archive_that_swells_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr("segue.data.downloads.unpack.LEAST", 1000)
    with pytest.raises(DataError, match=r"expected at most .* bytes in it, got more"):
        unpack(zipped(tmp_path / "a.zip", bomb=bytes(10_000_000)), tmp_path / "out")


@pytest.mark.parametrize("keep", [0, 0.01, 0.1, 0.5])
def test_a_damaged_archive_is_one_line(tmp_path, keep):
    for archive in (
        tar(tmp_path / "a.tgz", *[f"{n}.txt" for n in range(50)], mode="w:gz"),
        zipped(tmp_path / "a.zip", **{f"{n}.txt": bytes(50) for n in range(50)}),
    ):
        content = archive.read_bytes()
        archive.write_bytes(content[: int(keep * len(content))])
        with pytest.raises(DataError, match="expected a whole archive, cannot unpack it") as caught:
            unpack(archive, tmp_path / "out")
        assert "\n" not in str(caught.value)


# --- the catalogue ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_set_has_terms_a_page_and_a_way(name):
    one = data_set(name)
    assert bool(one.archives) != bool(one.steps)
    assert all(len(archive.md5) == 32 and set(archive.md5) <= set("0123456789abcdef") for archive in one.archives)
    assert all(url.startswith(("https://", "http://")) for archive in one.archives for url in archive.urls)
    assert one.page.startswith(("https://", "http://"))
    assert len(one.terms) > 20
    assert "{out}" in one.use


def test_checksums_agree_with_torchvisions():
    from torchvision.datasets import OxfordIIITPet
    from torchvision.datasets.voc import DATASET_YEAR_DICT

    assert CATALOGUE["voc2012"].archives[0].md5 == DATASET_YEAR_DICT["2012"]["md5"]
    theirs = dict(OxfordIIITPet._RESOURCES)
    assert {one.urls[0]: one.md5 for one in CATALOGUE["pets"].archives} == theirs


def test_an_unknown_set_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match="unknown data set 'voc2021': did you mean voc2012"):
        data_set("voc2021")
