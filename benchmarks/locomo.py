"""An adapter for the LoCoMo retrieval harness, which uses a server over HTTP.

A conversation is a user, each session a run, and each turn one memory with the date of the session,
the name of the speaker, and the metadata by which the harness identifies it. Turns are added one by
one, because the memories of one call share their metadata. Everything is in a separate project,
which is deleted at the end.

With this repository in PYTHONPATH, and options for the URL of the server and a key:

    python HARNESS/run.py --data DATA --adapter benchmarks.locomo -o url=http://… -o token=mg_…

With `-o rerank=1` searches are reranked. With `-o infer=1` memories are extracted from the turns; a
turn is found by a memory that was drawn from it, and counts once.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

CREATE = """
mutation ($name: String!) {
  createProject(input: {name: $name}) { project { id } userErrors { message } }
}
"""
ADD = """
mutation ($projectId: ID!, $input: AddMemoriesInput!) {
  addMemories(projectId: $projectId, input: $input) { memories { id } userErrors { message } }
}
"""
SEARCH = """
query ($projectId: ID!, $user: String!, $query: String!, $topK: Int!, $rerank: Boolean!) {
  entity(projectId: $projectId, type: USER, name: $user) {
    searchMemories(query: $query, topK: $topK, threshold: 0, rerank: $rerank) {
      hits { memory { id metadata } }
    }
  }
}
"""
DELETE = "mutation ($id: ID!) { deleteProject(id: $id) { deletedId userErrors { message } } }"


class Mnemograph:
    """A memory server with the interface that the harness requires."""

    name = "mnemograph"

    def __init__(self, url: str, token: str, rerank: bool, infer: bool = False) -> None:
        self._rerank = rerank
        self._infer = infer
        self._memories = self._turns = 0
        self._address = url.removesuffix("/").removesuffix("/graphql") + "/graphql"
        self._http = httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=120)
        self._project = self._do(CREATE, name="LoCoMo")["project"]["id"]

    def create_scope(self, name: str) -> str:
        """Return the scope of a conversation: the name of its user."""
        return name

    def add_many(self, scope: str, items: Sequence[Mapping[str, Any]]) -> None:
        """Store the turns of a conversation, in order."""
        for item in items:
            metadata = item["metadata"]
            message = {
                "role": "user",
                "name": metadata["speaker"],
                "content": item["text"],
                "timestamp": item["timestamp"].isoformat(),
            }
            run = f"{scope}-session-{metadata['session']}"
            given = {
                "infer": self._infer,
                "userId": scope,
                "runId": run,
                "metadata": metadata,
                "messages": [message],
            }
            added = self._do(ADD, projectId=self._project, input=given)
            self._memories += len(added["memories"])
            self._turns += 1

    def search(self, scope: str, query: str, k: int) -> list[dict[str, Any]]:
        """Return the `k` best memories of a conversation for a query, best first."""
        where = {"projectId": self._project, "user": scope}
        data = self._ask(SEARCH, **where, query=query, topK=k, rerank=self._rerank)
        hits = data["entity"]["searchMemories"]["hits"]
        found: dict[str, dict[str, Any]] = {}
        for hit in hits:
            found.setdefault(hit["memory"]["metadata"]["dia_id"], hit["memory"])
        return list(found.values())

    def drop_scope(self, scope: str) -> None:
        """Keep the conversation, so that later searches have it as a distraction."""

    def close(self) -> None:
        """Delete the project."""
        self._do(DELETE, id=self._project)
        self._http.close()

    def notes(self) -> str:
        """Return the conditions of the measurement."""
        reranked = ", reranked" if self._rerank else ""
        stored = f"{self._memories} memories of {self._turns} turns"
        return f"one turn per call, all conversations in one project{reranked}, {stored}"

    def _ask(self, document: str, **variables: Any) -> Any:
        body = {"query": document, "variables": variables}
        answer = self._http.post(self._address, json=body)
        answer.raise_for_status()
        content = answer.json()
        if content.get("errors"):
            raise RuntimeError(content["errors"])
        return content["data"]

    def _do(self, document: str, **variables: Any) -> Any:
        (payload,) = self._ask(document, **variables).values()
        if payload["userErrors"]:
            raise RuntimeError(payload["userErrors"])
        return payload


def make(options: Mapping[str, str]) -> Mnemograph:
    """Return the adapter for the options `url`, `token`, and `rerank` and `infer`, each 0 or 1."""
    rerank, infer = (options.get(name) == "1" for name in ("rerank", "infer"))
    return Mnemograph(options["url"], options["token"], rerank, infer)
