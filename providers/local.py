"""The extractor that needs no chat model: rules and the embedder, no network, no chance.

It keeps what people say of themselves and of what they did, in their own words, and drops what only
keeps a conversation going. The trap is the sentence that means nothing alone ("It was great there",
"In Paris."): it is kept together with what was said before, which then must be fit to be kept too.
"""

import asyncio
import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.turn import Speaker, Turn
from language.concepts import concepts_in
from language.dates.moments import Moment, moment_of
from language.names import without_speaker
from language.sayings import Saying, classify
from language.sentences import is_code, is_item, sentences, without_bullet
from language.terms import terms
from providers.base import Embedder
from providers.categories import Categorizer
from providers.extraction import Assignment, Extraction, Fact
from providers.keeping_rules import COLONS, Candidate, Utterance, deciding_rule

LONGEST_FACT = 65_536  # Characters.
LARGEST_CONTEXT = 2  # Sentences put before one that cannot stand alone.
LARGEST_FACT = 1 + LARGEST_CONTEXT  # Sentences, those included that only say how it was.
FEWEST_ALONE = 3  # Telling words that a leaning sentence needs if nothing is put before it,
FEWEST_OF_OTHERS = 5  # and those it needs if it is not about the speaker.
LONGEST_LIST = 1_000  # Characters; a longer list becomes one fact per item, each with
LONGEST_HEADING = 300  # characters of what it is a list of, unless that is longer.
ECHO_SENTENCES = 20  # Sentences that the user said last, which an assistant may repeat.
# How near a sentence is to a topic it is about: cosines, fixed by a labelled set in the tests. It
# takes more to keep what would be dropped than to drop what somebody does not want kept.
NEAR_EXCLUDED, NEAR_INCLUDED = 0.22, 0.3
TOPIC_TEMPLATE = (
    "This is about {}."  # A sentence is nearer to this than to the bare name of its topic.
)
NOT_FOLLOWED = "Custom instructions were not followed: no chat model is configured."

# Words of hints that are no topic.
_HINTING = """
anything everything about related details information info topics topic things stuff talk mention
mentions regarding concerning user users personal general data facts such etc like
"""
_NO_TOPIC = frozenset(terms(_HINTING))
_HINT_ENDS = re.compile(r"[,;\n]")


@dataclass(slots=True)
class _Draft:
    """A fact to be: the sentences it needs to be understood, its own, and those that judge it."""

    context: list[Utterance]
    own: Utterance
    after: list[Utterance] = field(default_factory=list)

    @property
    def sayings(self) -> list[Utterance]:
        """Return what the fact is made of; what would make it too long is left out."""
        whole = [*self.context, self.own, *self.after]
        return whole if sum(len(said.text) + 1 for said in whole) <= LONGEST_FACT else [self.own]

    @property
    def turns(self) -> set[int]:
        return {said.turn for said in self.sayings if said.turn is not None}


# Whose sentences, and what follows one another in them: each, and whether the speaker said it.
_Run = tuple[Speaker, str | None, tuple[tuple[str, bool], ...]]


class LocalExtractor:
    """Draws facts by rules, in English; of other languages it knows questions and fragments."""

    model: str | None = None

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._categorizer = Categorizer(embedder)

    async def extract(self, assignment: Assignment) -> Extraction:
        """Return the facts of a conversation; see `Extractor.extract`.

        Raises what the embedder raises, which is asked about categories and about hints.
        """
        turns = await asyncio.to_thread(_read, assignment)
        all_said = [said for turn in turns for said in turn]
        wanted = await self._about(assignment.includes, NEAR_INCLUDED, all_said)
        unwanted = await self._about(assignment.excludes, NEAR_EXCLUDED, all_said)
        facts = await asyncio.to_thread(_facts, turns, wanted, unwanted)
        texts = [text for text, _, _ in facts]
        categories: Sequence[tuple[str, ...]] = [()] * len(texts)
        if texts and assignment.categories:
            categories = await self._categorizer.categorize(texts, assignment.categories)
        found = await asyncio.to_thread(_finish, assignment, facts, categories)
        asked = assignment.instructions or assignment.agent_instructions
        return Extraction(found, notes=(NOT_FOLLOWED,) if asked else ())

    async def close(self) -> None:
        """Do nothing: the embedder belongs to whoever made it."""

    async def _about(
        self, hints: str | None, least: float, all_said: Sequence[Utterance]
    ) -> set[int]:
        """Return the identities of those sentences that are about one of the topics."""
        topics = [topic.strip() for topic in _HINT_ENDS.split(hints or "") if topic.strip()]
        if not topics or not all_said:
            return set()
        texts = list(dict.fromkeys(said.text for said in all_said))
        vectors = await self._embedder.embed([*map(TOPIC_TEMPLATE.format, topics), *texts])
        near = await asyncio.to_thread(_near, topics, texts, vectors, least)
        return {id(said) for said in all_said if said.text in near}


