"""Drafts of facts: the sentences that are stored together, each fact once per speaker."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from core.text_forms import comparable
from core.turn import Speaker
from language.claims.claim import claim_of
from language.dates.identity import depends_on_day
from language.signs import has_secret
from providers.keeping_rules import Utterance

MAX_FACT_LENGTH = 65_536  # Characters.


@dataclass(slots=True)
class FactDraft:
    """A draft of a fact: its own sentence, the context before it, and judgements after it.

    `rule` names the rule that kept it.
    """

    context: list[Utterance]
    own: Utterance
    after: list[Utterance] = field(default_factory=list)
    rule: str = ""

    @property
    def utterances(self) -> list[Utterance]:
        """Return the sentences of the fact, in order; only its own if all would be too long."""
        whole = [*self.context, self.own, *self.after]
        return whole if sum(len(each.text) + 1 for each in whole) <= MAX_FACT_LENGTH else [self.own]

    @property
    def corrected(self) -> Utterance | None:
        """The sentence that its own corrects."""
        return self.context[-1] if self.own.saying.corrects and self.context else None

    @property
    def turns(self) -> set[int]:
        return {each.turn for each in self.utterances if each.turn is not None}


def joined_answer(drafts: Sequence[FactDraft]) -> list[FactDraft]:
    """Return the drafts of one turn; those of an assistant without a name are joined into one.

    An answer is one memory. Claims stay alone, because only a claim alone is compared with others.
    """
    if (
        len(drafts) < 2
        or drafts[0].own.by.speaker is not Speaker.ASSISTANT
        or drafts[0].own.by.name
    ):
        return list(drafts)
    claims = [draft for draft in drafts if claim_of(draft.own.text)]
    others = [draft for draft in drafts if not claim_of(draft.own.text)]
    if len(others) < 2:
        return list(drafts)
    said = [each for draft in others for each in draft.utterances]
    *context, own = {id(each): each for each in said}.values()
    return [*claims, FactDraft(context, own, rule=others[0].rule)]


# The speaker, consecutive sentences (the text of each, and whether this speaker said it), and what
# else distinguishes the fact; see `_occasion`.
_Run = tuple[Speaker, str | None, tuple[tuple[str, bool], ...], str]


def distinct_facts(drafts: Sequence[FactDraft]) -> list[tuple[str, FactDraft, set[int]]]:
    """Return the facts, each text once per speaker, with the positions of their source turns.

    A fact is dropped if its sentences are a consecutive part of another fact of the same speaker.
    """
    changing = _changing_attributes(drafts)
    runs = [_runs(draft, changing) for draft in drafts]
    fullest: dict[_Run, int] = {}
    for n, draft in enumerate(drafts):
        for run in runs[n]:
            if len(drafts[fullest.setdefault(run, n)].utterances) < len(draft.utterances):
                fullest[run] = n
    places = [fullest[each[0]] for each in runs]
    sources: list[set[int]] = [set() for _ in drafts]
    for draft, place in zip(drafts, places, strict=True):
        sources[place] |= draft.turns
    found: dict[tuple[Speaker, str | None, str, str], tuple[str, FactDraft, set[int]]] = {}
    for n in sorted(set(places)):
        for text in _texts(drafts[n]):
            by, occasion = drafts[n].own.by, _occasion(drafts[n], text, changing)
            key = (by.speaker, by.name, _normalised(text, has_secret(text)), occasion)
            first = found.setdefault(key, (text, drafts[n], set()))
            first[2].update(sources[n])
    return list(found.values())


def _runs(draft: FactDraft, changing: Collection[str]) -> list[_Run]:
    """Return the sentences of a fact, first all, then every consecutive part, longest first."""
    said = draft.utterances
    # "Tulip." and "tulip." are two answers to the question for a password.
    keep_case = any(has_secret(each.text) for each in said)
    parts = [(_normalised(each.text, keep_case), each.shares_speaker(draft.own)) for each in said]
    runs: list[_Run] = []
    for length in range(len(parts), 0, -1):
        for start in range(len(parts) - length + 1):
            text = " ".join(each.text for each in said[start : start + length])
            occasion = _occasion(draft, text, changing)
            some = tuple(parts[start : start + length])
            runs.append((draft.own.by.speaker, draft.own.by.name, some, occasion))
    return runs


def _changing_attributes(drafts: Sequence[FactDraft]) -> set[str]:
    """Return the attributes about which the facts make different claims."""
    texts: defaultdict[str, set[str]] = defaultdict(set)
    for draft in drafts:
        claim = claim_of(draft.own.text)
        if claim is not None:
            texts[claim.attribute].add(_normalised(draft.own.text, keep_case=False))
    return {attribute for attribute, different in texts.items() if len(different) > 1}


def _occasion(draft: FactDraft, text: str, changing: Collection[str]) -> str:
    """Return when a text was said, if the same text may be another fact on another occasion.

    That is the day, if the text depends on it, and the turn, if the text is a claim about something
    that changes during the conversation: who lives in Munich, then in Berlin, then in Munich again
    lives in Munich.
    """
    said_at = draft.own.by.timestamp
    day = said_at.date().isoformat() if said_at and depends_on_day(text, said_at) else ""
    claim = claim_of(text) if changing else None
    return f"{day} {draft.own.turn}" if claim and claim.attribute in changing else day


def _texts(draft: FactDraft) -> list[str]:
    """Return the text of a fact, in several parts if it exceeds the length of a memory."""
    *before, last = [each.text for each in draft.utterances]
    # A row of a table ends its line.
    text = "".join(f"{each}\n" if each.endswith("|") else f"{each} " for each in before) + last
    parts: list[str] = []
    while len(text) > MAX_FACT_LENGTH:
        cut = text.rfind(" ", 1, MAX_FACT_LENGTH)
        cut = cut if cut > 0 else MAX_FACT_LENGTH
        parts.append(text[:cut].strip())
        text = text[cut:].strip()
    return [*parts, text]


def _normalised(text: str, keep_case: bool) -> str:
    plain = " ".join(comparable(text).split())
    return plain if keep_case else plain.casefold()
