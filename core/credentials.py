"""What an API key looks like in a header."""

import base64
import binascii


def tokens_in(authorization: str) -> list[str]:
    """Return what may be an API key in the value of an Authorization header.

    A Bearer or a Token is one; of HTTP Basic, the user name and the password both may be.
    """
    scheme, _, credentials = authorization.strip().partition(" ")
    credentials = credentials.strip()
    if scheme.lower() in ("bearer", "token") and credentials:
        return [credentials]
    if scheme.lower() != "basic":
        return []
    try:
        decoded = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return []
    return [part for part in decoded.split(":", 1) if part]
