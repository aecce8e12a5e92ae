"""E-mail addresses: what is one account, and what stays two."""

import pytest

from core.errors import InvalidInput
from core.text_forms import escape_email
from resolvers.tenancy.emails import check_email, check_personal_email

ANNA = "anna@example.com"
JOSE = "josé@example.com"


@pytest.mark.parametrize(
    ("written", "address"),
    [
        (" Anna@Example.COM\n", ANNA),
        ("an\u200bna@example.com", ANNA),
        ("\ufeffanna\u00ad@exam\u200dple.com\u2060", ANNA),
        ("jose\u0301@example.com", JOSE),
        ("JOSÉ@EXAMPLE.COM", JOSE),
        ("straße@example.com", "strasse@example.com"),
        ("ΝΙΚΟΣ@example.com", "νικοσ@example.com"),
        ("νικος@example.com", "νικοσ@example.com"),
        ("anna@BÜCHER.example", "anna@bücher.example"),
        ("anna@xn--bcher-kva.example", "anna@bücher.example"),
    ],
)
def test_one_account(written: str, address: str) -> None:
    assert check_email(written, "email") == address
    assert check_email(address, "email") == address


@pytest.mark.parametrize(
    "other",
    # A Cyrillic letter, a Greek one, an accent, a dot.
    ["\u0430nna@example.com", "ann\u03b1@example.com", "änna@example.com", "a.nna@example.com"],
)
def test_other_accounts_look_different_when_escaped(other: str) -> None:
    assert check_email(other, "email") != ANNA
    assert escape_email(check_email(other, "email")) != ANNA
    assert escape_email(other).isascii()


def test_domains_that_fold_alike_stay_two_accounts() -> None:
    """Their owners differ: IDNA distinguishes them."""
    assert check_email("anna@straße.example", "email") != check_email(
        "anna@strasse.example", "email"
    )


def test_the_escaped_form_shows_the_letter() -> None:
    assert escape_email("\u0430nna@example.com") == "\\u0430nna@example.com"
    assert escape_email(ANNA) == ANNA


@pytest.mark.parametrize(
    "written", ["x@service.invalid", "X@SERVICE.INVALID", "x@servic\u200be.invalid"]
)
def test_persons_have_no_addresses_of_service_accounts(written: str) -> None:
    with pytest.raises(InvalidInput, match="service account"):
        check_personal_email(written, "email")


@pytest.mark.parametrize("written", ["\u200b", "\u200b@example.com", "anna@\u200b", "an\u202ena"])
def test_what_is_left_must_be_an_address(written: str) -> None:
    with pytest.raises(InvalidInput):
        check_email(written, "email")
