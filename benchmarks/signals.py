"""`python -m benchmarks.signals --harness FOLDER --data FILE`: the gain of each ranking signal.

The metrics are those of the LoCoMo harness. The conversations are those of LoCoMo or of BEAM; none
of them are part of this project. Each row of the table has all signals of the rows above it. A
conversation is one scope, ranked whole by the ranking functions of the server, without storage and
requests.
"""

import argparse
import asyncio
import json
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.table import heading, table
from core.ids import now
from core.turn import ASSISTANT_ROLE
from language.dates.queries import query_dates
from language.loose_terms import loose_terms
from language.names import name_terms, speakers_named_in, to_first_person, without_speaker
from language.query_intent import asks_about_assistant
from language.terms import terms
from providers.base import Embedder
from providers.minilm.embedder import MiniLM
from ranking.corpus import Corpus, Document
from ranking.late import maxsim
from ranking.score import (
    DEFAULT_WEIGHTS,
    RERANK_WEIGHTS,
    RankingQuery,
    Weights,
    add_rerank,
    compute_signals,
)
from resolvers.memories.embedding import keywords_of, text_to_embed
from resolvers.runtime.known_share import known_share_of
from resolvers.search.query import vector_of
from resolvers.search.ranking import RERANKED_ROWS, Ranking
from storage.search.documents import Utterance

MEASURES = ("recall@5", "recall@10", "nDCG@10")


@dataclass(frozen=True)
class Variant:
    """A subset of the signals: the weights, and switches for signals that are not just a weight."""

    name: str
    weights: Weights
    rewrite: bool = True
    context: bool = True
    previous: bool = True


def variants() -> list[Variant]:
    """Return the variants; each adds one signal to the one before."""
    dense = Weights(keyword=0, actor=0, speaker=0, temporal=0, question=0, brevity=0, following=0)
    words = replace(dense, keyword=DEFAULT_WEIGHTS.keyword)
    actor = replace(words, actor=DEFAULT_WEIGHTS.actor)
    speaker = replace(actor, speaker=DEFAULT_WEIGHTS.speaker)
    dates = replace(speaker, temporal=DEFAULT_WEIGHTS.temporal)
    form = replace(dates, question=DEFAULT_WEIGHTS.question, brevity=DEFAULT_WEIGHTS.brevity)
    return [
        Variant("meaning", dense, rewrite=False, context=False, previous=False),
        Variant("+ words (BM25)", words, rewrite=False, context=False, previous=False),
        Variant("+ first person", words, context=False, previous=False),
        Variant("+ words of neighbours", words, previous=False),
        Variant("+ text before it embedded", words),
        Variant("+ actor", actor),
        Variant("+ user or assistant", speaker),
        Variant("+ dates", dates),
        Variant("+ form", form),
        Variant("+ next neighbour", DEFAULT_WEIGHTS),
        Variant("+ rerank", RERANK_WEIGHTS),
    ]


