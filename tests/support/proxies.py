"""Grid proxies of made-up people: an authority, users, proxies (RFC 3820), VO attributes (RFC 5755)."""

import functools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import PrivateFormat
from cryptography.x509.oid import NameOID

# Any rights of the user (id-ppl-inheritAll), any number of proxies below.
PROXY_CERT_INFO = x509.UnrecognizedExtension(
    x509.ObjectIdentifier("1.3.6.1.5.5.7.1.14"), bytes.fromhex("300c300a06082b06010505071501")
)
VOMS = x509.ObjectIdentifier("1.3.6.1.4.1.8005.100.100.5")
FQANS = ("/atlas/Role=NULL/Capability=NULL", "/atlas/de/Role=production/Capability=NULL")
IDENTITY = "/DC=org/DC=example/O=Physics/CN=jdoe/CN=Jane Doe"


@functools.cache
def key(name):  # by which the cache tells them apart
    """The private key of somebody: made once, as it takes long."""
    return rsa.generate_private_key(65537, 2048)


def key_pem(private, password=None, form=PrivateFormat.TraditionalOpenSSL):
    how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return private.private_bytes(serialization.Encoding.PEM, form, how)


def pkcs8_pem(private, password=None):
    return key_pem(private, password, PrivateFormat.PKCS8)


@dataclass(frozen=True)
class Owner:
    """Who can sign: a certificate, its key, and the certificates above."""

    certificate: x509.Certificate
    key: PrivateKeyTypes
    above: tuple = ()

    def pem(self, *, with_key=True):
        """Certificate, key and the certificates above, in the order of `voms-proxy-init`."""
        blocks = [each.public_bytes(serialization.Encoding.PEM) for each in (self.certificate, *self.above)]
        if with_key:
            blocks.insert(1, key_pem(self.key))
        return b"".join(blocks)


def name_of(slashes):
    """`/DC=org/CN=somebody` as X.509 has it."""
    oids = {"DC": NameOID.DOMAIN_COMPONENT, "O": NameOID.ORGANIZATION_NAME, "CN": NameOID.COMMON_NAME}
    parts = (part.split("=", 1) for part in slashes[1:].split("/"))
    return x509.Name([x509.NameAttribute(oids[kind], value) for kind, value in parts])


def _signed(issuer, issuer_key, subject, subject_key, extensions, *, begins, hours):
    """A certificate, valid from and until so many hours from now."""
    builder = x509.CertificateBuilder(
        issuer, subject, subject_key.public_key(), x509.random_serial_number(), _in(begins), _in(hours)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer_key, hashes.SHA256())


def _in(hours):
    return datetime.now(UTC).replace(microsecond=0) + timedelta(hours=hours)


def _usage(*, ca):
    no = ("content_commitment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only")
    return x509.KeyUsage(
        digital_signature=True, key_encipherment=not ca, key_cert_sign=ca, crl_sign=ca, **dict.fromkeys(no, False)
    )


@functools.cache
def authority():
    name = name_of("/DC=org/DC=example/CN=Test CA")
    extensions = [(x509.BasicConstraints(ca=True, path_length=None), True), (_usage(ca=True), True)]
    return Owner(_signed(name, key("ca"), name, key("ca"), extensions, begins=-24, hours=2400), key("ca"))


@functools.cache
def user(identity=IDENTITY, who="user"):
    ca = authority()
    extensions = [(x509.BasicConstraints(ca=False, path_length=None), True), (_usage(ca=False), True)]
    subject = name_of(identity)
    certificate = _signed(ca.certificate.subject, ca.key, subject, key(who), extensions, begins=-24, hours=1200)
    return Owner(certificate, key(who))


@functools.cache
def unknown_user():
    """A user whose certificate nobody knows the authority of."""
    name = name_of("/CN=Unknown CA")
    return Owner(_signed(name, key("ca"), name_of(IDENTITY), key("user"), [], begins=-24, hours=24), key("user"))


def renamed_proxy():
    """What the user has signed as a proxy, but under somebody else's name (against RFC 3820, 3.4)."""
    issuer = user()
    extensions = [(_usage(ca=False), True), (PROXY_CERT_INFO, True)]
    certificate = _signed(
        issuer.certificate.subject,
        issuer.key,
        name_of("/CN=somebody else"),
        key("proxy"),
        extensions,
        begins=-1,
        hours=1,
    )
    return Owner(certificate, key("proxy"), (issuer.certificate,))


