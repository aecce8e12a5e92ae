"""What is kept, merged and superseded by the form of what is said, through both APIs.

Each kind has one representative here; `tests/language` and `tests/providers` have the others.
"""

from collections.abc import Sequence

import pytest
from sqlalchemy import update

from storage.tables.metadata import METADATA
from tests.rest.mem0.remembering import finished
from tests.rest.mem0.rest import ask
from tests.support.documents.remembering import everything
from tests.support.fixtures.factories import Tenant

ADD = """
mutation ($messages: [MessageInput!]!) {
  addMemories(input: {userId: "alice", messages: $messages}) { userErrors { message } }
}
"""
TABLE = "| Pet | Food |\n|---|---|\n| Rex | beef |"
# The calls of a user, one after the other, each a list of messages of a user and an assistant in
# turn, and the text and the state of each memory at the end.
CASES: dict[str, tuple[list[list[str]], dict[str, str]]] = {
    "a request to remember": (
        [["Please note I'm allergic to latex."]],
        {"Please note I'm allergic to latex.": "ACTIVE"},
    ),
    "a name with a mark": (
        [["I love Panic! At The Disco."]],
        {"I love Panic! At The Disco.": "ACTIVE"},
    ),
    "another language, and a greeting": (
        [["Soy vegano."], ["おはようございます。"]],
        {"Soy vegano.": "ACTIVE"},
    ),
    "an emoji for a noun": ([["I love 🍕!"]], {"I love 🍕!": "ACTIVE"}),
    "a table": ([[f"My pets:\n\n{TABLE}"]], {f"My pets:\n{TABLE}": "ACTIVE"}),
    "code": (
        [["```\nPASSWORD=hunter2\n```\nIt opens the door in Leeds."]],
        {"It opens the door in Leeds.": "ACTIVE"},
    ),
    "encodings of one text": (
        [["I like cafés."], ["I like cafe\u0301s."], ["I\u200b like cafés."]],
        {"I like cafés.": "ACTIVE"},
    ),
    "symbols": (
        [["My rule is x > 5."], ["My rule is x < 5."]],
        {"My rule is x > 5.": "ACTIVE", "My rule is x < 5.": "ACTIVE"},
    ),
    "the case of a secret": (
        [["My password is Tulip."], ["My password is tulip."]],
        {"My password is Tulip.": "ACTIVE", "My password is tulip.": "ACTIVE"},
    ),
    "flags": (
        [["I cheer for 🇫🇷 today"], ["I cheer for 🇮🇹 today"]],
        {"I cheer for 🇫🇷 today": "ACTIVE", "I cheer for 🇮🇹 today": "ACTIVE"},
    ),
    "lower case": (
        [["i live in berlin"], ["i live in munich now"]],
        {"i live in berlin": "SUPERSEDED", "i live in munich now": "ACTIVE"},
    ),
    "emphasis and emoji": (
        [["**I live in Berlin.**"], ["I live in Munich now 🏠"]],
        {"**I live in Berlin.**": "SUPERSEDED", "I live in Munich now 🏠": "ACTIVE"},
    ),
    "a correction": (
        [["I live in Basel."], ["Correction: I live in Bern."]],
        {"I live in Basel.": "SUPERSEDED", "Correction: I live in Bern.": "ACTIVE"},
    ),
    "children": (
        [["I have two children.", "Lovely!"], ["We have three children now."]],
        {"I have two children.": "SUPERSEDED", "We have three children now.": "ACTIVE"},
    ),
    "an allergy that ended": (
        [["I'm allergic to nuts."], ["I'm no longer allergic to nuts."]],
        {"I'm allergic to nuts.": "SUPERSEDED", "I'm no longer allergic to nuts.": "ACTIVE"},
    ),
    "a divorce": (
        [["I'm married to Tom."], ["Tom and I got divorced."]],
        {"I'm married to Tom.": "SUPERSEDED", "Tom and I got divorced.": "ACTIVE"},
    ),
    "an answer": (
        [["Hello!", "Tell me your name.", "Marta"]],
        {"Tell me your name. Marta": "ACTIVE"},
    ),
}


def messages(texts: Sequence[str]) -> list[dict[str, str]]:
    return [
        {"role": "assistant" if at % 2 else "user", "content": text}
        for at, text in enumerate(texts)
    ]


@pytest.mark.parametrize("door", ["GraphQL", "mem0"])
@pytest.mark.parametrize("case", CASES)
async def test_forms_through_both_doors(tenant: Tenant, case: str, door: str) -> None:
    calls, expected = CASES[case]
    for texts in calls:
        if door == "GraphQL":
            await tenant.owner.do(ADD, messages=messages(texts))
        else:
            body = {"messages": messages(texts), "user_id": "alice"}
            answer = await ask(tenant.owner, "POST", "/v3/memories/add/", body)
            assert (await finished(tenant, answer["event_id"]))["status"] == "SUCCEEDED"
    found = await everything(tenant.owner)
    assert {text: memory["state"] for text, memory in found.items()} == expected


COMPOSED, DECOMPOSED = "jos\u00e9", "jose\u0301"


@pytest.mark.parametrize(("first", "second"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
async def test_one_user_stays_one_in_every_encoding(
    tenant: Tenant, first: str, second: str
) -> None:
    add = """
    mutation ($user: String!, $text: String!) {
      addMemories(input: {
        userId: $user, infer: false, messages: [{role: "user", content: $text}]
      }) { userErrors { message } }
    }
    """
    await tenant.owner.do(add, user=first, text="I like figs.")
    await tenant.owner.do(add, user=second, text="I like tea.")
    for name in (first, second):
        rows = await ask(tenant.owner, "POST", "/v3/memories/", {"filters": {"user_id": name}})
        assert {row["memory"] for row in rows["results"]} == {"I like figs.", "I like tea."}
        assert {row["user_id"] for row in rows["results"]} == {COMPOSED}


async def test_a_user_stored_decomposed_is_still_found(tenant: Tenant) -> None:
    await tenant.owner.do(ADD, messages=messages(["I like figs."]))
    with tenant.deployment.services.db.engine.begin() as connection:
        for table, column in (("entities", "name"), ("memories", "user_id")):
            rows = METADATA.tables[table]
            own = rows.c.project_id == tenant.project_id
            connection.execute(update(rows).where(own).values({column: DECOMPOSED}))
    rows = await ask(tenant.owner, "POST", "/v3/memories/", {"filters": {"user_id": DECOMPOSED}})
    assert [row["memory"] for row in rows["results"]] == ["I like figs."]
    found = await ask(tenant.owner, "GET", f"/v1/entities/user/{DECOMPOSED}/")
    assert [entity["name"] for entity in found] == [DECOMPOSED]
