"""The C2PA manifest in a picture: who signed it, and whether signature and picture still belong together."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segue.errors import MissingPackageError
from segue.extras import require
from segue.style.content_credentials import EXTRA, MIME, OFFLINE, RECORD

_BEGINS = {b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG"}
_BOX = {"PNG": b"caBX", "JPEG": b"jumb"}  # what a manifest lies in


@dataclass(frozen=True)
class Credentials:
    """What a manifest says, and what of it holds; the `problem` of one that cannot be read, in one line.

    `signature_holds` says that the manifest is as it was signed, `picture_holds` that the file is, manifest aside.
    `trusted` is whether the certificate leads to one the library trusts; Segue gives it no list, so it is not.
    `broken` are the codes of the specification for everything else that does not hold. `record` is our own, as the
    signer stated it.
    """

    signed_by: str = ""
    issuer: str = ""
    signature_holds: bool = False
    picture_holds: bool = False
    trusted: bool = False
    broken: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    ingredients: tuple[str, ...] = ()
    record: dict[str, Any] | None = None
    problem: str = ""

    @property
    def holds(self) -> bool:
        """Whether nothing was changed since it was signed; whom to believe is another question."""
        return self.signature_holds and self.picture_holds and not self.broken and not self.problem


def find_credentials(path: Path) -> Credentials | None:
    """The manifest of a PNG or JPEG; None where there is none. Nothing is fetched."""
    raw = path.read_bytes()
    kind = next((kind for start, kind in _BEGINS.items() if raw.startswith(start)), None)
    if kind is None or _BOX[kind] not in raw or b"c2pa" not in raw:
        return None
    try:
        c2pa = require("c2pa", EXTRA)
    except MissingPackageError as error:
        return Credentials(problem=f"there is a manifest, which was not read: {error}")
    try:
        context = c2pa.Context(c2pa.Settings.from_dict(OFFLINE))
        with c2pa.Reader(MIME[kind], io.BytesIO(raw), context=context) as reader:
            found = json.loads(reader.json())
    except (c2pa.C2paError, ValueError) as error:
        text = " ".join(str(error).split())
        return None if text.startswith("ManifestNotFound") else Credentials(problem=f"it cannot be read ({text})")
    try:
        return _told(found)
    except (KeyError, TypeError, AttributeError) as error:  # a stranger's manifest, of another shape than any of ours
        return Credentials(problem=f"it is not as the specification has it ({type(error).__name__}: {error})")


def _told(found: dict[str, Any]) -> Credentials:
    manifest = found["manifests"][found["active_manifest"]]
    results = found.get("validation_results", {}).get("activeManifest", {})
    right, wrong = ({str(one["code"]) for one in results.get(kind, [])} for kind in ("success", "failure"))
    data = {one["label"]: one["data"] for one in manifest.get("assertions", [])}
    actions = data.get("c2pa.actions.v2", data.get("c2pa.actions", {})).get("actions", [])
    signature = manifest.get("signature_info", {})
    aside = {"signingCredential.untrusted", "assertion.dataHash.mismatch"}
    return Credentials(
        signed_by=str(signature.get("common_name", "")),
        issuer=str(signature.get("issuer", "")),
        signature_holds="claimSignature.validated" in right and not any("claimSignature" in code for code in wrong),
        picture_holds="assertion.dataHash.match" in right and "assertion.dataHash.mismatch" not in wrong,
        trusted="signingCredential.trusted" in right,
        broken=tuple(sorted(code for code in wrong - aside if "claimSignature" not in code)),
        actions=tuple(str(one.get("action", "")) for one in actions),
        ingredients=tuple(_ingredient(one) for one in manifest.get("ingredients", [])),
        record=_record(data.get(RECORD)),
    )


def _record(assertion: Any) -> dict[str, Any] | None:  # noqa: ANN401 - what a stranger's manifest holds
    """Our record; None where there is none that can be read."""
    text = assertion.get("json") if isinstance(assertion, dict) else None
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _ingredient(one: dict[str, Any]) -> str:
    about = one.get("description")
    return f"{one.get('title', '')} ({about})" if about else str(one.get("title", ""))
