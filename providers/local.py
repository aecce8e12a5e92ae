"""The extractor without a chat model: rules and the embedder, without network or randomness.

It keeps what people say about themselves and their actions, in their own words, and drops small
talk. The trap is the sentence that means nothing alone ("It was great there", "In Paris."): it is
stored together with the preceding sentences, which then must be fit to be stored too.
"""

import asyncio
import re
from collections.abc import Iterator, Sequence

import numpy as np

from core.turn import Speaker, Turn
from language.asides import OFFERS
from language.concepts import concepts_in
from language.dates.corrections import corrected_moment
from language.dates.moments import Moment, moment_of
from language.foreign_words import is_foreign_answer
from language.saying_phrases import ANYTHING, DENIES
from language.sayings import Saying
from language.sentences import is_code
from language.terms import terms
from providers.answers import is_explaining, utterances_of_answer
from providers.base import Embedder
from providers.categories import Categorizer
from providers.extraction import Assignment, Extraction, Fact, Skipped
from providers.fact_drafts import FactDraft, distinct_facts, joined_answer
from providers.foreign import is_foreign, may_be_foreign_statement
from providers.keeping_rules import (
    ANSWERS,
    DRAWN,
    INCLUDED,
    Candidate,
    Rule,
    Utterance,
    deciding_rule,
)
from providers.utterances import utterances_of

MAX_CONTEXT_SENTENCES = 2  # Sentences put before a sentence that cannot stand alone.
MAX_FACT_SENTENCES = 1 + MAX_CONTEXT_SENTENCES  # Including sentences that are mere judgements.
MAX_SHORT_LENGTH = 1_000  # Characters; a longer turn is long.
MIN_TERMS_ALONE = 3  # Content words a dependent sentence needs if no context can precede it,
MIN_TERMS_ABOUT_OTHERS = 5  # and those it needs if it is not about the speaker.
ECHO_SENTENCES = 20  # The number of last sentences of the user that an assistant may echo.
# The minimum cosine between a sentence and its topic, tuned on a labelled set in the tests. The
# threshold to keep a sentence the rules drop is higher than that to drop an unwanted sentence. It
# lies in a gap of the set, because cosines differ by up to .001 between processors.
NEAR_EXCLUDED, NEAR_INCLUDED = 0.22, 0.295
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
        facts, skipped = await asyncio.to_thread(_facts, turns, wanted, unwanted)
        skipped += _explanations(assignment, facts)
        texts = [text for text, _, _ in facts]
        categories: Sequence[tuple[str, ...]] = [()] * len(texts)
        if texts and assignment.categories:
            categories = await self._categorizer.categorize(texts, assignment.categories)
        found = await asyncio.to_thread(_finish, assignment, facts, categories)
        has_instructions = assignment.instructions or assignment.agent_instructions
        notes = (NOT_FOLLOWED,) if has_instructions else ()
        return Extraction(found, notes=notes, skipped=skipped)

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
    read: list[list[Utterance]] = []
    asked = ""  # The last message of a user.
    for position, turn in placed:
        if is_explaining(turn):
            read.append(utterances_of_answer(position, turn, asked, names))
        else:
            read.append(list(utterances_of(position, turn, names)))
        if turn.speaker is Speaker.USER:
            asked = turn.content
    return read


def _facts(
    turns: Sequence[Sequence[Utterance]], wanted: set[int], unwanted: set[int]
) -> tuple[list[tuple[str, FactDraft, set[int]]], list[Skipped]]:
    """Return the distinct facts, and the sentences that are part of none."""
    passed: list[tuple[Utterance, str]] = []
    drafts = list(_drafts(turns, wanted, unwanted, passed))
    kept = {id(each) for draft in drafts for each in draft.utterances}
    skipped = [
        Skipped(each.turn, each.text, f'Passed over by the rule "{rule}".')
        for each, rule in passed
        if each.turn is not None and id(each) not in kept
    ]
    return distinct_facts(drafts), skipped


def _explanations(
    assignment: Assignment, facts: Sequence[tuple[str, FactDraft, set[int]]]
) -> list[Skipped]:
    """Return the answers of the assistant that explain, and from which no fact was drawn."""
    kept = set().union(*(turns for _, _, turns in facts))
    return [
        Skipped(at, turn.content, 'Passed over by the rule "explanation".')
        for at, turn in enumerate(assignment.turns)
        if at not in kept and not turn.is_context and is_explaining(turn)
    ]


