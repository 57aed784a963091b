"""C2PA content credentials: a signed manifest in the picture that says how it was made (https://spec.c2pa.org, 2.x).

It lies beside our own record and watermark and takes nothing from them. Signing and reading are those of the official
library (`pip install "segue[c2pa]"`, MIT or Apache-2.0). Nothing is fetched: no time stamp is asked for, so a signature
can be trusted as long as its certificate is valid and no longer.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PIL import Image

from segue import __version__
from segue.errors import DataError
from segue.extras import require

EXTRA = "c2pa"
RECORD = "org.segue.style-record"  # label of the assertion that holds our record
# what IPTC calls a picture that software changed with the help of a trained network
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
MIME = {"PNG": "image/png", "JPEG": "image/jpeg"}
OFFLINE: dict[str, Any] = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": False},
    "builder": {"thumbnail": {"enabled": False}},
}
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


@dataclass(frozen=True)
class Signer:
    """A certificate `chain` in PEM, its own certificate first, and the `key` of it, which no text of ours shows."""

    chain: bytes = field(repr=False)
    key: bytes = field(repr=False)
    algorithm: str

    def signed(self, picture: bytes, kind: str, title: str, record: dict[str, Any]) -> bytes:
        """The file with a manifest: opened, then painted with what the record names, signed now.

        Args:
            picture: a whole PNG or JPEG file.
            kind: "PNG" or "JPEG".
            title: what the picture is called.
            record: `StyleRecord.to_json()`.

        Raises:
            DataError: the certificate is none that C2PA allows.
        """
        c2pa = require("c2pa", EXTRA)
        manifest = json.dumps(_manifest(kind, title, record))
        signed = io.BytesIO()
        try:
            information = c2pa.C2paSignerInfo(self.algorithm, self.chain, self.key, None)
            context = c2pa.Context(c2pa.Settings.from_dict(OFFLINE))
            with c2pa.Signer.from_info(information) as signer, c2pa.Builder(manifest, context=context) as builder:
                builder.sign(signer, MIME[kind], io.BytesIO(picture), signed)
        except c2pa.C2paError as error:
            raise DataError(f"c2pa: expected a certificate that C2PA allows to sign, got {_plain(error)}") from None
        return signed.getvalue()


def read_signer(chain: Path, key: Path) -> Signer:
    """Read the certificates and the key, and sign a small picture, so that what is at fault is told before any work.

    Raises:
        MissingPackageError: the library is not installed.
        DataError: a file cannot be read, the certificate is not valid today, signed itself or is none that C2PA allows,
            or the key is encrypted or that of another certificate.
    """
    require("c2pa", EXTRA)
    x509 = require("cryptography.x509", EXTRA)
    serialization = require("cryptography.hazmat.primitives.serialization", EXTRA)
    try:
        certificates = x509.load_pem_x509_certificates(_read(chain, "c2pa"))
    except ValueError:
        raise DataError(f"{chain}: expected certificates in PEM, its own first, got something else") from None
    try:
        private = serialization.load_pem_private_key(_read(key, "c2pa_key"), None)
    except TypeError:
        raise DataError(f"{key}: expected a private key without a password, got an encrypted one") from None
    except ValueError:  # whose text might show a part of what was read
        raise DataError(f"{key}: expected a private key in PEM, got something else") from None
    own, now = certificates[0], datetime.now(UTC)
    begins, ends = own.not_valid_before_utc, own.not_valid_after_utc
    if not begins <= now <= ends:
        got = f"one valid from {begins.date()} to {ends.date()}"
        raise DataError(f"{chain}: expected a certificate that is valid today, got {got}: renew it")
    if own.issuer == own.subject:  # the library signs with it, and no verifier would take it
        raise DataError(f"{chain}: expected a certificate that another one signed, got one that signed itself")
    if own.public_key() != private.public_key():
        raise DataError(f"{key}: expected the key of the first certificate in {chain}, got another one's")
    plain = serialization.NoEncryption()
    pem = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    whole = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)
    signer = Signer(whole, pem, _algorithm(private, key))
    small = io.BytesIO()
    Image.new("RGB", (8, 8)).save(small, "PNG")
    signer.signed(small.getvalue(), "PNG", "trial", {})
    return signer


def _manifest(kind: str, title: str, record: dict[str, Any]) -> dict[str, Any]:
    agent = {"name": "Segue", "version": __version__}
    content = _ingredient("content", "parentOf", str(record.get("content_sha256", "")), "content")
    styles = [
        _ingredient(str(style["name"]), "inputTo", str(style["sha256"]), f"style-{number}")
        for number, style in enumerate(record.get("styles", []), 1)
    ]
    opened = {"action": "c2pa.opened", "parameters": {"ingredientIds": [content["instance_id"]]}}
    edited = {
        "action": "c2pa.edited",
        "softwareAgent": agent,
        "digitalSourceType": SOURCE_TYPE,
        "description": str(record.get("method", "")),
        "parameters": {"ingredientIds": [style["instance_id"] for style in styles]},
    }
    return {
        "claim_generator_info": [agent],
        "title": title,
        "format": MIME[kind],
        "ingredients": [content, *styles],
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [opened, edited]}},
            # as text: on their way through the library numbers may come out otherwise
            {"label": RECORD, "data": {"json": json.dumps(record, sort_keys=True)}},
        ],
    }


def _ingredient(title: str, relationship: str, sha256: str, label: str) -> dict[str, Any]:
    about = {"description": f"SHA-256 {sha256}"} if sha256 else {}
    return {"title": title, "relationship": relationship, "instance_id": label, **about}


def _algorithm(private: Any, path: Path) -> str:  # noqa: ANN401 - a key of the optional package
    kind = type(private).__name__
    if "RSA" in kind:
        return "ps256"
    if "Ed25519" in kind:
        return "ed25519"
    curve = getattr(getattr(private, "curve", None), "name", kind)
    if curve not in _CURVES:
        raise DataError(f"{path}: expected a key on P-256, P-384 or P-521, an RSA or an Ed25519 key, got {curve}")
    return _CURVES[curve]


def _read(path: Path, option: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{option}: expected a file, cannot read {path} ({error.strerror}): check the path") from None


def _plain(error: Exception) -> str:
    return " ".join(str(error).split())
