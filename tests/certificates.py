"""Certificates of our own for signing, as C2PA wants them: a root, and one below it that may sign.

from certificates import write_chain
"""

from __future__ import annotations

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PEM = serialization.Encoding.PEM
USES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)
KEYS = {
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
    "RSA": lambda: rsa.generate_private_key(65537, 2048),
    "secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()),
}


def write_chain(
    folder: Path,
    kind="P-256",
    days=(-5, 5),
    purpose=ExtendedKeyUsageOID.EMAIL_PROTECTION,
    password=None,
    alone=False,
):
    """`chain.pem` and `key.pem`; the signing certificate is valid for these `days`, and signed itself if `alone`."""
    folder.mkdir(parents=True, exist_ok=True)
    root, own = KEYS["P-256"](), KEYS[kind]()
    above = _certificate("Test root", root, "Test root", root, (-50, 50), None)
    below = _certificate(
        "Test signer", own, "Test signer" if alone else "Test root", own if alone else root, days, purpose
    )
    (folder / "chain.pem").write_bytes(below.public_bytes(PEM) + above.public_bytes(PEM))
    hidden = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    (folder / "key.pem").write_bytes(own.private_bytes(PEM, serialization.PrivateFormat.PKCS8, hidden))
    return folder / "chain.pem", folder / "key.pem"


def _certificate(name, key, issuer, issuer_key, days, purpose):
    now = datetime.datetime.now(datetime.UTC)
    used = dict.fromkeys(USES, False) | dict.fromkeys(["digital_signature"] if purpose else ["key_cert_sign"], True)
    made = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days[0]))
        .not_valid_after(now + datetime.timedelta(days[1]))
        .add_extension(x509.BasicConstraints(ca=purpose is None, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**used), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if purpose:
        made = made.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    return made.sign(issuer_key, hashes.SHA256())


def _name(name):
    parts = ((NameOID.COMMON_NAME, name), (NameOID.ORGANIZATION_NAME, "Test house"))
    return x509.Name([x509.NameAttribute(kind, text) for kind, text in parts])
