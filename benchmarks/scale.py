"""`python -m benchmarks.scale`: fits the scale of the score, and prints what thresholds keep.

The memories and questions of `benchmarks.scale_labelled` are stored and searched in a complete
server: each memory among the others of its scene, and alone. One half fits the constants of
`ranking/scale.py`, the tables are of the other half.
"""

import math
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import orjson

from benchmarks.scale_labelled import Question, Scene, scenes
from benchmarks.stage import Stage, run, staged
from benchmarks.table import heading, table
from ranking.scale import PLAIN_SCALE, RERANK_SCALE, Scale

ADD = """
mutation ($projectId: ID!, $input: AddMemoriesInput!) {
  addMemories(projectId: $projectId, input: $input) { memories { id } userErrors { message } }
}
"""
SEARCH = """
query ($projectId: ID!, $query: String!, $user: String!, $rerank: Boolean!) {
  searchMemories(
    projectId: $projectId, query: $query, filter: {userId: {eq: $user}}, topK: 1000, threshold: 0
    rerank: $rerank
  ) { hits { score memory { id } } }
}
"""
SCALES = {False: PLAIN_SCALE, True: RERANK_SCALE}
THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
EVERYBODY = "all"
# So many memories that are unrelated to a question are also searched alone.
UNRELATED_ALONE = 4


@dataclass(frozen=True)
class Pair:
    """A question and a memory of its scene, with the sum that ranked it.

    `alone` is whether it was the only memory of its user, `is_answer` whether it answers the
    question; otherwise it is unrelated.
    """

    style: str
    fits: bool
    alone: bool
    rerank: bool
    is_answer: bool
    total: float


async def measure(stage: Stage) -> list[Pair]:
    """Return all pairs of all scenes, with and without `rerank`."""
    pairs: list[Pair] = []
    for number, scene in enumerate(scenes()):
        project_id = await stage.make_project()
        places = await _store(stage, project_id, scene)
        for question in scene.questions:
            for user in _users(scene, question):
                for rerank in (False, True):
                    asked = {"query": question.text, "user": user, "rerank": rerank}
                    answer = orjson.loads(await stage.ask(SEARCH, projectId=project_id, **asked))
                    for hit in answer["data"]["searchMemories"]["hits"]:
                        at = places[hit["memory"]["id"]]
                        if at in question.answers or at not in question.related:
                            total = _total(SCALES[rerank], hit["score"])
                            which = (number % 2 == 0, user != EVERYBODY, rerank)
                            pairs.append(Pair(scene.style, *which, at in question.answers, total))
    return pairs


async def _store(stage: Stage, project_id: str, scene: Scene) -> dict[str, int]:
    """Store a scene; return the position of each memory by its id."""
    places: dict[str, int] = {}

    async def add(user: str, first: int, messages: list[dict[str, Any]], **options: Any) -> None:
        given = {"infer": False, "userId": user, "messages": messages, **options}
        answer = orjson.loads(await stage.ask(ADD, projectId=project_id, input=given))
        for at, memory in enumerate(answer["data"]["addMemories"]["memories"], first):
            places[memory["id"]] = at

    if scene.is_chat:
        turns = [{"role": "user", "name": who, "content": said} for who, said in scene.memories]
        await add(EVERYBODY, 0, turns, runId="chat")
        return places
    for at, (_, text) in enumerate(scene.memories):
        for user in (EVERYBODY, str(at)):
            await add(user, at, [{"role": "user", "content": text}])
    return places


def _users(scene: Scene, question: Question) -> list[str]:
    """Return the users whose memories to search for a question."""
    if scene.is_chat:
        return [EVERYBODY]
    unrelated = sorted(set(range(len(scene.memories))) - question.related)
    some = random.Random(question.text).sample(unrelated, min(UNRELATED_ALONE, len(unrelated)))
    return [EVERYBODY, *map(str, sorted(question.answers)), *map(str, some)]


def _total(scale: Scale, score: float) -> float:
    """Return the sum that has a score."""
    distance = math.log(score / (1 - score)) - scale.log_odds
    return scale.bend + distance / (scale.below if distance < 0 else scale.above)