def _drafts(
    turns: Sequence[Sequence[Utterance]],
    wanted: set[int],
    unwanted: set[int],
    passed: list[tuple[Utterance, str]],
) -> Iterator[FactDraft]:
    """Yield the drafts, and add the sentences that are dropped to `passed`, with the rule."""
    before: list[Utterance] = []  # The sentences of the previous turn, without pleasantries.
    user_words: frozenset[str] = frozenset()  # Of the last user turn, to detect echoes.
    about_self = True  # Whether the last user turn speaks of the user.
    last_said: dict[tuple[str, str | None], Utterance] = {}  # The last statement of each speaker.
    for turn in turns:
        here: list[Utterance] = []
        drafts: list[FactDraft] = []
        after_code = False
        is_long = _is_long(turn)
        for own in turn:
            if is_code(own.text):
                after_code = True
                passed.append((own, "code"))
                continue
            question = None if here else _question(before, own)
            answers = question is not None and _is_bare_answer(own, question)
            if own.saying.is_pleasantry and not (answers or own.is_drawn):
                passed.append((own, "pleasantry"))
                continue
            candidate = Candidate(own, question, before, here, user_words, is_long, about_self)
            rule = _rule(candidate, answers, id(own) in wanted)
            last = drafts[-1].utterances if drafts else []
            if own.turn is None or id(own) in unwanted:
                passed.append((own, "excluded topic"))
            elif (
                own.saying.is_judgement
                and not own.is_drawn
                and last
                and here
                and last[-1] is here[-1]
            ):
                if len(last) < MAX_FACT_SENTENCES:
                    drafts[-1].after.append(own)
                else:
                    passed.append((own, "judgement after a long fact"))
            elif not rule.keeps:
                passed.append((own, rule.name))
            else:
                # Code may hold a password, so what refers to it is kept alone.
                corrected = last_said.get(own.speaker_key) if own.saying.corrects else None
                context = (
                    [corrected]
                    if corrected
                    else []
                    if after_code or own.is_drawn
                    else _context(own, question, before, here)
                )
                stands = own.is_drawn or id(own) in wanted or after_code or _stands(own, context)
                if stands and unwanted.isdisjoint(map(id, context)):
                    drafts.append(FactDraft(context, own, rule=rule.name))
                else:
                    reason = "excluded topic before it" if stands else "means nothing alone"
                    passed.append((own, reason))
            after_code = False
            # A request is settled by its reply, so later sentences do not refer to it, unless it
            # asks for an answer.
            asks = own.saying.is_question or own.saying.asks_about_listener
            if asks or not own.saying.is_request:
                here.append(own)
            if not (own.saying.is_question or own.saying.is_request or own.saying.corrects):
                last_said[own.speaker_key] = own
        yield from joined_answer(drafts)
        if turn and turn[0].by.speaker is Speaker.USER:
            last_terms = [each.saying.content_terms for each in turn[-ECHO_SENTENCES:]]
            user_words = frozenset().union(*last_terms)
            about_self = any(
                each.saying.in_first_person or not each.saying.is_question for each in turn
            )
        before = here or before


def _rule(candidate: Candidate, answers: bool, is_wanted: bool) -> Rule:
    """Return the rule that keeps or drops a sentence."""
    if answers or is_wanted:
        return ANSWERS if answers else INCLUDED
    return DRAWN if candidate.own.is_drawn else deciding_rule(candidate)


def _is_long(turn: Sequence[Utterance]) -> bool:
    """Return whether a turn is so long that it explains, or has code."""
    return bool(turn) and (
        len(turn[0].by.content) > MAX_SHORT_LENGTH or any(is_code(each.text) for each in turn)
    )


def _question(before: Sequence[Utterance], own: Utterance) -> Utterance | None:
    """Return the last question among the two preceding sentences, if another speaker asked it."""
    questions = [
        other
        for other in before[-2:]
        if (other.saying.is_question or other.saying.asks_about_listener)
        and OFFERS.match(other.text) is None
    ]
    if not questions and own.saying.is_fragment and before and _may_ask(before[-1], own):
        questions = [before[-1]]
    return questions[-1] if questions and not questions[-1].shares_speaker(own) else None


def _may_ask(other: Utterance, own: Utterance) -> bool:
    """Return whether an assistant's sentence of another language may be a request for a word."""
    return (
        other.by.speaker is Speaker.ASSISTANT
        and own.by.speaker is Speaker.USER
        and not may_be_foreign_statement(own.text)
        and is_foreign(other.text)
    )


def _is_bare_answer(own: Utterance, question: Utterance) -> bool:
    """Return whether a sentence is a bare yes or no to a closed question about a person."""
    if own.saying.is_answer and not own.saying.content_terms and question.saying.is_closed:
        return True
    if is_foreign_answer(own.text) and is_foreign(question.text):
        return True
    # "Are you allergic to anything?" "Nope."
    return (
        DENIES.match(own.text.lower()) is not None
        and not own.saying.content_terms
        and ANYTHING.search(question.text.lower()) is not None
    )


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


def _finish(
    assignment: Assignment,
    facts: Sequence[tuple[str, FactDraft, set[int]]],
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
            corrects=corrected.text if (corrected := draft.corrected) else None,
            reason=f'Kept by the rule "{draft.rule}".',
        )
        for (text, draft, turns), named in zip(facts, categories, strict=True)
    ]


def _happened(draft: FactDraft, assignment: Assignment) -> Moment | None:
    """Return the time of the event, from the own sentence first, then from its context."""
    if draft.corrected:
        said_at = draft.own.by.timestamp or assignment.observed_at
        moment = corrected_moment(draft.corrected.text, draft.own.text, said_at)
        if moment:
            return moment
    for each in [draft.own, *draft.after, *reversed(draft.context)]:
        # An earlier turn without a timestamp has an unknown reference date.
        if each.turn is not None or each.by.timestamp:
            moment = moment_of(each.text, each.by.timestamp or assignment.observed_at)
            if moment:
                return moment
    return None
