"""The X.509 certificates of a proxy: which is whose, and what they say. All of it comes from a file, and may be wrong.

RFC 3820 describes proxy certificates, RFC 5280 certificates.
"""

from __future__ import annotations

from physlite.storage.proxies.pem import SecretPem
from physlite.storage.proxies.voms import VOMS_EXTENSION, Membership, read_memberships

try:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
    from cryptography.x509 import (
        Certificate,
        DuplicateExtension,
        ExtensionNotFound,
        Name,
        NameOID,
        ObjectIdentifier,
        UnrecognizedExtension,
        UnsupportedGeneralNameType,
        load_pem_x509_certificate,
    )
except ImportError as error:
    msg = "grid proxies need cryptography: pip install 'physlite[grid]'"
    raise ImportError(msg) from error

__all__ = ["grid_name", "memberships", "proxy_kind", "read_chain"]

_PROXY_CERT_INFO = ObjectIdentifier("1.3.6.1.5.5.7.1.14")  # RFC 3820, 3.8
_VOMS = ObjectIdentifier(VOMS_EXTENSION)
_NAMES = {NameOID.EMAIL_ADDRESS: "emailAddress"}  # RFC 4514 has none for it
_LEGACY_NAMES = ("proxy", "limited proxy")  # of Globus 2, older than the RFC: the last CN is all that tells them
# An RSA key of 8192 bits has less; to check a longer one would take long.
_MAX_KEY = 8192


def read_chain(pem: SecretPem) -> list[Certificate]:
    """The certificates of a proxy: its own, the one that issued it, and so on to the user's.

    Raises:
        ValueError: they are not all there or not a proxy's, or the private key is missing, encrypted, or another's.
    """
    certificates = [_certificate(block) for block in pem.blocks("CERTIFICATE")]
    keys = len(pem.blocks("PRIVATE KEY"))  # no variable holds them: a traceback can show it
    if not certificates:
        problem = (
            "is a private key without its certificate, no proxy" if keys else "has no certificate in PEM, no proxy"
        )
        raise ValueError(problem)
    leaf, *others = certificates
    if not proxy_kind(leaf):
        problem = f"is a certificate of {grid_name(leaf.subject)} itself, no proxy, and would give away too much"
        raise ValueError(problem)
    if keys != 1:
        problem = f"has {keys} private keys beside its certificate, where a proxy has one"
        raise ValueError(problem)
    _require_key_of(leaf, pem)
    return _chain(leaf, others)


def _certificate(block: bytes) -> Certificate:
    try:
        certificate = load_pem_x509_certificate(block)
        # They are decoded when they are asked for.
        _ = (certificate.subject, certificate.issuer, certificate.extensions, certificate.public_key())
    except (ValueError, TypeError, UnsupportedAlgorithm, DuplicateExtension, UnsupportedGeneralNameType):
        problem = "has a damaged certificate"
        raise ValueError(problem) from None
    return certificate


def _require_key_of(certificate: Certificate, pem: SecretPem) -> None:
    """Raises ValueError unless the private key is that of the certificate."""
    if len(pem.blocks("PRIVATE KEY")[0]) > _MAX_KEY:
        problem = f"has a private key of more than {_MAX_KEY} bytes"
        raise ValueError(problem)
    if pem.blocks("ENCRYPTED PRIVATE KEY") or b"Proc-Type: 4,ENCRYPTED" in pem.blocks("PRIVATE KEY")[0]:
        problem = "has an encrypted private key, that of a proxy is not"
        raise ValueError(problem)
    try:
        public = load_pem_private_key(pem.blocks("PRIVATE KEY")[0], None).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        problem = "has a damaged private key"
        raise ValueError(problem) from None
    ours, theirs = (
        key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for key in (public, certificate.public_key())
    )
    if ours != theirs:
        problem = "has a private key that does not belong to its certificate"
        raise ValueError(problem)


def _chain(leaf: Certificate, others: list[Certificate]) -> list[Certificate]:
    """The certificates from a proxy's own to the user's; those of authorities, which may be there too, are left out."""
    chain = [leaf]
    while proxy_kind(chain[-1]):
        issuer = next((c for c in others if c.subject == chain[-1].issuer), None)
        if issuer is None:
            problem = f"lacks the certificate of {grid_name(chain[-1].issuer)}, which issued the proxy"
            raise ValueError(problem)
        try:
            chain[-1].verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            problem = f"has a certificate that {grid_name(issuer.subject)} did not sign: it is damaged"
            raise ValueError(problem) from None
        chain.append(issuer)
    return chain


def proxy_kind(certificate: Certificate) -> str:
    """`RFC 3820` or `legacy`; empty for a certificate that is not a proxy's."""
    # Of both kinds the subject is the issuer's with a CN behind it (RFC 3820, 3.4).
    rdns = certificate.subject.rdns
    if not rdns or rdns[:-1] != certificate.issuer.rdns:
        return ""
    attributes = list(rdns[-1])
    if [attribute.oid for attribute in attributes] != [NameOID.COMMON_NAME]:
        return ""
    if _extension(certificate, _PROXY_CERT_INFO) is not None:
        return "RFC 3820"
    return "legacy" if attributes[0].value in _LEGACY_NAMES else ""


def memberships(chain: list[Certificate]) -> list[Membership]:
    """The VO attributes that the first certificate with any has; a proxy made from a proxy has them in the latter.

    Raises:
        ValueError: they are damaged.
    """
    values = (_extension(certificate, _VOMS) for certificate in chain)
    value = next((v for v in values if v is not None), None)
    if value is None:
        return []
    try:
        return read_memberships(value)
    except ValueError as error:
        problem = f"has damaged VO attributes ({error})"
        raise ValueError(problem) from None


def grid_name(name: Name) -> str:
    """A name in the form of grid tools and of OpenSSL's X509_NAME_oneline: `/DC=ch/DC=cern/CN=jdoe`."""
    return "".join(f"/{_NAMES.get(a.oid) or a.rfc4514_attribute_name}={_visible(a.value)}" for a in name)


def _visible(value: str | bytes) -> str:
    r"""With `\x1B` in place of what a terminal would not show but obey."""
    text = value if isinstance(value, str) else value.decode("latin-1")
    return "".join(c if c.isprintable() else "".join(f"\\x{byte:02X}" for byte in c.encode()) for c in text)


def _extension(certificate: Certificate, oid: ObjectIdentifier) -> bytes | None:
    """The value of an extension that cryptography has no class for."""
    try:
        value = certificate.extensions.get_extension_for_oid(oid).value
    except ExtensionNotFound:
        return None
    return value.value if isinstance(value, UnrecognizedExtension) else None
