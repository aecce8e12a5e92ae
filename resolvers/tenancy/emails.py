"""E-mail addresses, which identify accounts."""

import email_validator
from email_validator import EmailNotValidError, validate_email

from core.errors import InvalidInput
from core.text_forms import canonical_email, without_invisible
from core.validation import LONGEST_NAME, check_text

# A self-hosted server has users at localhost, .local and .test. The library refuses them by default
# and documents this list for those who want them.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()

# No mail can be sent to the domain `invalid`, so no person has such an address.
_SERVICE_DOMAIN = "@service.invalid"


def check_email(value: str, *path: str) -> str:
    """Return the canonical form of an address, as accounts store it.

    Addresses of private domains are valid too, and no DNS lookup is made. Raises `InvalidInput`,
    naming the path, if it is not an e-mail address.
    """
    check_text(value, *path, longest=LONGEST_NAME)
    try:
        checked = validate_email(
            without_invisible(value).strip(),
            check_deliverability=False,
            globally_deliverable=False,
        )
    except EmailNotValidError as error:
        raise InvalidInput(f"This is not an e-mail address: {error}", *path) from None
    return canonical_email(checked.normalized)


def check_personal_email(value: str, *path: str) -> str:
    """Return the same as `check_email`; addresses of service accounts raise `InvalidInput` too."""
    address = check_email(value, *path)
    if is_service_email(address):
        raise InvalidInput(
            "This is the address of a service account, which only its organization can use.", *path
        )
    return address


def service_email(account_id: str) -> str:
    """Return the address of a service account."""
    return account_id + _SERVICE_DOMAIN


def is_service_email(address: str) -> bool:
    """Return whether an address in canonical form is that of a service account."""
    return address.endswith(_SERVICE_DOMAIN)
