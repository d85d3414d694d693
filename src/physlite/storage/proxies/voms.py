"""What a VOMS server says about a user: attribute certificates (RFC 5755) in an extension of a proxy.

The object identifiers are those of the VOMS attribute certificate format (OGF GFD.182).
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from physlite.storage.proxies.der import OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET, Element, read_der

__all__ = ["VOMS_EXTENSION", "Membership", "read_memberships"]

VOMS_EXTENSION = "1.3.6.1.4.1.8005.100.100.5"

_FQANS = bytes.fromhex("2b06010401be45646404")  # 1.3.6.1.4.1.8005.100.100.4 in DER
# Places in AttributeCertificateInfo (RFC 5755, 4.1): version, holder, issuer, signature, serial number, validity, …
_VALIDITY = 5
_ATTRIBUTES = 6
_POLICY_AUTHORITY = 0xA0  # [0] of IetfAttrSyntax (RFC 5755, 4.4)
_URI = 0x86  # [6] of GeneralName (RFC 5280, 4.2.1.6)


class Membership(NamedTuple):
    """An attribute certificate: a virtual organisation, groups and roles in it, and from when to when."""

    vo: str
    fqans: tuple[str, ...]
    not_before: datetime
    not_after: datetime


def read_memberships(extension: bytes) -> list[Membership]:
    """The attribute certificates in the value of a proxy's extension, in their order.

    Their signatures are not verified: that is the servers' business, which know the VOMS servers that they trust.

    Raises:
        ValueError: the bytes are something else.
    """
    # A sequence of sequences, of which VOMS fills one.
    lists = read_der(extension).require(SEQUENCE).children()
    return [_membership(certificate) for each in lists for certificate in each.require(SEQUENCE).children()]


def _membership(certificate: Element) -> Membership:
    info = certificate.require(SEQUENCE).child(0, SEQUENCE)
    validity = info.child(_VALIDITY, SEQUENCE).children()
    not_before, not_after = (element.time() for element in validity)
    for attribute in info.child(_ATTRIBUTES, SEQUENCE).children():
        if attribute.require(SEQUENCE).child(0, OBJECT_IDENTIFIER).content == _FQANS:
            value = attribute.child(1, SET).child(0, SEQUENCE)
            return Membership(_vo(value), _fqans(value), not_before, not_after)
    msg = "an attribute certificate without groups and roles"
    raise ValueError(msg)


def _vo(value: Element) -> str:
    """The name in front of `://` in the policy authority, as `atlas://voms-atlas-auth.cern.ch:443`."""
    uri = value.child(0, _POLICY_AUTHORITY).child(0, _URI).text()
    name, separator, _ = uri.partition("://")
    if not separator:
        msg = f"a policy authority without a VO ({uri[:50]!r})"
        raise ValueError(msg)
    return name


def _fqans(value: Element) -> tuple[str, ...]:
    return tuple(element.require(OCTET_STRING).text() for element in value.child(1, SEQUENCE).children())
