"""The corpus against a plain model of it: what is in, what follows what, and what neighbours lend.

The model keeps documents in a dictionary and works everything out anew, as the reference pipeline
defines it: `WINDOW`, the fade of long texts and the least share that counts.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.corpus import Corpus, Document

WINDOW = ((-1, 0.5), (1, 0.3), (-2, 0.25))
SHORT = 32
LEAST = 0.02
NEVER = 2**31 - 1


def document(
    id: str, previous_id: str | None = None, terms: str = "", **values: object
) -> Document:
    """Return a document of its terms, with as many words."""
    vector = np.array([len(terms), 1], "<f4").tobytes()
    plain = Document(id, previous_id, None, 0.0, terms, len(terms.split()), False, False, vector)
    return replace(plain, **values)


class Model:
    """What a corpus is to be: documents, each with the id of the one before it."""

    def __init__(self) -> None:
        self.documents: dict[str, Document] = {}

    def put(self, document: Document) -> None:
        self.documents[document.id] = document

    def remove(self, id: str) -> None:
        """Forget a document; those after it follow the one before it, as the database has it."""
        gone = self.documents.pop(id, None)
        for other in list(self.documents.values()):
            if gone and other.previous_id == id:
                self.put(replace(other, previous_id=gone.previous_id))

    def previous(self, id: str) -> str:
        """Return the id of the document before one, or nobody's."""
        before = self.documents[id].previous_id if id else None
        return before if before in self.documents else ""

    def following(self, id: str) -> list[str]:
        """Return the ids of the documents after one."""
        return [other for other in self.documents if id and self.previous(other) == id]

    def neighbour(self, id: str, step: int) -> str:
        """Return the id of the document some steps away, where at most one follows another."""
        if step > 0:
            return "".join(self.following(id))
        return self.previous(id) if step == -1 else self.previous(self.previous(id))

    def shares(self, id: str) -> list[tuple[str, float]]:
        """Return (id, share) of the neighbours whose words count for a document."""
        found = []
        for step, weight in WINDOW:
            if near := self.neighbour(id, step):
                share = weight * self.fade(id) * self.fade(near)
                if share > LEAST:
                    found.append((near, share))
        return found

    def fade(self, id: str) -> float:
        return min(1.0, SHORT / max(self.documents[id].words, 1))

    def often(self, id: str, term: str) -> int:
        return Counter(self.documents[id].terms.split())[term]

    def often_in_context(self, id: str, term: str) -> float:
        lent = (share * self.often(near, term) for near, share in self.shares(id))
        return self.often(id, term) + sum(lent)

    def words_in_context(self, id: str) -> float:
        lent = (share * self.documents[near].words for near, share in self.shares(id))
        return self.documents[id].words + sum(lent)


TERMS = "abcd"


def check(corpus: Corpus, model: Model) -> None:
    """Compare a corpus with the model."""
    assert len(corpus) == len(model.documents)
    assert corpus.rows.keys() == model.documents.keys()
    alive = np.flatnonzero(corpus.alive[: corpus.end]).tolist()
    assert alive == sorted(corpus.rows.values())
    assert 0 not in alive
    names = {0: None} | {number: name for name, number in corpus.speakers.items()}
    for id, row in corpus.rows.items():
        known = model.documents[id]
        expected = (known.speaker, known.happened, known.words, known.is_question)
        assert corpus.ids[row] == id
        assert (
            names[int(corpus.speaker[row])],
            corpus.happened[row],
            corpus.words[row],
            corpus.questions[row],
        ) == expected
        assert corpus.names_speaker[row] == known.names_speaker
        assert corpus.state[row] == known.state
        assert corpus.expires[row] == (NEVER if known.expires is None else known.expires)
        assert corpus.vectors[row].tobytes() == known.vector
        assert corpus.ids[corpus.previous[row]] == model.previous(id)
        assert corpus.ids[corpus.following[row]] == "".join(model.following(id))
        for near in (corpus.previous[row], corpus.following[row]):
            assert near == 0 or corpus.alive[near]
    check_context(corpus, model)


def check_context(corpus: Corpus, model: Model) -> None:
    """Compare how often terms occur with the model, by themselves and in context."""
    context = corpus.context()
    for term in (*TERMS, "never"):
        own, lent = corpus.term_frequency(term), context.term_frequency(corpus.term_frequency(term))
        assert len(own) == len(lent) == corpus.end
        for id, row in corpus.rows.items():
            assert own[row] == model.often(id, term)
            assert lent[row] == pytest.approx(model.often_in_context(id, term), rel=1e-5)
        dead = ~corpus.alive[: corpus.end]
        assert (own[dead].any(), lent[dead].any()) == (False, False)
    sizes = [model.words_in_context(id) for id in model.documents]
    found = [context.words[corpus.rows[id]] for id in model.documents]
    assert found == pytest.approx(sizes, rel=1e-5)
    mean = sum(sizes) / len(sizes) if sizes else 1.0
    assert context.mean == pytest.approx(mean, rel=1e-5)