def _near(
    topics: Sequence[str], texts: Sequence[str], vectors: Sequence[bytes], least: float
) -> set[str]:
    """Return the texts that share a word with a topic, or are near to one in meaning."""
    words = {term for topic in topics for term in terms(topic)} - _NO_TOPIC
    matrix = np.frombuffer(b"".join(vectors), "<f4").reshape(len(vectors), -1)
    cosines = (matrix[len(topics) :] @ matrix[: len(topics)].T).max(axis=1)
    return {
        text
        for text, cosine in zip(texts, cosines, strict=True)
        if cosine >= least or not words.isdisjoint(terms(text))
    }


def _read(assignment: Assignment) -> list[list[Utterance]]:
    """Return the sentences of the last former turns and of all turns, turn by turn."""
    placed: list[tuple[int | None, Turn]] = [
        (None, turn) for turn in [turn for turn in assignment.former if not turn.is_context][-2:]
    ]
    placed += [(n, turn) for n, turn in enumerate(assignment.turns) if not turn.is_context]
    names = frozenset(turn.name for _, turn in placed if turn.name)
    return [list(_sayings(position, turn, names)) for position, turn in placed]


def _sayings(position: int | None, turn: Turn, names: Collection[str]) -> Iterator[Utterance]:
    """Yield the sentences of a turn; what is announced with a colon comes with its announcement."""
    pieces = sentences(without_speaker(turn.content, turn.name))
    at = 0
    while at < len(pieces):
        heading, at = pieces[at], at + 1
        first = at
        if heading.endswith(COLONS) and len(heading) <= LONGEST_HEADING:
            while at < len(pieces) and is_item(pieces[at]):
                at += 1
            if first == at < len(pieces) and _is_announced(pieces[at], names):
                at += 1
        heading, items = without_bullet(heading), pieces[first:at]
        whole = "\n".join([heading, *items])
        if not items or len(whole) <= LONGEST_LIST:
            yield Utterance(whole, classify(whole, names), position, turn)
            continue
        asks = classify(heading, names)
        for item in items:
            text = f"{heading} {without_bullet(item)}"
            # Items of "Translate these:" are part of the request.
            saying = classify(text if asks.is_request or asks.is_question else item, names)
            yield Utterance(text, saying, position, turn)


def _is_announced(sentence: str, names: Collection[str]) -> bool:
    """Tell whether what follows a colon, in a line of its own, may belong to it."""
    saying = classify(sentence, names)
    asks = saying.is_question or saying.is_request
    return not (asks or saying.is_pleasantry or is_code(sentence))


def _facts(
    turns: Sequence[Sequence[Utterance]], wanted: set[int], unwanted: set[int]
) -> list[tuple[str, _Draft, set[int]]]:
    """Return what is worth keeping, each text once per speaker, with the turns it is from.

    A fact whose sentences all stand, in that order, in another of the same speaker is not repeated.
    """
    drafts = list(_drafts(turns, wanted, unwanted))
    runs = [_runs(draft) for draft in drafts]
    fullest: dict[_Run, int] = {}
    for n, draft in enumerate(drafts):
        for run in runs[n]:
            if len(drafts[fullest.setdefault(run, n)].sayings) < len(draft.sayings):
                fullest[run] = n
    places = [fullest[each[0]] for each in runs]
    sources: list[set[int]] = [set() for _ in drafts]
    for draft, place in zip(drafts, places, strict=True):
        sources[place] |= draft.turns
    found: dict[tuple[Speaker, str | None, str], tuple[str, _Draft, set[int]]] = {}
    for n in sorted(set(places)):
        for text in _texts(drafts[n]):
            key = (drafts[n].own.by.speaker, drafts[n].own.by.name, _normalised(text))
            first = found.setdefault(key, (text, drafts[n], set()))
            first[2].update(sources[n])
    return list(found.values())


def _runs(draft: _Draft) -> list[_Run]:
    """Return what a fact says, whole first, then every part of it that other facts may repeat."""
    said = [(_normalised(each.text), each.shares_speaker(draft.own)) for each in draft.sayings]
    whole = len(said)
    return [
        (draft.own.by.speaker, draft.own.by.name, tuple(said[start : start + length]))
        for length in range(whole, 0, -1)
        for start in range(whole - length + 1)
    ]


