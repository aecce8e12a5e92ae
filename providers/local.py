"""The extractor without a chat model: rules and the embedder, without network or randomness.

It keeps what people say about themselves and their actions, in their own words, and drops small
talk. The trap is the sentence that means nothing alone ("It was great there", "In Paris."): it is
stored together with the preceding sentences, which then must be fit to be stored too.
"""

import asyncio
import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.turn import Speaker, Turn
from language.claims import claim_of
from language.concepts import concepts_in
from language.dates.identity import depends_on_day
from language.dates.moments import Moment, moment_of
from language.names import without_speaker
from language.sayings import Saying, classify
from language.sentences import is_code, is_item, sentences, without_bullet
from language.terms import terms
from providers.base import Embedder
from providers.categories import Categorizer
from providers.extraction import Assignment, Extraction, Fact
from providers.keeping_rules import COLONS, Candidate, Utterance, deciding_rule
from providers.prompt_echoes import is_from_prompt

MAX_FACT_LENGTH = 65_536  # Characters.
MAX_CONTEXT_SENTENCES = 2  # Sentences put before a sentence that cannot stand alone.
MAX_FACT_SENTENCES = 1 + MAX_CONTEXT_SENTENCES  # Including sentences that are mere judgements.
MIN_TERMS_ALONE = 3  # Content words a dependent sentence needs if no context can precede it,
MIN_TERMS_ABOUT_OTHERS = 5  # and those it needs if it is not about the speaker.
MAX_LIST_LENGTH = 1_000  # Characters; a longer list becomes one fact per item with the heading.
MAX_HEADING_LENGTH = 300  # Characters; a longer sentence does not count as a heading.
ECHO_SENTENCES = 20  # The number of last sentences of the user that an assistant may echo.
# The minimum cosine between a sentence and its topic, tuned on a labelled set in the tests. The
# threshold to keep a sentence the rules drop is higher than that to drop an unwanted sentence.
NEAR_EXCLUDED, NEAR_INCLUDED = 0.22, 0.3
# A sentence is nearer to this template than to the bare name of its topic.
TOPIC_TEMPLATE = "This is about {}."
NOT_FOLLOWED = "Custom instructions were not followed: no chat model is configured."

# Words of hints that are not topics.
_HINTING = """
anything everything about related details information info topics topic things stuff talk mention
mentions regarding concerning user users personal general data facts such etc like
"""
_NO_TOPIC = frozenset(terms(_HINTING))
_HINT_ENDS = re.compile(r"[,;\n]")


@dataclass(slots=True)
class _Draft:
    """A draft of a fact: its own sentence, the context before it, and judgements after it."""

    context: list[Utterance]
    own: Utterance
    after: list[Utterance] = field(default_factory=list)

    @property
    def utterances(self) -> list[Utterance]:
        """Return the sentences of the fact, in order; only its own if all would be too long."""
        whole = [*self.context, self.own, *self.after]
        return whole if sum(len(each.text) + 1 for each in whole) <= MAX_FACT_LENGTH else [self.own]

    @property
    def turns(self) -> set[int]:
        return {each.turn for each in self.utterances if each.turn is not None}


# The speaker, consecutive sentences (the text of each, and whether this speaker said it), and what
# else distinguishes the fact; see `_occasion`.
_Run = tuple[Speaker, str | None, tuple[tuple[str, bool], ...], str]


