"""The parts of a message that quote what was recalled."""

import pytest

from language.recalled import without_recalled

OLD, NEW = "I live in Munich.", "I moved to Berlin."
QUOTED = {
    "a block": f"<relevant-memories>\n- {OLD}\n</relevant-memories>\n{NEW}",
    "camel case": f"<userMemories>{OLD}</userMemories>{NEW}",
    "attributes": f"<context type='recall' n=\"3\">{OLD}</context> {NEW}",
    "another case in the end": f"<Memories>{OLD}</memories>{NEW}",
    "blocks in a block": f"<memories><memory>{OLD}</memory><memory>x</memory></memories>{NEW}",
    "a block in one of its name": f"<memory>{OLD}<memory>x</memory></memory>{NEW}",
    "an end that is missing inside": f"<memory>{OLD}<memory>x</memory>{NEW}",
    "a block after the words": f"{NEW}\n<memories>{OLD}</memories>",
    "brackets": f"[CONTEXT]\n{OLD}\n[/CONTEXT]\n{NEW}",
    "a list": f"## Memories\n- {OLD}\n\n- another\n  that goes on\n\n{NEW}",
    "a list without a blank line": f"Relevant memories:\n1. {OLD}\n2) x\n{NEW}",
    "a list on one line": f"Relevant memories: {OLD}\n{NEW}",
    "a paragraph": f"### User memories\n\n{OLD}\nx\n\n{NEW}",
    "what is known": f"Here is what I know about the user:\n* {OLD}\n\n{NEW}",
    "a quotation": f"> {OLD}\n>x\n{NEW}",
    "a system": f"System: You know this. {OLD}\nx\n\n{NEW}",
    "a note of the system": f"[System note] {OLD}\n\n{NEW}",
}
KEPT = [
    f"<memories> {OLD}",
    f"{OLD} </memories>",
    f"<b>{OLD}</b> <details>{NEW}</details>",
    f"# Memories of Rome\n{OLD}",
    f"My memories:\n{OLD}",
    f"Remember: {OLD}",
    f"Context: {OLD}",
    "Memory: 16 GB",
    "System: Windows 11",
    "I know a < b and b > c: always.",
    "My memory is bad: I forget names.",
    "",
]


@pytest.mark.parametrize("case", QUOTED)
def test_what_is_quoted_is_left_out(case: str) -> None:
    assert without_recalled(QUOTED[case]) == NEW


@pytest.mark.parametrize("text", KEPT)
def test_what_a_person_writes_stays(text: str) -> None:
    assert without_recalled(text) == text
