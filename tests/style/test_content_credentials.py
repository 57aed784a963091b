"""C2PA: what is signed is read back, what is changed is seen, what is at fault is one line, and no key gets out."""

import json
import logging
import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

import segue
from segue.cli import main
from segue.durable import sha256_of
from segue.errors import DataError
from segue.style.content_credentials import read_signer
from segue.style.credentials_found import find_credentials
from segue.style.picture import write_picture
from segue.style.record import StyleRecord, UsedStyle, read_record, write_marked
from segue.style.watermark import read
from tiny_style import picture

pytest.importorskip("c2pa")
pytest.importorskip("cryptography")

from cryptography.x509.oid import ExtendedKeyUsageOID

from certificates import write_chain

RECORD = StyleRecord(
    "style apply",
    (UsedStyle("starry", "starry.jpg", "CC0-1.0", "a" * 64), UsedStyle("munch", sha256="b" * 64)),
    "c" * 64,
    "d" * 64,
    {"strength": 0.7, "shares": [1.0, 0.333333], "sizes": ["96x128"], "tiled": False},
)


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    return write_chain(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (200, 240, 3), dtype=np.uint8)


@pytest.fixture(params=[".png", ".jpg"])
def signed(tmp_path, chain, pixels, request):
    path = tmp_path / f"painted{request.param}"
    assert write_marked(pixels, path, RECORD, signer=read_signer(*chain)) is True
    return path


def chunks(raw):
    """Of a PNG: kind and data."""
    place = 8
    while place < len(raw):
        (length,) = struct.unpack(">I", raw[place : place + 4])
        yield raw[place + 4 : place + 8], raw[place + 8 : place + 8 + length]
        place += 12 + length


def with_another_pixel(path):
    """The same PNG, its manifest and all, but for a bit of one pixel."""
    raw, found = path.read_bytes(), b"\x89PNG\r\n\x1a\n"
    pixels = bytearray(zlib.decompress(b"".join(data for kind, data in chunks(raw) if kind == b"IDAT")))
    pixels[-1] ^= 1
    for kind, data in chunks(raw):
        if kind == b"IDAT":
            if pixels is None:
                continue
            data, pixels = zlib.compress(bytes(pixels)), None
        found += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    path.write_bytes(found)


def test_what_was_signed_is_read_back(signed):
    found = find_credentials(signed)
    assert found.holds
    assert (found.signature_holds, found.picture_holds, found.broken, found.problem) == (True, True, (), "")
    assert (found.signed_by, found.issuer) == ("Test signer", "Test house")
    assert found.trusted is False, "anyone can make such a certificate"
    assert found.actions == ("c2pa.opened", "c2pa.edited")
    assert found.ingredients == (
        f"content (SHA-256 {'c' * 64})",
        f"starry (SHA-256 {'a' * 64})",
        f"munch (SHA-256 {'b' * 64})",
    )
    assert found.record == RECORD.to_json()


def test_record_watermark_and_pixels_stay_as_they_are_without_it(signed, tmp_path, pixels):
    plain = tmp_path / f"plain{signed.suffix}"
    write_marked(pixels, plain, RECORD)
    assert read_record(signed).record == RECORD
    one, other = (np.asarray(Image.open(path).convert("RGB")) for path in (signed, plain))
    assert np.array_equal(one, other)
    assert read(one).number == RECORD.number
    assert find_credentials(plain) is None


def test_the_manifest_says_that_a_trained_network_changed_a_picture(signed):
    raw = signed.read_bytes()
    assert b"compositeWithTrainedAlgorithmicMedia" in raw
    assert b"Segue" in raw


def test_a_changed_pixel_is_seen(tmp_path, chain, pixels):
    path = tmp_path / "painted.png"
    write_marked(pixels, path, RECORD, signer=read_signer(*chain))
    before = np.asarray(Image.open(path).convert("RGB")).astype(int)
    with_another_pixel(path)
    after = np.asarray(Image.open(path).convert("RGB")).astype(int)
    assert np.abs(after - before).sum() > 0
    found = find_credentials(path)
    assert found.signature_holds, "that of the manifest"
    assert not found.picture_holds
    assert not found.holds
    result = segue.style_inspect(path)
    assert any("C2PA: signed by Test signer" in line and "THE PICTURE WAS CHANGED" in line for line in result.lines())


