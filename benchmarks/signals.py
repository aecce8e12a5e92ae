"""`python -m benchmarks.signals --harness FOLDER --data FILE ...`: the gain of each ranking signal.

The measures are those of the LoCoMo harness. The conversations are those of LoCoMo or of BEAM; none
of them are part of this project. It prints two tables with columns for each file: in the first each
row has all signals of the rows above it, in the second each row has all signals but one. A
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
from ranking.score import (
    DEFAULT_WEIGHTS,
    RERANK_WEIGHTS,
    RankingQuery,
    Signals,
    Weights,
    add_rerank,
    compute_signals,
)
from resolvers.memories.embedding import keywords_of, text_to_embed
from resolvers.runtime.known_share import known_share_of
from resolvers.runtime.token_cache import TokenCache
from resolvers.search.query import vector_of
from resolvers.search.ranking import RERANKED_ROWS, Ranking, late_interaction
from storage.search.documents import Utterance

MEASURES = ("recall@5", "recall@10", "nDCG@10")


# The size of the cache of token states: that of a server, with its default settings.
_TOKEN_CACHE = 2**27


@dataclass(frozen=True)
class Variant:
    """A subset of the signals: the weights, and switches for signals that are not just a weight.

    The last three switch off that signals count less in long texts.
    """

    name: str
    weights: Weights = DEFAULT_WEIGHTS
    rewrite: bool = True
    context: bool = True
    previous: bool = True
    fading_words: bool = True
    fading_questions: bool = True
    fading_neighbours: bool = True


def variants() -> list[Variant]:
    """Return variants of which each has one signal more than the one before."""
    dense = Weights(keyword=0, actor=0, speaker=0, temporal=0, question=0, brevity=0, following=0)
    words = replace(dense, keyword=DEFAULT_WEIGHTS.keyword)
    actor = replace(words, actor=DEFAULT_WEIGHTS.actor)
    speaker = replace(actor, speaker=DEFAULT_WEIGHTS.speaker)
    dates = replace(speaker, temporal=DEFAULT_WEIGHTS.temporal)
    questions = replace(dates, question=DEFAULT_WEIGHTS.question)
    brevity = replace(questions, brevity=DEFAULT_WEIGHTS.brevity)
    plain = Variant("meaning", dense, rewrite=False, context=False, previous=False)
    lexical = replace(plain, name="+ words (BM25)", weights=words, fading_words=False)
    return [
        plain,
        lexical,
        replace(lexical, name="+ less of them in long texts", fading_words=True),
        Variant("+ first person", words, context=False, previous=False),
        Variant("+ words of neighbours", words, previous=False),
        Variant("+ text before it embedded", words),
        Variant("+ actor", actor),
        Variant("+ user or assistant", speaker),
        Variant("+ dates", dates),
        Variant("+ questions lose", questions),
        Variant("+ texts of few words lose", brevity),
        Variant("+ next neighbour", DEFAULT_WEIGHTS),
        Variant("+ rerank", RERANK_WEIGHTS),
    ]


def without_one() -> list[Variant]:
    """Return variants with all signals but one, after the one with all. None of them reranks."""

    def weights(**changed: float) -> Weights:
        return replace(DEFAULT_WEIGHTS, **changed)

    return [
        Variant("all"),
        Variant("words", weights(keyword=0)),
        Variant("words counting less in long texts", fading_words=False),
        Variant("first person", rewrite=False),
        Variant("words of neighbours", context=False),
        Variant("text before it embedded", previous=False),
        Variant("actor", weights(actor=0)),
        Variant("user or assistant", weights(speaker=0)),
        Variant("dates", weights(temporal=0)),
        Variant("questions lose", weights(question=0)),
        Variant("questions losing less in long texts", fading_questions=False),
        Variant("texts of few words lose", weights(brevity=0)),
        Variant("next neighbour", weights(following=0)),
        Variant("next neighbour lending less where texts are long", fading_neighbours=False),
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
        # Row 0 stands for no turn, and row 1 is the first turn.
        after = [at + 2 if goes_on else 0 for at, goes_on in enumerate(self.follows[1:])]
        self.following = np.array([0, *after, 0][: len(turns) + 1], np.int32)
        self._cache: TokenCache | None = None

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
        found = _signals(corpus, asked, variant)
        # Without the words of neighbours, there still are neighbours.
        found.next_rows = self.following
        unranked = replace(variant.weights, rerank=0)
        add_rerank(found, unranked, np.zeros(0, np.int32), np.zeros(0, np.float32))
        ranking = Ranking(corpus.ids, found, np.arange(1, corpus.end, dtype=np.int32))
        if variant.weights.rerank:
            rows = ranking.best(RERANKED_ROWS)
            said = [self.said[int(corpus.ids[row])] for row in rows]
            texts = [without_speaker(each.text, each.speaker) for each in said]
            cache = self._cache = self._cache or TokenCache(embedder, _TOKEN_CACHE)
            fade = found.fade[rows]
            values = await late_interaction(cache, "benchmark", text, words, texts, fade)
            add_rerank(found, variant.weights, rows, values)
        return [self.ids[int(corpus.ids[row])] for row in ranking.best(20)]


def _signals(corpus: Corpus, asked: RankingQuery, variant: Variant) -> Signals:
    """Return the signals of a variant; its neighbours' share is not final."""
    context = corpus.context()
    fade = context.fade
    if not variant.fading_words:
        context.fade = np.ones_like(fade)
    found = compute_signals(corpus, asked, variant.weights)
    context.fade = fade
    found.fade = fade if variant.fading_neighbours else np.ones_like(fade)
    if not variant.fading_questions:
        questions = corpus.questions[: corpus.end]
        found.base = found.base + variant.weights.question * (1 - fade) * questions
    return found


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
    conversations: Sequence[dict[str, Any]],
    variants: Sequence[Variant],
    score: Callable[..., dict[str, float]],
    embedder: MiniLM,
) -> list[list[str]]:
    """Return the mean measures of each variant."""
    scores: list[list[dict[str, float]]] = [[] for _ in variants]
    for each in conversations:
        conversation = Conversation(each["turns"])
        corpora = {
            (context, previous): await conversation.corpus(
                embedder, context=context, previous=previous
            )
            for context, previous in {(each.context, each.previous) for each in variants}
        }
        for question in each["questions"]:
            for variant, rows in zip(variants, scores, strict=True):
                corpus = corpora[variant.context, variant.previous]
                ranked = await conversation.search(corpus, embedder, question["question"], variant)
                rows.append(score(ranked, question["evidence"]))
    return [
        [f"{statistics.fmean(row[measure] for row in rows):.3f}" for measure in MEASURES]
        for rows in scores
    ]