@functools.cache
def server():
    """Who serves at 127.0.0.1."""
    ca = authority()
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = _signed(
        ca.certificate.subject,
        ca.key,
        name_of("/CN=127.0.0.1"),
        key("server"),
        [(address, False)],
        begins=-24,
        hours=24,
    )
    return Owner(certificate, key("server"))


def proxy(issuer=None, *, hours=12, begins=-1, cn="1234567890", info=PROXY_CERT_INFO, voms=None, private=None):
    """A proxy that somebody signs.

    Args:
        issuer: the Owner who signs, by default the user.
        hours: until it expires.
        begins: hours until it is valid.
        cn: what is added to the issuer's name.
        info: the extension that makes a proxy of RFC 3820, or None.
        voms: the value of the extension with attribute certificates, or None.
        private: its key, by default that of the other proxies.
    """
    issuer, private = issuer or user(), private or key("proxy")
    name = issuer.certificate.subject
    subject = x509.Name([*name.rdns, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)]).rdns[0]])
    extensions = [(_usage(ca=False), True)]
    if info is not None:
        extensions.append((info, True))
    if voms is not None:
        extensions.append((x509.UnrecognizedExtension(VOMS, voms), False))
    certificate = _signed(name, issuer.key, subject, private, extensions, begins=begins, hours=hours)
    return Owner(certificate, private, (issuer.certificate, *issuer.above))


# ---------------------------------------------------------------------------------------------------- VOMS attributes


def der(tag, *parts):
    """An element of DER."""
    content = b"".join(parts)
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = (length.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + length.to_bytes(size) + content


def oid(dotted):
    first, second, *rest = map(int, dotted.split("."))
    out = bytearray([40 * first + second])
    for number in rest:
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(number & 0x7F | 0x80)
        out += bytes(reversed(groups))
    return der(6, bytes(out))


def _time(hours):
    return der(0x18, f"{_in(hours):%Y%m%d%H%M%SZ}".encode())


def attribute_certificate(*, fqans=FQANS, begins=-1, hours=12, uri="atlas://voms.example.org:15000", other=()):
    """An attribute certificate as a VOMS server signs it (RFC 5755, 4.1, and OGF GFD.182).

    Args:
        fqans: groups and roles.
        begins: hours until it is valid.
        hours: until it expires.
        uri: the policy authority.
        other: attributes in front of groups and roles, in DER.
    """
    holder, server = user().certificate, voms_server()
    algorithm = der(0x30, oid("1.2.840.113549.1.1.11"), der(5))  # SHA-256 with RSA

    def directory(name):
        return der(0xA4, name.public_bytes())

    value = der(0x30, der(0xA0, der(0x86, uri.encode())), der(0x30, *(der(4, fqan.encode()) for fqan in fqans)))
    # No revocation information (RFC 5755, 4.3.6), and the key of the server (4.3.3): VOMS wants both.
    no_revocation = der(0x30, oid("2.5.29.56"), der(4, der(5)))
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(server.key.public_key()).public_bytes()
    key_identifier = der(0x30, oid("2.5.29.35"), der(4, identifier))
    certificates = der(0x30, der(0x30, server.certificate.public_bytes(serialization.Encoding.DER)))
    issuers = der(0x30, oid("1.3.6.1.4.1.8005.100.100.10"), der(4, certificates))
    serial = holder.serial_number.to_bytes(holder.serial_number.bit_length() // 8 + 1)
    info = der(
        0x30,
        der(2, b"\x01"),
        der(0x30, der(0xA0, der(0x30, directory(holder.issuer)), der(2, serial))),
        der(0xA0, der(0x30, directory(server.certificate.subject))),
        algorithm,
        der(2, b"\x2a"),
        der(0x30, _time(begins), _time(hours)),
        der(0x30, *other, der(0x30, oid("1.3.6.1.4.1.8005.100.100.4"), der(0x31, value))),
        der(0x30, no_revocation, key_identifier, issuers),
    )
    signature = server.key.sign(info, padding.PKCS1v15(), hashes.SHA256())
    return der(0x30, info, algorithm, der(3, b"\x00", signature))


@functools.cache
def voms_server():
    return user("/DC=org/DC=example/CN=voms.example.org", "voms")


def voms_extension(*certificates):
    """The value of a proxy's extension: a sequence with one sequence of attribute certificates."""
    return der(0x30, der(0x30, *certificates))


def voms_proxy(**attributes):
    """The PEM of a proxy with VO attributes, as `voms-proxy-init -voms atlas` makes it."""
    return proxy(voms=voms_extension(attribute_certificate(**attributes))).pem()