def test_a_changed_manifest_is_seen(signed):
    raw = signed.read_bytes()
    place = raw.index(b"style apply", raw.index(b"c2pa.edited"))
    signed.write_bytes(raw[:place] + b"stylE" + raw[place + 5 :])
    found = find_credentials(signed)
    assert not found.holds
    assert found.broken or found.problem


def test_a_picture_that_was_saved_anew_has_none(signed, tmp_path):
    with Image.open(signed) as image:
        image.save(tmp_path / "again.png")
    assert find_credentials(tmp_path / "again.png") is None


@pytest.mark.parametrize("kind", ["P-384", "Ed25519", "RSA"])
def test_other_keys_sign_too(tmp_path, pixels, kind):
    write_marked(pixels, tmp_path / "a.png", RECORD, signer=read_signer(*write_chain(tmp_path, kind)))
    assert find_credentials(tmp_path / "a.png").holds


# --- what is at fault ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (
            {"days": (-20, -1)},
            r"chain\.pem: expected a certificate that is valid today, got one valid from .*: renew it",
        ),
        ({"days": (1, 20)}, r"chain\.pem: expected a certificate that is valid today"),
        ({"alone": True}, r"chain\.pem: expected a certificate that another one signed, got one that signed itself"),
        ({"purpose": ExtendedKeyUsageOID.SERVER_AUTH}, r"c2pa: expected a certificate that C2PA allows to sign, got "),
        (
            {"kind": "secp256k1"},
            r"key\.pem: expected a key on P-256, P-384 or P-521, an RSA or an Ed25519 key, got secp",
        ),
        ({"password": b"secret"}, r"key\.pem: expected a private key without a password, got an encrypted one"),
    ],
    ids=["expired", "not yet", "its own", "other purpose", "other curve", "encrypted"],
)
def test_certificates_that_cannot_sign_are_one_line(tmp_path, made, message):
    with pytest.raises(DataError, match=message) as raised:
        read_signer(*write_chain(tmp_path, **made))
    assert "\n" not in str(raised.value)


def test_files_that_are_none_or_not_there_are_one_line(tmp_path, chain):
    text = tmp_path / "text.pem"
    text.write_text("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n")
    for files, message in (
        ((tmp_path / "none.pem", chain[1]), "c2pa: expected a file, cannot read"),
        ((chain[0], tmp_path / "none.pem"), "c2pa_key: expected a file, cannot read"),
        ((text, chain[1]), "expected certificates in PEM, its own first"),
        ((chain[0], text), "expected a private key in PEM, got something else"),
        ((chain[0], write_chain(tmp_path / "other")[1]), "expected the key of the first certificate in"),
    ):
        with pytest.raises(DataError, match=message) as raised:
            read_signer(*files)
        assert "\n" not in str(raised.value)
        assert "c2VjcmV0" not in str(raised.value)


def test_a_manifest_of_another_shape_is_a_problem_in_one_line(tmp_path, chain, pixels, monkeypatch):
    import c2pa

    write_marked(pixels, tmp_path / "a.png", RECORD, signer=read_signer(*chain))
    for told in ({}, [], {"manifests": {"x": {"assertions": [7]}}, "active_manifest": "x"}):
        monkeypatch.setattr(c2pa.Reader, "json", lambda _, told=told: json.dumps(told))
        found = find_credentials(tmp_path / "a.png")
        assert "it is not as the specification has it" in found.problem
        assert not found.holds


def test_no_text_shows_the_key(chain):
    signer = read_signer(*chain)
    secret = chain[1].read_text().splitlines()[1]
    assert secret in signer.key.decode()
    assert secret not in repr(signer)


# --- from the command line -------------------------------------------------------------------------------------------


@pytest.fixture
def photo(tmp_path):
    write_picture(tmp_path / "photo.png", picture(0, 140, 160))
    write_picture(tmp_path / "style.png", picture(1, 64, 64))
    return tmp_path / "photo.png"


def apply(photo, *words):
    given = [str(photo), "--style", str(photo.parent / "style.png"), "--out", str(photo.parent / "painted.png"), *words]
    return main(["style", "apply", *given])


