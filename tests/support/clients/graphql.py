"""A GraphQL client over HTTP, as a frontend would write one; it checks every response."""

from typing import Any

import httpx


class Client:
    """Sends requests to one server with one key."""

    def __init__(self, http: httpx.AsyncClient, key: str | None) -> None:
        self.http = http
        self.key = key

    async def post(self, document: str, **variables: Any) -> httpx.Response:
        """Send a document; return the whole response."""
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        body = {"query": document, "variables": variables}
        return await self.http.post("/graphql", json=body, headers=headers)

    async def answer(self, document: str, **variables: Any) -> dict[str, Any]:
        """Send a document; return the JSON of the response, including errors."""
        body: dict[str, Any] = (await self.post(document, **variables)).json()
        return body

    async def ask(self, document: str, **variables: Any) -> Any:
        """Send a document that must succeed; return its data."""
        body = await self.answer(document, **variables)
        assert "errors" not in body, body["errors"]
        return body["data"]

    async def do(self, document: str, **variables: Any) -> Any:
        """Send a mutation of one field that must succeed; return that field's payload."""
        (payload,) = (await self.ask(document, **variables)).values()
        assert payload["userErrors"] == [], payload["userErrors"]
        return payload

    async def refused(self, document: str, **variables: Any) -> list[dict[str, Any]]:
        """Send a mutation of one field that must be rejected; return its user errors."""
        (payload,) = (await self.ask(document, **variables)).values()
        errors: list[dict[str, Any]] = payload.pop("userErrors")
        assert errors, payload
        assert not any(payload.values()), f"rejected, yet it answered {payload}"
        return errors

    async def error(self, document: str, **variables: Any) -> dict[str, Any]:
        """Send a query that must fail with one top-level error; return it."""
        (error,) = (await self.answer(document, **variables))["errors"]
        found: dict[str, Any] = error
        return found
