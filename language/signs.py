"""Extracts what a text says without words: symbols, separators, emoji, and the case of secrets.

"x > 5" and "x < 5", "anna_b" and "anna-b", the flags of two countries have the same words. The
trap: punctuation, Markdown and the capital at the beginning of a sentence mean nothing, so only
what is no part of ordinary writing counts.
"""

from collections import Counter

import regex

from core.text_forms import comparable
from language.terms import STOP_WORDS

# Words near which the case of letters matters.
_SECRET = """
password passwords passwort passwörter kennwort passphrase passcode pwd pw pin code codes key keys
token secret secrets login username usernames handle licence license serial ssid credential
credentials seed contraseña clave usuario senha palavra-passe passe identifiant hasło hasłem kod
şifre parola şifresi wachtwoord lösenord adgangskode passord salasana heslo jelszó lozinka
пароль пароля код логин パスワード 暗証番号 密码 密碼 비밀번호 암호
المرور السر סיסמה κωδικός mật sandi
"""
_SECRETS = frozenset(_SECRET.split())
_UNSPACED_SECRETS = tuple(word for word in _SECRETS if not word.isascii() and len(word) > 1)
_WORDS = regex.compile(r"[\p{L}\p{M}\p{N}]+")
EMOJI = regex.compile(
    r"\p{Regional_Indicator}{2}|\U0001F3F4[\U000E0020-\U000E007F]+"
    r"|[0-9#*]\u20E3"
    r"|\p{Extended_Pictographic}\p{Emoji_Modifier}?+(?:\u200D\p{Extended_Pictographic}\p{Emoji_Modifier}?+)*+"
)
_EMOTICON = regex.compile(r"(?<!\S)[:;=]'?-?[)(DPp/|\]\[]+(?!\S)")
# What begins a line of a list, a quotation or a heading.
_LINE_START = regex.compile(r"(?m)^[ \t>]*+(?:(?:[-*+\u2022]|#{1,6}|\d{1,3}[.)])[ \t]++)?")
_OPENING = "\"'\u201c\u201d\u2018\u2019\u201e\xab\xbb([{\xbf\xa1"
_CLOSING = "\"'\u201c\u201d\u2018\u2019\xab\xbb)]}.,;:!?\u2026\u3002\u3001"
_EMPHASIS = "*_`"
_RUN = regex.compile(r"\*+|_+|`+")
_DASHES = "-\u2013\u2014\u2022|"
# Words with hyphens and apostrophes, abbreviations, numbers with currency or per cent. No pattern
# backtracks into a repetition, because tokens are as long as callers make them.
_ORDINARY = regex.compile(
    r"[\p{L}\p{M}\p{Nd}]++(?:[-'\u2010\u2011\u2013\u30fb][\p{L}\p{M}\p{Nd}]++)*+'?"
    r"|(?:\p{L}\.)++\p{L}?"
    r"|[$\u20ac\xa3\xa5\u20b9]?\p{Nd}++(?:[.,:/\u2013-]\p{Nd}++)*+[$\u20ac\xa3\xa5\u20b9%]?"
    r"[\p{L}\p{M}]*+(?:-[\p{L}\p{M}]++)*+"
    r"|&"
)


def has_secret(text: str) -> bool:
    """Return whether a text mentions a password, a code or a key, so that its case matters."""
    lower = comparable(text).casefold()
    return not _SECRETS.isdisjoint(_WORDS.findall(lower)) or (
        not lower.isascii() and any(word in lower for word in _UNSPACED_SECRETS)
    )


def signs_of(text: str) -> Counter[str]:
    """Return the signs of a text, each with the number of its occurrences.

    These are emoji, symbols, words with separators such as "a_b", words that look like keys, and,
    if the text mentions a secret, its capitalised words.
    """
    plain = _LINE_START.sub("", comparable(text))
    signs: Counter[str] = Counter()
    if not plain.isascii():
        signs.update(EMOJI.findall(plain))
        plain = EMOJI.sub(" ", plain)
    signs.update(_EMOTICON.findall(plain))
    plain = _EMOTICON.sub(" ", plain)
    secret = has_secret(plain)
    for token in without_emphasis(plain.replace("\u2019", "'").split()):
        bare = token.lstrip(_OPENING).rstrip(_CLOSING)
        if not bare or (not bare.strip(_DASHES) and token == bare and len(bare) < 2):
            continue
        if _ORDINARY.fullmatch(bare):
            if _is_key(bare) or (secret and _has_capital(bare)):
                signs[bare] += 1
        else:
            signs[_folded(bare, secret)] += 1
    return signs


def without_emphasis(tokens: list[str]) -> list[str]:
    """Return tokens without the Markdown marks that come in pairs: "**so", "it", "is**"."""
    found = list(tokens)
    opened: dict[str, int] = {}
    for at, token in enumerate(tokens):
        body = token.strip(_OPENING + _CLOSING + _EMPHASIS)
        if not body:
            continue
        start = token.find(body)
        lead, trail = token[:start], token[start + len(body) :]
        opened |= dict.fromkeys(_RUN.findall(lead), at)
        for run in _RUN.findall(trail):
            first = opened.pop(run, None)
            # "__init__" is a name rather than emphasis.
            if first is None or (first == at and "_" in run):
                continue
            found[first] = found[first].replace(run, "", 1)
            head, _, tail = found[at].rpartition(run)
            found[at] = head + tail
    return found


def _is_key(word: str) -> bool:
    """Return whether a word has letters of both cases with a digit among them: "aB3dE9fG"."""
    digit = next((at for at, letter in enumerate(word) if letter.isdigit()), len(word))
    return (
        len(word) > 5
        and any(letter.isalpha() for letter in word[digit:])
        and word not in (word.lower(), word.upper())
    )


def _has_capital(word: str) -> bool:
    lower = word.casefold()
    return word != word.lower() and lower not in STOP_WORDS and lower not in _SECRETS


def _folded(token: str, secret: bool) -> str:
    """Return a token in lower case, unless its case may matter."""
    # Domains and handles are the same in any case, paths and identifiers are not.
    exact = secret or _is_key(token) or not {"/", "\\", "_"}.isdisjoint(token)
    return token if exact and "@" not in token else token.casefold()
