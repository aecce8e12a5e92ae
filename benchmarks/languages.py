"""`python -m benchmarks.languages`: how often a question finds its fact, in thirteen languages.

The facts and questions are in `languages.txt`. Each language is one scope, ranked whole by the
ranking functions of the server. With `--model` and `--base-url`, the embeddings come from a model
behind an endpoint instead of the bundled one.
"""

import argparse
import asyncio
import statistics
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.table import heading, table
from language.loose_terms import loose_terms
from language.terms import terms
from providers.base import Embedder
from providers.minilm.embedder import MiniLM
from providers.openai_embeddings import connect_embedder
from ranking.corpus import Corpus, Document
from ranking.score import DEFAULT_WEIGHTS, RankingQuery, compute_signals
from resolvers.memories.embedding import keywords_of
from resolvers.runtime.known_share import known_share_of
from resolvers.search.query import vector_of
from resolvers.search.ranking import Ranking
from storage.search.documents import Utterance

DATA = Path(__file__).with_name("languages.txt")


@dataclass
class Labelled:
    """The facts of one language, and of the first ones the questions with and without words."""

    name: str
    group: str
    facts: list[str] = field(default_factory=list)
    with_words: list[str] = field(default_factory=list)
    without_words: list[str] = field(default_factory=list)


def read() -> list[Labelled]:
    """Return the languages of `languages.txt`."""
    found: list[Labelled] = []
    for line in DATA.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            found.append(Labelled(*line.strip("[]").split(", ")))
        elif line and not line.startswith("#"):
            fact, *questions = line.split(" | ")
            found[-1].facts.append(fact)
            if questions:
                found[-1].with_words.append(questions[0])
                found[-1].without_words.append(questions[1])
    return found


async def corpus_of(facts: list[str], embedder: Embedder) -> Corpus:
    """Return the corpus of facts that were added one by one."""
    corpus = Corpus(embedder.dimension)
    for at, (fact, vector) in enumerate(zip(facts, await embedder.embed(facts), strict=True)):
        found = keywords_of(Utterance(fact, None))
        corpus.put(
            Document(
                id=f"{at:02}",
                previous_id=None,
                speaker=None,
                happened=0,
                terms=found.terms,
                words=found.words,
                is_question=found.is_question,
                names_speaker=found.names_speaker,
                vector=vector,
                known=known_share_of(found.terms, embedder.known_share),
            )
        )
    return corpus


async def hits(corpus: Corpus, questions: list[str], embedder: Embedder) -> list[float]:
    """Return the shares of questions whose fact is the first, and among the first three."""
    places = []
    for at, question in enumerate(questions):
        vector = vector_of((await embedder.embed([question]))[0])
        asked = RankingQuery(
            vector,
            vector,
            frozenset(terms(question)),
            known=embedder.known_share(question),
            loose=loose_terms(question),
        )
        found = compute_signals(corpus, asked, DEFAULT_WEIGHTS)
        rows = np.arange(1, corpus.end, dtype=np.int32)
        ranking = Ranking(corpus.ids, found, rows, known=asked.known)
        places.append(ranking.best(corpus.end).tolist().index(at + 1))
    return [statistics.fmean(place < most for place in places) for most in (1, 3)]


async def measure(embedder: Embedder) -> None:
    """Print a row for each language, and the means of both groups."""
    rows: list[list[object]] = []
    groups: dict[str, list[list[float]]] = {}
    for each in read():
        corpus = await corpus_of(each.facts, embedder)
        known = statistics.fmean(map(embedder.known_share, each.facts))
        found = await hits(corpus, each.with_words, embedder)
        found += await hits(corpus, each.without_words, embedder)
        groups.setdefault(each.group, []).append(found)
        rows.append([f"{each.name} ({each.group})", *(f"{value:.2f}" for value in (known, *found))])
    for group, values in groups.items():
        means = (statistics.fmean(column) for column in zip(*values, strict=True))
        rows.append([f"mean, {group}", "", *(f"{value:.3f}" for value in means)])
    heading("Languages", f"{embedder.model}; questions with and without words of their fact.")
    table(("", "known", "with @1", "with @3", "without @1", "without @3"), rows)


def main() -> None:
    """Parse the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="an embedding model behind an endpoint")
    parser.add_argument("--base-url", help="the address of the endpoint")
    given = parser.parse_args()
    embedder: Embedder = MiniLM()
    if given.model:
        embedder.close()
        embedder = connect_embedder(
            given.model, base_url=given.base_url, api_key=None, timeout=60.0, concurrency=1
        )
    asyncio.run(measure(embedder))
    embedder.close()


if __name__ == "__main__":
    main()
