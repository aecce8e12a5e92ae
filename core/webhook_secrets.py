"""The secrets that webhooks are signed with, by the convention of standardwebhooks.com.

No secret is kept. It is derived from the server's pepper, the webhook's id and a seed, so a copy of
the database alone signs nothing; a fresh seed makes another secret.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from standardwebhooks import Webhook

_PREFIX = "whsec_"


def derive_secret(pepper: bytes, webhook_id: str, seed: str) -> str:
    """Return the secret that belongs to a seed, as receivers are given it."""
    raw = hmac.new(pepper, f"webhook{webhook_id}{seed}".encode(), hashlib.sha256).digest()
    return _PREFIX + base64.b64encode(raw).decode()


def signed_headers(
    secrets: Sequence[str], message_id: str, moment: datetime, body: bytes
) -> dict[str, str]:
    """Return the headers that prove a message, which is sent at a moment in UTC.

    With several secrets there are as many signatures: a receiver accepts any that it knows.
    """
    text = body.decode()
    signatures = [Webhook(secret).sign(message_id, moment, text) for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