class Conversation:
    """The turns of a conversation, prepared for ranking with any variant."""

    def __init__(self, turns: Sequence[dict[str, Any]]) -> None:
        self.ids = [turn["id"] for turn in turns]
        self.said = [Utterance(turn["text"], turn["metadata"]["speaker"]) for turn in turns]
        self.keywords = [keywords_of(said) for said in self.said]
        self.happened = [turn["timestamp"].timestamp() for turn in turns]
        self.from_assistant = [turn["metadata"].get("role") == ASSISTANT_ROLE for turn in turns]
        sessions = [turn["metadata"]["session"] for turn in turns]
        self.follows = [at > 0 and sessions[at] == sessions[at - 1] for at in range(len(turns))]

    async def corpus(self, embedder: Embedder, *, context: bool, previous: bool) -> Corpus:
        """Return the corpus of the turns.

        With `context` turns are linked; with `previous` each is embedded with the turn before it.
        """
        before = [
            self.said[at - 1] if previous and self.follows[at] else None
            for at in range(len(self.said))
        ]
        vectors = await embedder.embed(
            [
                text_to_embed(said, found.words, former)
                for said, found, former in zip(self.said, self.keywords, before, strict=True)
            ]
        )
        corpus = Corpus(embedder.dimension)
        for at, (said, found) in enumerate(zip(self.said, self.keywords, strict=True)):
            corpus.put(
                Document(
                    id=f"{at:06}",
                    previous_id=f"{at - 1:06}" if context and self.follows[at] else None,
                    speaker=said.speaker,
                    happened=self.happened[at],
                    terms=found.terms,
                    words=found.words,
                    is_question=found.is_question,
                    names_speaker=found.names_speaker,
                    vector=vectors[at],
                    from_assistant=self.from_assistant[at],
                    known=known_share_of(found.terms, embedder.known_share),
                )
            )
        return corpus

    async def search(
        self, corpus: Corpus, embedder: MiniLM, query: str, variant: Variant
    ) -> list[str]:
        """Return the harness's ids of the 20 best turns, best first."""
        named = speakers_named_in(query, corpus.speakers)
        text = to_first_person(query, named.values()) if variant.rewrite else query
        vector, plain = [vector_of((await embedder.embed([each]))[0]) for each in (text, query)]
        dropped = name_terms(named.values()) if variant.rewrite else set()
        words = frozenset(terms(query)) - dropped
        asked = RankingQuery(
            vector,
            plain,
            words,
            frozenset(named),
            query_dates(query, now()),
            about_assistant=asks_about_assistant(query),
            known=embedder.known_share(query),
            loose=loose_terms(query),
        )
        found = compute_signals(corpus, asked, variant.weights)
        ranking = Ranking(corpus.ids, found, np.arange(1, corpus.end, dtype=np.int32))
        if variant.weights.rerank:
            rows = ranking.best(RERANKED_ROWS)
            texts = [self.said[int(corpus.ids[row])] for row in rows]
            read = await embedder.token_states(
                [text, *(without_speaker(said.text, said.speaker) for said in texts)]
            )
            states = [(each.tokens, each.states.astype(np.float32)) for each in read]
            add_rerank(found, variant.weights, rows, maxsim(states[0], states[1:]))
        return [self.ids[int(corpus.ids[row])] for row in ranking.best(20)]


def read_beam(conversations: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return BEAM's conversations as those of LoCoMo are read: a batch of messages is a session."""
    return [
        {
            "turns": list(_turns(each["messages"])),
            "questions": [
                {**question, "evidence": set(question["evidence"])}
                for question in each["questions"]
                if question["evidence"]
            ],
        }
        for each in conversations
    ]


def _turns(messages: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield messages as turns; one without a day has that of the message before it."""
    day = now()
    for message in messages:
        with suppress(TypeError, ValueError):
            day = datetime.strptime(message["anchor"], "%B-%d-%Y").replace(hour=12, tzinfo=UTC)
        if message["content"].strip():
            who = "user" if message["role"] != ASSISTANT_ROLE else None
            about = {"speaker": who, "role": message["role"], "session": message["batch"]}
            yield {
                "id": message["id"],
                "text": message["content"],
                "timestamp": day,
                "metadata": about,
            }


async def measure(
    conversations: Sequence[dict[str, Any]], score: Callable[..., dict[str, float]]
) -> list[list[object]]:
    """Return a table row with the mean metrics of each variant."""
    embedder = MiniLM()
    scores: dict[str, list[dict[str, float]]] = {variant.name: [] for variant in variants()}
    for each in conversations:
        conversation = Conversation(each["turns"])
        corpora = {
            (context, previous): await conversation.corpus(
                embedder, context=context, previous=previous
            )
            for context, previous in ((False, False), (True, False), (True, True))
        }
        for question in each["questions"]:
            for variant in variants():
                corpus = corpora[variant.context, variant.previous]
                ranked = await conversation.search(corpus, embedder, question["question"], variant)
                scores[variant.name].append(score(ranked, question["evidence"]))
    embedder.close()
    return [
        [name, *(f"{statistics.fmean(row[measure] for row in rows):.3f}" for measure in MEASURES)]
        for name, rows in scores.items()
    ]


def main() -> None:
    """Parse the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--harness", required=True, help="the folder of the harness")
    parser.add_argument("--data", required=True, help="a file of conversations")
    given = parser.parse_args()
    sys.path.insert(0, given.harness)
    content = json.loads(Path(given.data).read_text(encoding="utf-8"))
    if "messages" in content[0]:
        conversations = read_beam(content)
    else:
        conversations = list(import_module("dataset").load(given.data))
    questions = sum(len(each["questions"]) for each in conversations)
    rows = asyncio.run(measure(conversations, import_module("metrics").score))
    heading("Gain of each signal", f"{questions:,} questions; each row adds to those above it.")
    table(("", *MEASURES), rows)


if __name__ == "__main__":
    main()
