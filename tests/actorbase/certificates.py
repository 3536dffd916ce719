"""Self-made certificates: an authority, and a host's certificate by it."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from owactors.actorbase.tls import AUTHORITY, CERTIFICATE, PRIVATE_KEY


def make(folder: Path) -> dict[str, str]:
    """The capabilities of a host with a certificate of a fresh authority."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("authority", "host")]
    now = datetime.datetime.now(datetime.UTC)
    files = {AUTHORITY: folder / "authority.pem", CERTIFICATE: folder / "host.pem", PRIVATE_KEY: folder / "host.key"}
    for number, (name, kind) in enumerate(zip(names, (AUTHORITY, CERTIFICATE), strict=True)):
        builder = (
            x509.CertificateBuilder().subject_name(name).issuer_name(names[0]).public_key(keys[number].public_key())
        )
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(days=1))
        builder = builder.not_valid_after(now + datetime.timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(ca=not number, path_length=None), critical=True)
        files[kind].write_bytes(builder.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    with open(os.open(files[PRIVATE_KEY], os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        plain = serialization.NoEncryption()
        file.write(keys[1].private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return {name: str(path) for name, path in files.items()}
