"""Messages that only one process can read."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from physlite.exceptions import CredentialError
from physlite.running.sealing import Mailbox, seal


def test_a_sealed_message_is_for_one_mailbox():
    mailbox = Mailbox()
    message = seal(b"secret", mailbox.public)
    assert mailbox.unseal(message) == b"secret"
    assert b"secret" not in message
    assert seal(b"secret", mailbox.public) != message
    with pytest.raises(CredentialError, match="not for this process"):
        Mailbox().unseal(message)


@example(position=31, bit=7, cut=False)  # X25519 passes over that bit of a public key (RFC 7748, 5)
@given(position=st.integers(0, 100), bit=st.integers(0, 7), cut=st.booleans())
def test_a_changed_message_is_refused(position, bit, cut):
    mailbox = Mailbox()
    message = seal(b"something secret of a certain length", mailbox.public)
    position %= len(message)
    changed = bytearray(message[:position] if cut else message)
    if not cut:
        changed[position] ^= 1 << bit
    with pytest.raises(CredentialError, match="changed on its way"):
        mailbox.unseal(bytes(changed))