def test_apply_signs_and_inspect_reads(photo, chain, capsys, caplog):
    with caplog.at_level(logging.DEBUG):
        assert apply(photo, "--c2pa", str(chain[0]), "--c2pa-key", str(chain[1])) == 0
    said = capsys.readouterr()
    painted = photo.parent / "painted.png"
    assert main(["style", "inspect", str(painted), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["c2pa"]["holds"] is True
    assert found["c2pa"]["record"] == found["record"]
    assert found["c2pa"]["record_is_the_pictures"] is True
    assert found["c2pa"]["ingredients"][0] == f"content (SHA-256 {sha256_of(photo)})"
    assert found["belongs"] is True
    assert main(["style", "inspect", str(painted)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "C2PA: signed by Test signer (Test house); the signature holds; the picture is as it was signed" in lines
    assert any("on no trust list that was looked at" in line for line in lines)
    secrets = [line for line in chain[1].read_text().splitlines() if not line.startswith("-")]
    for text in (said.out, said.err, caplog.text, painted.read_bytes().decode("latin-1"), json.dumps(found)):
        assert not any(secret in text for secret in secrets)
        assert "key.pem" not in text


def test_another_record_than_the_signed_one_is_told(photo, chain, tmp_path, pixels):
    """A record that was exchanged after signing leaves the manifest's beside it, and the picture's hash broken."""
    path = tmp_path / "a.png"
    write_marked(pixels, path, RECORD, signer=read_signer(*chain))
    other = tmp_path / "b.png"
    write_marked(pixels, other, StyleRecord("style apply", (UsedStyle("klee"),)))
    (theirs,) = (data for kind, data in chunks(other.read_bytes()) if kind == b"iTXt")
    found = b"\x89PNG\r\n\x1a\n"
    for kind, data in chunks(path.read_bytes()):
        data = theirs if kind == b"iTXt" else data
        found += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    path.write_bytes(found)
    told = segue.style_inspect(path).to_json()["c2pa"]
    assert told["record"] == RECORD.to_json()
    assert told["record_is_the_pictures"] is False
    assert told["picture_holds"] is False


def test_half_of_the_pair_and_old_certificates_are_refused_before_any_work(photo, chain, tmp_path, capsys):
    expired = write_chain(tmp_path / "old", days=(-20, -1))
    for words, code, message in (
        (["--c2pa", str(chain[0])], 2, "together, got --c2pa without --c2pa-key"),
        (["--c2pa-key", str(chain[1])], 2, "together, got --c2pa-key without --c2pa"),
        (["--c2pa", str(chain[0]), "--c2pa-key", str(tmp_path / "none.pem")], 1, "c2pa_key: expected a file"),
        (["--c2pa", str(expired[0]), "--c2pa-key", str(expired[1])], 1, "expected a certificate that is valid today"),
        (["--c2pa", str(expired[0]), "--c2pa-key", str(expired[1]), "--dry-run"], 1, "valid today"),
    ):
        assert apply(photo, *words) == code
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
    assert not (photo.parent / "painted.png").exists()
    assert main(["style", "optimise", str(photo), str(photo), "--c2pa", str(chain[0])]) == 2
    assert "together, got --c2pa without --c2pa-key" in capsys.readouterr().err
    words = ["--c2pa", str(expired[0]), "--c2pa-key", str(expired[1]), "--out", str(tmp_path / "o.png"), "--dry-run"]
    assert main(["style", "optimise", str(photo), "bank:batik", *words]) == 1
    assert "valid today" in capsys.readouterr().err


def test_without_the_package_signing_is_a_pip_line_and_reading_says_what_is_missing(photo, chain, capsys, monkeypatch):
    assert apply(photo, "--c2pa", str(chain[0]), "--c2pa-key", str(chain[1])) == 0
    monkeypatch.setitem(sys.modules, "c2pa", None)
    capsys.readouterr()
    assert main(["style", "inspect", str(photo.parent / "painted.png")]) == 0
    told = capsys.readouterr().out
    assert "C2PA: there is a manifest, which was not read" in told
    assert 'pip install "segue[c2pa]"' in told
    (photo.parent / "painted.png").unlink()
    assert apply(photo, "--c2pa", str(chain[0]), "--c2pa-key", str(chain[1])) == 1
    assert 'pip install "segue[c2pa]"' in capsys.readouterr().err
    assert not (photo.parent / "painted.png").exists()
    assert apply(photo) == 0, "nothing else needs it"
