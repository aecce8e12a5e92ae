"""Texts of any characters come back as they were sent, and names in their stored form."""

import pytest

from core.validation import LONGEST_TEXT
from tests.support.fixtures.factories import Tenant

RIGHT_TO_LEFT = "\u202bאבגד\u202c، مرحبا \u200fبك 123"
COMBINING = "e\u0301 is not \u00e9, nor is n\u0303\u0323 \u1e47"
ODD = "\ufeff\u200b\u2028\u2029\ufffd\ufffe\uffff\U0010ffff"
# Names of entities are composed, and without invisible characters.
STORED_NAMES = {
    RIGHT_TO_LEFT: "אבגד، مرحبا بك 123",
    COMBINING: "\u00e9 is not \u00e9, nor is \u1e47\u0303 \u1e47",
    ODD: "\u2028\u2029\ufffd\ufffe\uffff\U0010ffff",
}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("👩‍👩‍👧‍👦 ate 🍕 in 🇵🇹 with 👍🏽", id="emoji"),
        pytest.param(RIGHT_TO_LEFT, id="right to left"),
        pytest.param(COMBINING, id="combining"),
        pytest.param("".join(map(chr, range(1, 32))) + "x\x7f\x80\x9f", id="control characters"),
        pytest.param("'it''s' \"quoted\" `so` \\' \\\" \\n %s %(a)s {} $1 :name ?", id="quotes"),
        pytest.param("x'); DROP TABLE memories; -- /* */", id="SQL"),
        pytest.param("  spaces \t and \r\n lines \n\n ", id="white space around"),
        pytest.param(ODD, id="odd code points"),
        pytest.param("\\u0000 is written out, not meant", id="escaped NUL"),
        pytest.param("word " * (LONGEST_TEXT // 5) + "!", id="longest"),
        pytest.param("🦊" * LONGEST_TEXT, id="longest of wide characters"),
    ],
)
async def test_any_text_comes_back_as_it_was(tenant: Tenant, text: str) -> None:
    metadata = {"note": text[:1000], text[:100]: [text[:100]]}
    sent = text[:100].strip()
    name = STORED_NAMES.get(sent, sent)
    (added,) = await tenant.add(text, userId=sent, metadata=metadata)
    assert added["text"] == text
    data = await tenant.owner.ask(
        """query ($name: String!) {
          entity(type: USER, name: $name) {
            name
            memories { nodes { text userId metadata history { nodes { newText after } } } }
          }
        }""",
        name=sent,
    )
    assert data["entity"]["name"] == name
    (memory,) = data["entity"]["memories"]["nodes"]
    assert (memory["text"], memory["userId"], memory["metadata"]) == (text, name, metadata)
    (event,) = memory["history"]["nodes"]
    assert event["newText"] == text
    assert event["after"]["userId"] == name
    assert event["after"]["metadata"] == metadata
