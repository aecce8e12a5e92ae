"""E-mail addresses, which identify accounts."""

import email_validator
from email_validator import EmailNotValidError, validate_email

from core.errors import InvalidInput
from core.validation import LONGEST_NAME, check_text

# A self-hosted server has users at localhost, .local and .test. The library refuses them by default
# and documents this list for those who want them.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()


def check_email(value: str, *path: str) -> str:
    """Return the normalized form of an address, in lower case, as accounts store it.

    Addresses of private domains are valid too, and no DNS lookup is made. Raises `InvalidInput`,
    naming the path, if it is not an e-mail address.
    """
    check_text(value, *path, longest=LONGEST_NAME)
    try:
        checked = validate_email(
            value.strip(), check_deliverability=False, globally_deliverable=False
        )
    except EmailNotValidError as error:
        raise InvalidInput(f"This is not an e-mail address: {error}", *path) from None
    return checked.normalized.lower()
