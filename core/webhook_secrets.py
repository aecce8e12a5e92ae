"""The secrets that sign webhook messages, as standardwebhooks.com specifies.

Secrets are not stored. A secret is derived from the server's pepper, the webhook's id and a seed,
so a copy of the database alone cannot sign messages. A new seed gives a new secret.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from standardwebhooks import Webhook

_PREFIX = "whsec_"


def derive_secret(pepper: bytes, webhook_id: str, seed: str) -> str:
    """Return the secret of a webhook and a seed in the form that receivers configure."""
    raw = hmac.new(pepper, f"webhook{webhook_id}{seed}".encode(), hashlib.sha256).digest()
    return _PREFIX + base64.b64encode(raw).decode()


def signed_headers(
    secrets: Sequence[str], message_id: str, moment: datetime, body: bytes
) -> dict[str, str]:
    """Return the headers that authenticate a message; `moment` is its time of sending in UTC.

    There is one signature per secret: a receiver accepts a message if any signature is valid.
    """
    text = body.decode()
    signatures = [Webhook(secret).sign(message_id, moment, text) for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
