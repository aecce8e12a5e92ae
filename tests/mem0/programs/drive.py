"""A genuine Python client of mem0 that does what it is told: a JSON line in, a JSON line out.

A line names one of the clients by a number, and a method with its arguments; without a method, the
number is given to a new client. The answer is what was returned, or what was raised. Which kind of
client it is, MemoryClient or AsyncMemoryClient, is the one argument of the program.

Where the newer client takes typed options, `{"__options__": "AddMemoryOptions", ...}` stands for
them.
"""

import asyncio
import importlib
import inspect
import json
import operator
import os
import sys
from typing import Any

import mem0  # type: ignore[import-not-found]


def decoded(given: dict[str, Any]) -> Any:
    """Return an object of JSON as it is, or the options that it stands for."""
    if name := given.pop("__options__", None):
        return getattr(importlib.import_module("mem0.client.types"), name)(**given)
    return given


async def done(clients: dict[int, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """Do what a line says; return the answer to it."""
    number, method = asked["client"], asked["method"]
    try:
        if method is None:
            clients[number] = getattr(mem0, sys.argv[1])(*asked["args"], **asked["kwargs"])
            return {"returned": None}
        found = operator.attrgetter(method)(clients[number])
        returned = found(*asked["args"], **asked["kwargs"]) if callable(found) else found
        return {"returned": await returned if inspect.isawaitable(returned) else returned}
    except Exception as error:
        return {
            "raised": type(error).__name__,
            "message": str(error),
            "code": getattr(error, "error_code", None),
            "details": getattr(error, "details", None),
        }


async def main() -> None:
    """Take lines until there are no more."""
    # The clients may print whatever they like: it does not get between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    clients: dict[int, Any] = {}
    for line in sys.stdin:
        answer = await done(clients, json.loads(line, object_hook=decoded))
        print(json.dumps(answer), file=answers, flush=True)


asyncio.run(main())