Step = Document | str


def take(to: Corpus | Model, step: Step) -> None:
    """Put a document, or remove an id."""
    if isinstance(step, Document):
        to.put(step)
    else:
        to.remove(step)


def played(steps: Sequence[Step]) -> tuple[Corpus, Model]:
    """Return a corpus and a model after the same steps."""
    corpus, model = Corpus(2), Model()
    for step in steps:
        take(corpus, step)
        take(model, step)
    return corpus, model


def filled(*documents: Document) -> Corpus:
    """Return a corpus of documents, put at once."""
    corpus = Corpus(2)
    corpus.put(*documents)
    return corpus


# No two of these lengths bring a share near the least that counts.
LENGTHS = [0, 1, 5, 31, 32, 33, 60, 101, 401, 2_000]
CONTENT = st.fixed_dictionaries(
    {
        "terms": st.lists(st.sampled_from(TERMS), max_size=6).map(" ".join),
        "words": st.sampled_from(LENGTHS),
        "speaker": st.sampled_from([None, "Ana", "Bo"]),
        "happened": st.sampled_from([0.0, -5.5, 1.7e9]),
        "is_question": st.booleans(),
        "names_speaker": st.booleans(),
        "expires": st.sampled_from([None, 0, 19_000]),
        "state": st.integers(0, 3),
        "vector": st.sampled_from([np.array(pair, "<f4").tobytes() for pair in ((1, 0), (0, 1))]),
    }
)


@st.composite
def stories(draw: st.DrawFn) -> list[Step]:
    """Draw conversations that arrive in any order, then changes, deletions and further turns."""
    said = [
        (f"{name}{n}", f"{name}{n - 1}" if n else None)
        for name in "xyz"
        for n in range(draw(st.integers(0, 4)))
    ]
    steps: list[Step] = []
    model = Model()

    def put(id: str, previous_id: str | None) -> None:
        steps.append(document(id, previous_id, **draw(CONTENT)))
        take(model, steps[-1])

    for id, previous_id in draw(st.permutations(said)):
        put(id, previous_id)
        if draw(st.booleans()):
            again = draw(st.sampled_from(sorted(model.documents)))
            put(again, model.documents[again].previous_id)
    for n in range(draw(st.integers(0, 8))):
        known = sorted(model.documents)
        kind = draw(st.sampled_from(["replace", "remove", "append"]))
        if kind == "append" or not known:
            last = [id for id in known if not model.following(id)]
            put(f"new{n}", draw(st.sampled_from([None, *last])))
        elif kind == "replace":
            again = draw(st.sampled_from(known))
            put(again, model.documents[again].previous_id)
        else:
            steps.append(draw(st.sampled_from([*known, "unknown"])))
            take(model, steps[-1])
    return steps


@settings(deadline=None)
@given(stories())
def test_a_corpus_is_what_the_model_says(steps: list[Step]) -> None:
    corpus, model = Corpus(2), Model()
    for step in steps:
        take(corpus, step)
        take(model, step)
        check(corpus, model)


@settings(deadline=None)
@given(stories(), st.randoms())
def test_a_corpus_of_what_is_left_is_the_same(steps: list[Step], chance: Random) -> None:
    _, model = played(steps)
    left = list(model.documents.values())
    chance.shuffle(left)
    check(filled(*left), model)


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([document("b", "a"), "b", document("a")], id="removed before it comes"),
        pytest.param([document("b", "a"), document("b"), document("a")], id="follows it no more"),
        pytest.param(
            [document("a"), document("b", "a"), document("b")], id="follows nothing any more"
        ),
        pytest.param(
            [document("a"), document("b", "a"), document("c", "b"), document("c", "a", "d"), "b"],
            id="follows another before the one between is removed",
        ),
    ],
)
def test_a_document_is_nobodys_neighbour_when_it_has_gone_elsewhere(
    steps: list[Step],
) -> None:
    corpus, model = played(steps)
    for id, row in corpus.rows.items():
        assert corpus.ids[corpus.previous[row]] == model.previous(id)
        after = int(corpus.following[row])
        assert not after or (corpus.alive[after] and corpus.ids[after] in model.following(id))


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([document("a"), document("b", "a"), document("c", "a")], id="in order"),
        pytest.param([document("b", "a"), document("c", "a"), document("a")], id="before it"),
        pytest.param([document("b", "a"), document("a"), document("c", "a")], id="around it"),
        pytest.param(
            [document("a"), document("b", "a"), document("c", "a"), document("a", None, "d")],
            id="and it is replaced",
        ),
        pytest.param(
            [document("z"), document("a", "z"), document("b", "a"), document("c", "a"), "a"],
            id="and it is removed",
        ),
        pytest.param(
            [document("a"), document("b", "a"), document("c", "a"), "c"], id="and the last goes"
        ),
    ],
)
def test_two_may_follow_one(steps: list[Step]) -> None:
    """Two who add to a conversation at the same time follow the same memory."""
    corpus, model = played(steps)
    for id, row in corpus.rows.items():
        assert corpus.ids[corpus.previous[row]] == model.previous(id)
        assert not corpus.previous[row] or corpus.alive[corpus.previous[row]]
        followers = model.following(id)
        assert corpus.ids[corpus.following[row]] in (followers or [""])


