"""What is computed from a memory's text before it is stored: its embedding and its keywords.

A short turn of a conversation means little by itself ("Yes, in May!"), so it is embedded together
with what was said before it. Long texts stand for themselves: context would blur them.
"""

import asyncio
from collections.abc import Sequence

from language.claims import claim_of
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
# Whatever changes what is derived of a text must change this too: it is then derived again.
VERSION = f"{TERMS_VERSION}.claims-1"
_QUESTION_MARKS = ("?", "\N{FULLWIDTH QUESTION MARK}", "\N{ARABIC QUESTION MARK}")
_PAGE = 500
# A text is known by its first words, so that the longest one has room in PostgreSQL's index.
_MOST_TERMS = 10_000


def keywords_of(said: Utterance) -> Keywords:
    """Return the keywords of what was said."""
    body = without_speaker(said.text, said.speaker)
    found, claim = terms(body)[:_MOST_TERMS], claim_of(body)
    return Keywords(
        terms=" ".join(found),
        words=len(found),
        is_question=body.rstrip().endswith(_QUESTION_MARKS),
        names_speaker=names_speaker(said.text, said.speaker),
        attribute=claim.attribute if claim else None,
    )


def embedded_text(said: Utterance, words: int, before: Utterance | None) -> str:
    """Return what is embedded for a text of so many content words, with what was said before it."""
    body = without_speaker(said.text, said.speaker)
    if before is None or words > MAX_CONTEXT_WORDS:
        return body
    former = without_speaker(before.text, before.speaker)
    return f"{former} {body}" if len(terms(former)) <= MAX_CONTEXT_WORDS else body


async def embed_texts(
    services: Services, items: Sequence[tuple[Utterance, Utterance | None]]
) -> list[EmbeddedText]:
    """Return what is derived of each text, given what was said before it."""
    # Cutting a megabyte into words takes long enough to be noticed by everybody on the event loop.
    keywords, texts = await asyncio.to_thread(_read, items)
    vectors = await services.embedder.embed(texts)
    return [EmbeddedText(*pair) for pair in zip(vectors, keywords, strict=True)]


def _read(items: Sequence[tuple[Utterance, Utterance | None]]) -> tuple[list[Keywords], list[str]]:
    """Return the keywords of texts, and what is to be embedded for each."""
    keywords = [keywords_of(said) for said, _ in items]
    texts = [
        embedded_text(said, found.words, before)
        for (said, before), found in zip(items, keywords, strict=True)
    ]
    return keywords, texts


async def renew_keywords(services: Services) -> int:
    """Make the keywords of all memories again if they were made by another version of the terms.

    Returns how many were made. Memories that a transaction stores meanwhile have theirs already.
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
    """Make the keywords of the memories after an id again; return the ids, none at the end."""

    def work(tx: Transaction) -> list[str]:
        ids = tx.vectors.page(project_id, after, _PAGE)
        tx.memories.lock(ids)
        tx.memories.replace_keywords(
            {id: keywords_of(said) for id, (said, _) in tx.documents.utterances(ids).items()}
        )
        return ids

    return await services.db.write(work)
