"""The embedding and the keywords of a memory's text, computed before it is stored.

A short turn of a conversation means little by itself ("Yes, in May!"), so it is embedded together
with the utterance before it. Long texts are embedded alone, because context would blur them. A text
that was drawn from a message is searched with this message: its vector is the mean of both, and the
other words of the message, or of a part of a long one, follow its own.
"""

import asyncio
from collections.abc import Sequence

from core.enums import JobKind
from language.claims.claim import claim_of
from language.loose_terms import stored_terms
from language.names import names_speaker, without_speaker
from language.terms import VERSION as TERMS_VERSION
from language.terms import terms
from ranking.corpus import MAX_CONTEXT_WORDS
from resolvers.context import Services
from resolvers.memories.origins import Origin, joined_keywords, mean_vector, origin_of
from storage.search.documents import Utterance
from storage.search.keywords import Keywords
from storage.search.origins import EmbeddedText
from storage.transaction import Transaction

_STATE = "terms"
# Change this with every change of the keywords computed from a text: they are then recomputed.
VERSION = f"{TERMS_VERSION}.claims-2.origins-2"
_QUESTION_MARKS = ("?", "\N{FULLWIDTH QUESTION MARK}", "\N{ARABIC QUESTION MARK}")
_PAGE = 500
# Only the first terms of a text are indexed, so that the longest text fits PostgreSQL's index.
_MOST_TERMS = 10_000


def keywords_of(utterance: Utterance) -> Keywords:
    """Return the keywords of an utterance."""
    body = without_speaker(utterance.text, utterance.speaker)
    found, claim = terms(body)[:_MOST_TERMS], claim_of(body)
    return Keywords(
        terms=" ".join([*found, *stored_terms(body)][:_MOST_TERMS]),
        words=len(found),
        is_question=body.rstrip().endswith(_QUESTION_MARKS),
        names_speaker=names_speaker(utterance.text, utterance.speaker),
        attribute=claim.attribute if claim else None,
    )


def text_to_embed(utterance: Utterance, words: int, before: Utterance | None) -> str:
    """Return the text to embed for an utterance.

    `words` is its number of content words, and `before` the preceding utterance.
    """
    body = without_speaker(utterance.text, utterance.speaker)
    if before is None or words > MAX_CONTEXT_WORDS:
        return body
    former = without_speaker(before.text, before.speaker)
    return f"{former} {body}" if len(terms(former)) <= MAX_CONTEXT_WORDS else body


async def embed_texts(
    services: Services, items: Sequence[tuple[Utterance, Utterance | None]]
) -> list[EmbeddedText]:
    """Return the embeddings and keywords of utterances, each given with the preceding one."""
    # Splitting a megabyte into words would block the event loop for a noticeable time.
    keywords, texts = await asyncio.to_thread(_read, items)
    vectors = await services.embedder.embed(texts)
    return [EmbeddedText(*pair) for pair in zip(vectors, keywords, strict=True)]


# A text that was drawn from a message, the message, and the utterance before the message.
DrawnText = tuple[Utterance, Utterance, Utterance | None]


async def embed_drawn(services: Services, items: Sequence[DrawnText]) -> list[EmbeddedText]:
    """Return the embeddings and keywords of texts, together with the messages they come from.

    `alone` of each is what the text has without its message.
    """

    # A message with many facts is read once for all of them.
    messages = list(dict.fromkeys((message, before) for _, message, before in items))

    def read() -> tuple[list[Keywords], list[Origin], list[str]]:
        own, texts = _read([(utterance, None) for utterance, _, _ in items])
        origins = [origin_of(message, keywords_of) for message, _ in messages]
        texts += [
            text_to_embed(message, origin.keywords.words, before)
            for (message, before), origin in zip(messages, origins, strict=True)
        ]
        return own, origins, texts

    own, origins, texts = await asyncio.to_thread(read)
    vectors = await services.embedder.embed(texts)
    drawn_from = dict(zip(messages, zip(origins, vectors[len(items) :], strict=True), strict=True))

    def join() -> list[EmbeddedText]:
        found = []
        for (_, message, before), mine, alone in zip(items, vectors, own, strict=False):
            origin, others = drawn_from[message, before]
            joined = joined_keywords(alone, origin, _MOST_TERMS)
            found.append(EmbeddedText(mean_vector(mine, others), joined, EmbeddedText(mine, alone)))
        return found

    return await asyncio.to_thread(join)


def _read(items: Sequence[tuple[Utterance, Utterance | None]]) -> tuple[list[Keywords], list[str]]:
    """Return the keywords of utterances, and the text to embed for each."""
    keywords = [keywords_of(utterance) for utterance, _ in items]
    texts = [
        text_to_embed(utterance, found.words, before)
        for (utterance, before), found in zip(items, keywords, strict=True)
    ]
    return keywords, texts


async def renew_keywords(services: Services) -> int:
    """Recompute the keywords of all memories if another version computed the stored ones.

    Memories that were drawn from a stored message and have not changed since are embedded with it,
    if they are not yet. Returns the number of memories. Memories stored meanwhile already have
    current keywords.
    """
    if await services.db.read(lambda tx: tx.state.get(_STATE)) == VERSION:
        return 0
    total = 0
    for project_id in await services.db.read(lambda tx: tx.projects.all_ids()):
        ids = await _renew_page(services, project_id, "")
        while ids:
            total += len(ids)
            ids = await _renew_page(services, project_id, ids[-1])
    await services.db.write(lambda tx: tx.state.put(_STATE, VERSION))
    return total


async def _renew_page(services: Services, project_id: str, after: str) -> list[str]:
    """Recompute the keywords of one page of memories after an id; return their ids."""

    def read(tx: Transaction) -> tuple[list[str], dict[str, tuple[str, DrawnText]]]:
        ids = tx.vectors.page(project_id, after, _PAGE)
        found, said = tx.origins.missing(ids), tx.documents.utterances(ids)
        return ids, {
            id: (message_id, (said[id][0], Utterance(content, said[id][0].speaker), said[id][1]))
            for id, (message_id, content) in found.items()
        }

    ids, drawn = await services.db.read(read)
    embedded = await embed_drawn(services, [item for _, item in drawn.values()]) if drawn else []
    joined = dict(zip(drawn, embedded, strict=True))

    def work(tx: Transaction) -> None:
        tx.memories.lock(ids)
        said, messages = tx.documents.utterances(ids), tx.origins.texts(ids)
        missing = tx.origins.missing(ids)
        own = {id: keywords_of(utterance) for id, (utterance, _) in said.items()}
        keywords = dict(own)
        origins: dict[Utterance, Origin] = {}
        for id, content in messages.items():
            message = Utterance(content, said[id][0].speaker)
            if message not in origins:
                origins[message] = origin_of(message, keywords_of)
            keywords[id] = joined_keywords(own[id], origins[message], _MOST_TERMS)
        tx.origins.replace_terms({id: own[id] for id in messages})
        # A memory that changed meanwhile is searched by its own text.
        same = [id for id in joined if id in missing and said[id][0] == drawn[id][1][0]]
        keywords |= {id: joined[id].keywords for id in same}
        tx.memories.replace_keywords(keywords)
        vectors = [(id, joined[id].vector) for id in same]
        tx.vectors.replace(project_id, services.embedder.model, vectors)
        tx.origins.add((id, drawn[id][0], alone) for id in same if (alone := joined[id].alone))
        tx.jobs.put(JobKind.INDEX, same, project_id, services.clock())

    await services.db.write(work)
    return ids