def test_context_by_hand() -> None:
    """Three turns of 2, 64 and 16 words: the one of 64 counts for half, and borrows by half."""
    documents = [
        document("a", None, "x y", words=2),
        document("b", "a", "x x", words=64),
        document("c", "b", "y", words=16),
    ]
    corpus = filled(*documents)
    context = corpus.context()
    assert context.term_frequency(corpus.term_frequency("x")).tolist() == pytest.approx(
        [0, 1 + 0.3 / 2 * 2, 2 + 0.5 / 2 * 1, 0 + 0.5 / 2 * 2 + 0.25 * 1]
    )
    words = [2 + 0.3 / 2 * 64, 64 + 0.5 / 2 * 2 + 0.3 / 2 * 16, 16 + 0.5 / 2 * 64 + 0.25 * 2]
    assert context.words.tolist() == pytest.approx([0, *words])
    assert context.mean == pytest.approx(sum(words) / 3)


def test_an_empty_corpus() -> None:
    corpus = Corpus(3)
    assert (len(corpus), corpus.end, corpus.is_sparse) == (0, 1, False)
    assert (
        corpus.term_frequency("a").tolist()
        == corpus.context().term_frequency(corpus.term_frequency("a")).tolist()
        == [0]
    )
    assert corpus.context().mean == 1.0
    assert corpus.rows_of(["a", ""]).tolist() == []


def test_slots_are_the_rows_of_what_is_there() -> None:
    corpus = filled(*map(document, "abc"))
    corpus.remove("b")
    corpus.put(document("a", None, "d"))
    assert corpus.rows_of(["c", "b", "x", "a"]).tolist() == [3, 4]


def test_of_documents_put_at_once_the_last_of_each_counts() -> None:
    documents = [document("b", "a", "d"), document("a"), document("b", "a", "c"), document("a")]
    model = played(documents)[1]
    corpus = filled(document("c"), document("a", None, "b"))
    corpus.put(*documents)
    corpus.remove("c")
    corpus.put()
    check(corpus, model)


def test_it_grows_beyond_its_first_room() -> None:
    model = Model()
    corpus = Corpus(2)
    for n in range(300):
        said = document(f"{n:03d}", f"{n - 1:03d}" if n % 7 else None, TERMS[n % 4], happened=n)
        corpus.put(said)
        model.put(said)
    assert len(corpus.vectors) > 300
    check(corpus, model)


def test_it_is_sparse_when_most_rows_are_dead() -> None:
    corpus = filled(*(document(str(n)) for n in range(100)))
    told = []
    for n in range(100):
        corpus.remove(str(n))
        told.append(corpus.is_sparse)
    # Of 101 rows more than twice what is left and 64 are too many: 18 memories are not enough.
    assert told == [left <= 18 for left in range(99, -1, -1)]


def test_replacing_makes_rows_and_so_a_corpus_sparse() -> None:
    corpus = Corpus(2)
    told = []
    for _ in range(70):
        corpus.put(document("a"))
        told.append(corpus.is_sparse)
    assert len(corpus) == 1
    # After n rounds there are n + 1 rows, which are too many beyond 2 + 64.
    assert told == [n + 1 > 66 for n in range(1, 71)]


def test_its_size_grows_with_what_it_holds() -> None:
    corpus = Corpus(384)
    sizes = [corpus.size]
    for n in range(200):
        corpus.put(document(str(n), None, f"a b c{n}", vector=bytes(4 * 384)))
        sizes.append(corpus.size)
    assert all(before < after for before, after in pairwise(sizes))
    assert sizes[-1] > 200 * 4 * 384


def test_terms_beside_the_only_ones_are_not_known() -> None:
    documents = [document("a", None, "x y x"), document("b", "a", "z y")]
    corpus = Corpus(2, indexed_terms=frozenset(["x", "z", "never"]))
    for each in documents:
        corpus.put(each)
    often = {term: corpus.term_frequency(term).tolist() for term in ("x", "y", "z", "never")}
    assert often == {"x": [0, 2, 0], "y": [0, 0, 0], "z": [0, 0, 1], "never": [0, 0, 0]}
    assert corpus.words.tolist()[:3] == filled(*documents).words.tolist()[:3] == [0, 3, 2]


def test_removed_speakers_are_forgotten() -> None:
    """Otherwise the names of people who are gone would still be taken out of queries."""
    corpus = filled(document("a", speaker="Ana"), document("b", speaker="Bo"))
    corpus.remove("a")
    assert set(corpus.speakers) == {"Bo"}