def _drafts(
    turns: Sequence[Sequence[Utterance]], wanted: set[int], unwanted: set[int]
) -> Iterator[_Draft]:
    before: list[Utterance] = []  # What was said in the turn before, pleasantries left out.
    heard: frozenset[str] = frozenset()  # What the user said last, for assistants to repeat.
    for turn in turns:
        here: list[Utterance] = []
        drafts: list[_Draft] = []
        for said in turn:
            asked = None if here else _asked(before, said)
            answers = asked is not None and _is_bare_answer(said, asked)
            if said.saying.is_pleasantry and not answers:
                continue
            last = drafts[-1].sayings if drafts else []
            if said.turn is None or is_code(said.text) or id(said) in unwanted:
                pass
            elif said.saying.is_verdict and last and here and last[-1] is here[-1]:
                if len(last) < LARGEST_FACT:
                    drafts[-1].after.append(said)
            elif (
                answers
                or id(said) in wanted
                or deciding_rule(Candidate(said, asked, before, here, heard)).keeps
            ):
                context = _context(said, asked, before, here)
                stands = id(said) in wanted or _stands(said, context)
                if stands and unwanted.isdisjoint(map(id, context)):
                    drafts.append(_Draft(context, said))
            # What was asked for is done with, so nothing said later is about it.
            if said.saying.is_question or not said.saying.is_request:
                here.append(said)
        yield from drafts
        if turn and turn[0].by.speaker is Speaker.USER:
            heard = frozenset().union(*(said.saying.telling for said in turn[-ECHO_SENTENCES:]))
        before = here or before


def _asked(before: Sequence[Utterance], said: Utterance) -> Utterance | None:
    """Return the question that somebody else asked just before."""
    asked = [other for other in before[-2:] if other.saying.is_question]
    return asked[-1] if asked and not asked[-1].shares_speaker(said) else None


def _is_bare_answer(said: Utterance, asked: Utterance) -> bool:
    """Tell whether it is a yes or no to a question about somebody."""
    return said.saying.is_answer and not said.saying.telling and asked.saying.is_closed


def _stands(said: Utterance, context: Sequence[Utterance]) -> bool:
    """Tell whether a sentence is understood after its context."""
    if len(context) == LARGEST_CONTEXT or any(not each.shares_speaker(said) for each in context):
        return True
    return any(_is_enough(each.saying) for each in (*context, said))


def _is_enough(saying: Saying) -> bool:
    """Tell whether a sentence tells something although nothing it leans on can be put before it."""
    if not saying.leans or saying.is_instruction:
        return True
    least = FEWEST_ALONE if saying.in_first_person else FEWEST_OF_OTHERS
    # "And I work nights" needs less than "I made it with coconut".
    return len(saying.telling) >= (least if saying.points or saying.refers else least - 2)


def _context(
    said: Utterance, asked: Utterance | None, before: Sequence[Utterance], here: Sequence[Utterance]
) -> list[Utterance]:
    """Return what was said before that a sentence needs to be understood, in order."""
    saying = said.saying
    if asked and (saying.is_answer or saying.is_verdict or saying.leans or not saying.is_clause):
        return [asked]
    # What another says of themselves would read as said by this speaker; a question never does.
    earlier = before[-1:]
    if earlier and not (earlier[0].shares_speaker(said) or earlier[0].saying.is_question):
        earlier = []
    earlier = [*earlier, *here[-LARGEST_CONTEXT:]]
    needed: list[Utterance] = []
    while earlier and saying.leans and len(needed) < LARGEST_CONTEXT:
        needed.insert(0, earlier.pop())
        saying = needed[0].saying
    return needed


def _texts(draft: _Draft) -> list[str]:
    """Return the text of a fact, in several parts if it is longer than any memory may be."""
    text = " ".join(said.text for said in draft.sayings)
    parts: list[str] = []
    while len(text) > LONGEST_FACT:
        cut = text.rfind(" ", 1, LONGEST_FACT)
        cut = cut if cut > 0 else LONGEST_FACT
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
    """Return the facts with all that goes with them."""
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
    """Return when it happened, by the sentence itself before those it leans on."""
    for said in [draft.own, *draft.after, *reversed(draft.context)]:
        # What was said formerly has another day as its today, unless it says which.
        if said.turn is not None or said.by.timestamp:
            moment = moment_of(said.text, said.by.timestamp or assignment.observed_at)
            if moment:
                return moment
    return None