def fit(pairs: Sequence[Pair]) -> Scale:
    """Return the scale that is most likely, all kinds of memories and both labels equally often."""
    totals = np.array([pair.total for pair in pairs])
    is_answer = np.array([pair.is_answer for pair in pairs], float)
    kinds = [(pair.style, pair.alone, pair.is_answer) for pair in pairs]
    size = Counter(kinds)
    answers = len([kind for kind in size if kind[2]])
    share = [1 / size[kind] / (answers if kind[2] else len(size) - answers) for kind in kinds]
    found = [_fit(totals, is_answer, np.array(share), bend) for bend in np.arange(0.1, 1, 0.05)]
    return min(found)[1]


def _fit(
    totals: np.ndarray, is_answer: np.ndarray, share: np.ndarray, bend: float
) -> tuple[float, Scale]:
    """Return the least loss with a bend, and its scale: logistic regression by Newton's method."""
    under, over = np.minimum(totals - bend, 0), np.maximum(totals - bend, 0)
    features = np.stack([np.ones_like(totals), under, over], axis=1)
    weights = np.zeros(3)
    for _ in range(100):
        likely = 1 / (1 + np.exp(-features @ weights))
        gradient = features.T @ (share * (is_answer - likely))
        curve = (features * (share * likely * (1 - likely))[:, None]).T @ features
        weights += np.linalg.solve(curve + 1e-9 * np.eye(3), gradient)
    loss = -float(share @ np.log(np.where(is_answer > 0, likely, 1 - likely)))
    constants = (round(float(value), 2) for value in (bend, *weights))
    return loss, Scale(*constants)


def _kept(pairs: Sequence[Pair], scale: Scale, threshold: float) -> list[str]:
    """Return the shares of answers and of unrelated memories that a threshold keeps."""
    shares = []
    for is_answer in (True, False):
        scores = [scale.score(pair.total) for pair in pairs if pair.is_answer is is_answer]
        kept = sum(score >= threshold for score in scores)
        shares.append(f"{100 * kept / len(scores):.1f} %" if scores else "-")
    return shares


def report(pairs: Sequence[Pair]) -> None:
    """Print the constants, and what thresholds keep of the pairs that did not fit them."""
    fitted = {
        rerank: fit([pair for pair in pairs if pair.fits and pair.rerank is rerank])
        for rerank in SCALES
    }
    heading("Fitted constants (ranking/scale.py)")
    for rerank, scale in fitted.items():
        name = "RERANK_SCALE" if rerank else "PLAIN_SCALE"
        print(f"  {name} = {scale}")
    for title, scales in (("fitted", fitted), ("present", SCALES)):
        if title == "present" and all(
            astuple(fitted[rerank]) == astuple(SCALES[rerank]) for rerank in SCALES
        ):
            print("  These are the present ones.")
            continue
        checked = defaultdict(list)
        for pair in pairs:
            if not pair.fits:
                checked[pair.rerank].append(pair)
        counts = Counter(pair.is_answer for pair in checked[False])
        columns = ("answers", "unrelated", "answers, rerank", "unrelated, rerank")
        heading(
            f"What a threshold keeps, {title} constants",
            f"{counts[True]:,} answers and {counts[False]:,} unrelated memories, "
            "not those that fitted the constants.",
        )
        rows = [
            [f"{bar:g}", *(part for r in SCALES for part in _kept(checked[r], scales[r], bar))]
            for bar in THRESHOLDS
        ]
        table(("threshold", *columns), rows)
        heading("The same by kind of memory: 0.3, then 0.6")
        for bar in (0.3, 0.6):
            for style in dict.fromkeys(pair.style for pair in pairs):
                of_style = {r: [pair for pair in checked[r] if pair.style == style] for r in SCALES}
                shares = [part for r in SCALES for part in _kept(of_style[r], scales[r], bar)]
                print("  " + "  ".join([f"{bar:g} {style:16}", *(f"{s:>8}" for s in shares)]))


async def main() -> None:
    """Measure and print."""
    async with staged(None) as stage:
        report(await measure(stage))


if __name__ == "__main__":
    run(main())