class LocalExtractor:
    """Extracts facts by rules for English; in other languages, it detects questions and fragments.

    `close` does not close the embedder.
    """

    model: str | None = None

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._categorizer = Categorizer(embedder)

    async def extract(self, assignment: Assignment) -> Extraction:
        """Return the facts of a conversation; see `Extractor.extract`.

        Raises ProviderError if the embedder does, which is needed for categories and hints.
        """
        turns = await asyncio.to_thread(_read, assignment)
        utterances = [each for turn in turns for each in turn]
        wanted = await self._about(assignment.includes, NEAR_INCLUDED, utterances)
        unwanted = await self._about(assignment.excludes, NEAR_EXCLUDED, utterances)
        facts = await asyncio.to_thread(_facts, turns, wanted, unwanted)
        texts = [text for text, _, _ in facts]
        categories: Sequence[tuple[str, ...]] = [()] * len(texts)
        if texts and assignment.categories:
            categories = await self._categorizer.categorize(texts, assignment.categories)
        found = await asyncio.to_thread(_finish, assignment, facts, categories)
        has_instructions = assignment.instructions or assignment.agent_instructions
        return Extraction(found, notes=(NOT_FOLLOWED,) if has_instructions else ())

    async def close(self) -> None:
        """Do nothing: the embedder is closed by its owner."""

    async def _about(
        self, hints: str | None, least: float, utterances: Sequence[Utterance]
    ) -> set[int]:
        """Return the `id()`s of the sentences about one of the topics in `hints`."""
        topics = [topic.strip() for topic in _HINT_ENDS.split(hints or "") if topic.strip()]
        if not topics or not utterances:
            return set()
        texts = list(dict.fromkeys(each.text for each in utterances))
        vectors = await self._embedder.embed([*map(TOPIC_TEMPLATE.format, topics), *texts])
        near = await asyncio.to_thread(_near, topics, texts, vectors, least)
        return {id(each) for each in utterances if each.text in near}


def _near(
    topics: Sequence[str], texts: Sequence[str], vectors: Sequence[bytes], least: float
) -> set[str]:
    """Return the texts that share a term with a topic or are similar to one."""
    words = {term for topic in topics for term in terms(topic)} - _NO_TOPIC
    matrix = np.frombuffer(b"".join(vectors), "<f4").reshape(len(vectors), -1)
    cosines = (matrix[len(topics) :] @ matrix[: len(topics)].T).max(axis=1)
    return {
        text
        for text, cosine in zip(texts, cosines, strict=True)
        if cosine >= least or not words.isdisjoint(terms(text))
    }


def _read(assignment: Assignment) -> list[list[Utterance]]:
    """Return the sentences of the last two earlier turns and of all turns, turn by turn."""
    placed: list[tuple[int | None, Turn]] = [
        (None, turn) for turn in [turn for turn in assignment.former if not turn.is_context][-2:]
    ]
    placed += [(n, turn) for n, turn in enumerate(assignment.turns) if not turn.is_context]
    names = frozenset(turn.name for _, turn in placed if turn.name)
    return [list(_utterances(position, turn, names)) for position, turn in placed]


def _utterances(position: int | None, turn: Turn, names: Collection[str]) -> Iterator[Utterance]:
    """Yield the sentences of a turn; a heading with a colon is joined with its items."""
    spoken = sentences(without_speaker(turn.content, turn.name))
    pieces = [piece for piece in spoken if not is_from_prompt(piece)]
    at = 0
    while at < len(pieces):
        heading, at = pieces[at], at + 1
        first = at
        if heading.endswith(COLONS) and len(heading) <= MAX_HEADING_LENGTH:
            while at < len(pieces) and is_item(pieces[at]):
                at += 1
            if first == at < len(pieces) and _is_announced(pieces[at], names):
                at += 1
        heading, items = without_bullet(heading), pieces[first:at]
        whole = "\n".join([heading, *items])
        if not items or len(whole) <= MAX_LIST_LENGTH:
            yield Utterance(whole, classify(whole, names), position, turn)
            continue
        asks = classify(heading, names)
        for item in items:
            text = f"{heading} {without_bullet(item)}"
            # Items of "Translate these:" are part of the request.
            saying = classify(text if asks.is_request or asks.is_question else item, names)
            yield Utterance(text, saying, position, turn)


def _is_announced(sentence: str, names: Collection[str]) -> bool:
    """Return whether a sentence on the line after a colon may belong to the heading."""
    saying = classify(sentence, names)
    asks = saying.is_question or saying.is_request
    return not (asks or saying.is_pleasantry or is_code(sentence))


