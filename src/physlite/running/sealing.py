"""Messages that only one process can read: encrypted for a key that it has made for them alone.

X25519 (RFC 7748) with a new key for each message on either side, HKDF with SHA-256 (RFC 5869), ChaCha20-Poly1305 (RFC
8439). Who listens, or keeps what passes by, learns nothing, now or later. Who can change what passes by, and put a key
of his own in place, is not kept out: that is what TLS between the processes is for.
"""

from __future__ import annotations

from physlite.exceptions import CredentialError

try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF
except ImportError as error:
    msg = "bringing a proxy to workers needs cryptography, here and there: pip install 'physlite[grid]'"
    raise ImportError(msg) from error

__all__ = ["Mailbox", "seal"]

_KEY_BYTES = 32  # of X25519's public keys, and of ChaCha20-Poly1305's
_NONCE = bytes(12)  # each key encrypts one message
_PURPOSE = b"physlite sealed message 1"


class Mailbox:
    """Takes one message, encrypted for its key: `public`, 32 bytes."""

    def __init__(self) -> None:
        self._private = X25519PrivateKey.generate()
        self.public = self._private.public_key().public_bytes_raw()

    def unseal(self, message: bytes) -> bytes:
        """The content of a message.

        Raises:
            CredentialError: it is for another key, or was changed on its way.
        """
        sender, encrypted = message[:_KEY_BYTES], message[_KEY_BYTES:]
        try:
            shared = self._private.exchange(X25519PublicKey.from_public_bytes(sender))
            return _cipher(shared, sender, self.public).decrypt(_NONCE, encrypted, None)
        except (InvalidTag, ValueError):
            msg = "a sealed message is not for this process, or was changed on its way: ship the proxy again"
            raise CredentialError(msg) from None


def seal(content: bytes, public: bytes) -> bytes:
    """A message with that content for the mailbox with that key: a public key, and what is encrypted."""
    private = X25519PrivateKey.generate()
    sender = private.public_key().public_bytes_raw()
    shared = private.exchange(X25519PublicKey.from_public_bytes(public))
    return sender + _cipher(shared, sender, public).encrypt(_NONCE, content, None)


def _cipher(shared: bytes, sender: bytes, receiver: bytes) -> ChaCha20Poly1305:
    # Both public keys belong into the derivation (RFC 7748, 6.1).
    derivation = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=_PURPOSE + sender + receiver)
    return ChaCha20Poly1305(derivation.derive(shared))
