"""Finds the names of speakers in queries, and rewrites such queries in the first person.

People speak of themselves in the first person, so a question that names the speaker of a memory is
nearer to it when the name is replaced: "Caroline's dog" becomes "my dog", "Caroline" becomes "I".
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from language.folding import fold_letters
from language.terms import STOP_WORDS, terms

_POSSESSIVE = "(?:['\u2019][sS]|(?<=[sS])['\u2019])"


def speakers_named_in(query: str, speakers: Iterable[str]) -> dict[str, str]:
    """Return the speakers that a query names, each with the form of the name used in the query.

    The first name of a speaker is enough if no other speaker has it. Letter case may differ only if
    the query has a capital, and a name that is also an English function word ("Will") must have
    one, because many names are ordinary words too. Where no name is written so, accents may be
    missing or added: "Jose" names José unless there is a Jose.
    """
    forms = list(_forms(set(speakers)))
    taken: list[tuple[int, int]] = []
    found: dict[str, str] = {}
    _find(query, query, forms, taken, found)
    plain = [(name, fold_letters(form)) for name, form in forms if name not in found]
    _find(query, fold_letters(query), plain, taken, found)
    return found


def _find(
    query: str,
    spelled: str,
    forms: list[tuple[str, str]],
    taken: list[tuple[int, int]],
    found: dict[str, str],
) -> None:
    """Add the speakers whose forms are in `spelled`, a spelling of the query of the same length."""
    folded = spelled.casefold()
    # A cheap test first: most speakers of a large scope are not in the query.
    likely = [form for form in forms if form[1].casefold() in folded]
    for name, form in sorted(likely, key=lambda pair: (-len(pair[1]), pair)):
        # "Ana Li" is not also Ana, so the longer name has its places in the query.
        spans = [span for span in _mentions(form, spelled) if _is_free(span, taken)]
        taken += spans
        if spans and name not in found:
            found[name] = query[slice(*spans[0])]


def _forms(names: set[str]) -> Iterator[tuple[str, str]]:
    """Yield what each speaker may be called, as (name, form)."""
    known = {name.casefold() for name in names}
    firsts = Counter(name.split()[0].casefold() for name in names if len(name.split()) > 1)
    for name in names:
        words = name.split()
        if not words:
            continue
        yield name, name.strip()
        first = words[0].casefold()
        if len(words) > 1 and len(first) > 2 and first not in known and firsts[first] == 1:
            yield name, words[0]


def _is_free(span: tuple[int, int], taken: Iterable[tuple[int, int]]) -> bool:
    return all(span[1] <= start or end <= span[0] for start, end in taken)


def _mentions(form: str, query: str) -> Iterator[tuple[int, int]]:
    for match in re.finditer(rf"(?<!\w){re.escape(form)}(?!\w)", query, re.IGNORECASE):
        text = match[0]
        capital = text[:1].isupper()
        if form.casefold() in STOP_WORDS:
            if capital and match.start() > 0:
                yield match.span()
        elif text == form or capital:
            yield match.span()


def to_first_person(query: str, mentions: Iterable[str]) -> str:
    """Return a query with the given forms of names replaced by "my" and "I"."""
    for form in sorted(mentions, key=len, reverse=True):
        name = rf"(?<!\w){re.escape(form)}"
        query = re.sub(rf"{name}{_POSSESSIVE}(?!\w)", "my", query)
        query = re.sub(rf"{name}(?!\w)", "I", query)
    return query


def without_speaker(text: str, speaker: str | None) -> str:
    """Return a text without the prefix "Name: " that transcripts have."""
    if speaker and text.startswith(f"{speaker}:"):
        return text[len(speaker) + 1 :].lstrip()
    return text


def names_speaker(text: str, speaker: str | None) -> bool:
    """Return whether a text mentions its own speaker by name, as in the third person."""
    return bool(speaker) and speaker in speakers_named_in(
        without_speaker(text, speaker), [speaker or ""]
    )


def name_terms(mentions: Iterable[str]) -> set[str]:
    """Return the terms of names; they do not occur in texts in the first person."""
    return {term for form in mentions for term in terms(form)}