def _facts(
    turns: Sequence[Sequence[Utterance]], wanted: set[int], unwanted: set[int]
) -> list[tuple[str, _Draft, set[int]]]:
    """Return the facts, each text once per speaker, with the positions of their source turns.

    A fact is dropped if its sentences are a consecutive part of another fact of the same speaker,
    said on the same occasion.
    """
    drafts = list(_drafts(turns, wanted, unwanted))
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
    found: dict[tuple[Speaker, str | None, str, str], tuple[str, _Draft, set[int]]] = {}
    for n in sorted(set(places)):
        for text in _texts(drafts[n]):
            by, occasion = drafts[n].own.by, _occasion(drafts[n], text, changing)
            key = (by.speaker, by.name, _normalised(text), occasion)
            first = found.setdefault(key, (text, drafts[n], set()))
            first[2].update(sources[n])
    return list(found.values())


def _runs(draft: _Draft, changing: Collection[str]) -> list[_Run]:
    """Return the sentences of a fact, first all, then every consecutive part, longest first."""
    said = draft.utterances
    parts = [(_normalised(each.text), each.shares_speaker(draft.own)) for each in said]
    runs: list[_Run] = []
    for length in range(len(parts), 0, -1):
        for start in range(len(parts) - length + 1):
            text = " ".join(each.text for each in said[start : start + length])
            occasion = _occasion(draft, text, changing)
            some = tuple(parts[start : start + length])
            runs.append((draft.own.by.speaker, draft.own.by.name, some, occasion))
    return runs


def _changing_attributes(drafts: Sequence[_Draft]) -> set[str]:
    """Return the attributes about which the facts make different claims."""
    texts: defaultdict[str, set[str]] = defaultdict(set)
    for draft in drafts:
        claim = claim_of(draft.own.text)
        if claim is not None:
            texts[claim.attribute].add(_normalised(draft.own.text))
    return {attribute for attribute, different in texts.items() if len(different) > 1}


def _occasion(draft: _Draft, text: str, changing: Collection[str]) -> str:
    """Return when a text was said, if the same text may be another fact on another occasion.

    That is the day, if the text depends on it, and the turn, if the text is a claim about something
    that changes during the conversation: who lives in Munich, then in Berlin, then in Munich again
    lives in Munich.
    """
    said_at = draft.own.by.timestamp
    day = said_at.date().isoformat() if said_at and depends_on_day(text, said_at) else ""
    claim = claim_of(text) if changing else None
    return f"{day} {draft.own.turn}" if claim and claim.attribute in changing else day


def _drafts(
    turns: Sequence[Sequence[Utterance]], wanted: set[int], unwanted: set[int]
) -> Iterator[_Draft]:
    before: list[Utterance] = []  # The sentences of the previous turn, without pleasantries.
    user_words: frozenset[str] = frozenset()  # Of the last user turn, to detect echoes.
    for turn in turns:
        here: list[Utterance] = []
        drafts: list[_Draft] = []
        for own in turn:
            question = None if here else _question(before, own)
            answers = question is not None and _is_bare_answer(own, question)
            if own.saying.is_pleasantry and not answers:
                continue
            last = drafts[-1].utterances if drafts else []
            if own.turn is None or is_code(own.text) or id(own) in unwanted:
                pass
            elif own.saying.is_judgement and last and here and last[-1] is here[-1]:
                if len(last) < MAX_FACT_SENTENCES:
                    drafts[-1].after.append(own)
            elif (
                answers
                or id(own) in wanted
                or deciding_rule(Candidate(own, question, before, here, user_words)).keeps
            ):
                context = _context(own, question, before, here)
                stands = id(own) in wanted or _stands(own, context)
                if stands and unwanted.isdisjoint(map(id, context)):
                    drafts.append(_Draft(context, own))
            # A request is settled by its reply, so later sentences do not refer to it.
            if own.saying.is_question or not own.saying.is_request:
                here.append(own)
        yield from drafts
        if turn and turn[0].by.speaker is Speaker.USER:
            last_terms = [each.saying.content_terms for each in turn[-ECHO_SENTENCES:]]
            user_words = frozenset().union(*last_terms)
        before = here or before


