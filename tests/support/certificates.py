"""Certificates of an authority that nobody trusts but these tests: of a server, and of a user."""

import datetime as dt
import ipaddress
import subprocess
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from support.servers.process import program


class Certificates(NamedTuple):
    """Files in PEM."""

    ca: Path
    server: Path
    server_key: Path
    user: Path  # with its key


def make_certificates(folder):
    """A new authority, a certificate for 127.0.0.1 and one for a user."""
    folder.mkdir(exist_ok=True)
    ca_key, ca = _certificate("Test CA", None, None, authority=True)
    server_key, server = _certificate("127.0.0.1", ca, ca_key)
    user_key, user = _certificate("A User", ca, ca_key)
    out = Certificates(*(folder / name for name in ("ca.pem", "server.pem", "server.key", "user.pem")))
    out.ca.write_bytes(_pem(ca))
    out.server.write_bytes(_pem(server))
    out.server_key.write_bytes(_key_pem(server_key))
    out.user.write_bytes(_pem(user) + _key_pem(user_key))
    out.user.chmod(0o600)
    return out


def hashed_authorities(folder, certificates):
    """A folder with the authority's certificate under the name that OpenSSL looks for, as in /etc/grid-security."""
    command = [program("openssl", "the package openssl"), "x509", "-hash", "-noout", "-in", str(certificates.ca)]
    name = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    folder.mkdir()
    (folder / f"{name}.0").write_bytes(certificates.ca.read_bytes())
    return folder


def _certificate(name, issuer, issuer_key, *, authority=False):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if authority:
        usage = {"digital_signature": True, "key_cert_sign": True, "crl_sign": True}
        others = ["content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only",
                  "decipher_only"]  # fmt: skip
        builder = builder.add_extension(x509.KeyUsage(**usage, **dict.fromkeys(others, False)), critical=True)
    else:
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        its_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
        builder = builder.add_extension(its_key, critical=False)
    return key, builder.sign(issuer_key or key, hashes.SHA256())


def _pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