def read(path: Path) -> list[dict[str, Any]]:
    """Return the conversations of a file of LoCoMo or BEAM."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if "messages" in content[0]:
        return read_beam(content)
    return list(import_module("dataset").load(path))


def main() -> None:
    """Parse the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--harness", required=True, help="the folder of the harness")
    parser.add_argument(
        "--data", required=True, nargs="+", type=Path, help="files of conversations"
    )
    given = parser.parse_args()
    sys.path.insert(0, given.harness)
    score = import_module("metrics").score
    files = [(path, read(path)) for path in given.data]
    for path, conversations in files:
        questions = sum(len(each["questions"]) for each in conversations)
        print(f"{path.name}: {questions:,} questions of {len(conversations)} conversations")
    columns = [f"{path.stem} {measure}" for path, _ in files for measure in MEASURES]
    embedder = MiniLM()
    for title, shown in (
        ("Each row with all those above it", variants()),
        ("All signals without one of them", without_one()),
    ):
        found = [
            asyncio.run(measure(conversations, shown, score, embedder))
            for _, conversations in files
        ]
        heading(title)
        table(
            ("", *columns),
            [
                [variant.name, *(value for part in parts for value in part)]
                for variant, *parts in zip(shown, *found, strict=True)
            ],
        )
    embedder.close()


if __name__ == "__main__":
    main()