def _question(before: Sequence[Utterance], own: Utterance) -> Utterance | None:
    """Return the last question among the two preceding sentences, if another speaker asked it."""
    questions = [other for other in before[-2:] if other.saying.is_question]
    return questions[-1] if questions and not questions[-1].shares_speaker(own) else None


def _is_bare_answer(own: Utterance, question: Utterance) -> bool:
    """Return whether a sentence is a bare yes or no to a closed question about a person."""
    return own.saying.is_answer and not own.saying.content_terms and question.saying.is_closed


def _stands(own: Utterance, context: Sequence[Utterance]) -> bool:
    """Return whether a sentence can be understood after its context."""
    if len(context) == MAX_CONTEXT_SENTENCES or any(
        not each.shares_speaker(own) for each in context
    ):
        return True
    return any(_is_enough(each.saying) for each in (*context, own))


def _is_enough(saying: Saying) -> bool:
    """Return whether a sentence is informative even without the sentence it depends on."""
    if not saying.depends_on_context or saying.is_instruction:
        return True
    least = MIN_TERMS_ALONE if saying.in_first_person else MIN_TERMS_ABOUT_OTHERS
    # "And I work nights" needs less than "I made it with coconut".
    has_reference = saying.begins_with_reference or saying.contains_reference
    return len(saying.content_terms) >= (least if has_reference else least - 2)


def _context(
    own: Utterance,
    question: Utterance | None,
    before: Sequence[Utterance],
    here: Sequence[Utterance],
) -> list[Utterance]:
    """Return the earlier sentences that a sentence needs to be understood, in order."""
    saying = own.saying
    if question and (
        saying.is_answer or saying.is_judgement or saying.depends_on_context or not saying.is_clause
    ):
        return [question]
    # The statement of another speaker would be attributed to this one; a question would not.
    earlier = before[-1:]
    if earlier and not (earlier[0].shares_speaker(own) or earlier[0].saying.is_question):
        earlier = []
    earlier = [*earlier, *here[-MAX_CONTEXT_SENTENCES:]]
    needed: list[Utterance] = []
    while earlier and saying.depends_on_context and len(needed) < MAX_CONTEXT_SENTENCES:
        needed.insert(0, earlier.pop())
        saying = needed[0].saying
    return needed


def _texts(draft: _Draft) -> list[str]:
    """Return the text of a fact, in several parts if it exceeds the length of a memory."""
    text = " ".join(each.text for each in draft.utterances)
    parts: list[str] = []
    while len(text) > MAX_FACT_LENGTH:
        cut = text.rfind(" ", 1, MAX_FACT_LENGTH)
        cut = cut if cut > 0 else MAX_FACT_LENGTH
        parts.append(text[:cut].strip())
        text = text[cut:].strip()
    return [*parts, text]


def _normalised(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _finish(
    assignment: Assignment,
    facts: Sequence[tuple[str, _Draft, set[int]]],
    categories: Sequence[tuple[str, ...]],
) -> list[Fact]:
    """Return the facts with their attributes."""
    return [
        Fact(
            text=text,
            speaker=draft.own.by.speaker,
            turns=tuple(sorted(turns)),
            categories=named,
            concepts=tuple(concepts_in(text, assignment.concepts, draft.own.by.name))
            if assignment.with_concepts
            else (),
            happened=_happened(draft, assignment),
        )
        for (text, draft, turns), named in zip(facts, categories, strict=True)
    ]


def _happened(draft: _Draft, assignment: Assignment) -> Moment | None:
    """Return the time of the event, from the own sentence first, then from its context."""
    for each in [draft.own, *draft.after, *reversed(draft.context)]:
        # An earlier turn without a timestamp has an unknown reference date.
        if each.turn is not None or each.by.timestamp:
            moment = moment_of(each.text, each.by.timestamp or assignment.observed_at)
            if moment:
                return moment
    return None
