"""Searches for a private key in all forms in which it could turn up."""

from cryptography.hazmat.primitives.serialization import load_pem_private_key


def leaks_of(pem):
    """Parts of a key, each enough to know it by: lines of PEM, and numbers of it in bytes and in decimal."""
    text = pem[pem.index(b"-----BEGIN RSA PRIVATE KEY") :]
    text = text[: text.index(b"-----END RSA")]
    numbers = load_pem_private_key(pem, None).private_numbers()
    secret = (numbers.d, numbers.p, numbers.q)
    return (
        *text.splitlines()[1:],
        *(number.to_bytes((number.bit_length() + 7) // 8)[:24] for number in secret),
        *(str(number)[:24].encode() for number in secret),
    )


def has_key(content, leaks):
    """Whether bytes or a text have any of these parts."""
    content = content.encode() if isinstance(content, str) else content
    return any(leak in content for leak in leaks)
