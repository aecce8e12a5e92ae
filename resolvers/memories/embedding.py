"""The embedding and the keywords of a memory's text, computed before it is stored.

A short turn of a conversation means little by itself ("Yes, in May!"), so it is embedded together
with the utterance before it. Long texts are embedded alone, because context would blur them.
"""

import asyncio
from collections.abc import Sequence

from language.claims.claim import claim_of
from language.loose_terms import stored_terms
from language.names import names_speaker, without_speaker
from language.terms import VERSION as TERMS_VERSION
from language.terms import terms
from ranking.corpus import MAX_CONTEXT_WORDS
from resolvers.context import Services
from storage.memories.store import EmbeddedText
from storage.search.documents import Utterance
from storage.search.keywords import Keywords
from storage.transaction import Transaction

_STATE = "terms"
# Change this with every change of the keywords computed from a text: they are then recomputed.
VERSION = f"{TERMS_VERSION}.claims-2"
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

    Returns the number of memories. Memories stored meanwhile already have current keywords.
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

    def work(tx: Transaction) -> list[str]:
        ids = tx.vectors.page(project_id, after, _PAGE)
        tx.memories.lock(ids)
        tx.memories.replace_keywords(
            {
                id: keywords_of(utterance)
                for id, (utterance, _) in tx.documents.utterances(ids).items()
            }
        )
        return ids

    return await services.db.write(work)
