"""Signatures: what the library of Standard Webhooks accepts, and nothing else."""

import base64

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from core.ids import now
from core.webhook_secrets import derive_secret, signed_headers

PEPPER, ID, SEED = b"pepper", "webhook", "seed"
BODY = '{"memory":"Grüße, 東京"}'.encode()


def test_a_receiver_accepts_what_was_signed() -> None:
    secret = derive_secret(PEPPER, ID, SEED)
    headers = signed_headers([secret], "message", now(), BODY)
    assert Webhook(secret).verify(BODY, headers) == {"memory": "Grüße, 東京"}
    for forged in ({**headers, "webhook-id": "else"}, {**headers, "webhook-timestamp": "1"}):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(BODY, forged)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY + b" ", headers)


def test_either_of_two_secrets_is_enough() -> None:
    secrets = [derive_secret(PEPPER, ID, seed) for seed in ("one", "two", "three")]
    headers = signed_headers(secrets[:2], "message", now(), BODY)
    for secret in secrets[:2]:
        Webhook(secret).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secrets[2]).verify(BODY, headers)


def test_secrets_depend_on_all_they_are_made_of() -> None:
    given = [(PEPPER, ID, SEED), (b"else", ID, SEED), (PEPPER, "else", SEED), (PEPPER, ID, "else")]
    secrets = {derive_secret(*parts) for parts in given}
    assert len(secrets) == 4
    for secret in secrets:
        assert secret.startswith("whsec_")
        assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
