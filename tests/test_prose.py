"""The words of everything that users read: the schema, the documentation, OpenAPI and the CLI.

A short list of phrases keeps the worst habits out. Each phrase has a plain equivalent, which the
failure shows. Code in the documentation is not prose, so it is not checked.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from graphql import parse

from rest.app import ENDPOINTS
from rest.framework.openapi import document
from schema.contract import print_schema
from server import cli

ROOT = Path(__file__).parent.parent
WIDTH = 120
# Decisions describe their time, so their words are left as they are.
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in (".", "docs", "examples")
    for path in ROOT.joinpath(folder).glob("*.md")
)

# A phrase as a regular expression, and what to write instead.
BANNED = {
    r"told": "notified, reported, stated",
    r"lest": "so that ... does not",
    r"tells? of": "reports, describes",
    r"whoever|whom": "the caller, the client, the member",
    r"somebody|anybody|nobody": "the caller, the user, a person, no one",
    r"puts? down to": "attributes to",
    r"worth (?:it|remembering|keeping)": "relevant, useful",
    r"without further ado": "by default",
    r"twins?": "duplicate",
    r"troubles?": "error",
    r"(?:that|which|who) (?:is|are) no(?! (?:longer|more)\b)": "is not a",
    r"(?:is|are) none of": "is not one of",
    r"any more(?=[.,;:)])": "no longer",
    r"no more(?=[.,;:)])": "no longer",
    r"anew": "again",
    r"wish(?:es|ed)?": "option, request",
    r"heed(?:s|ed)?": "use, follow",
    r"what (?:is|was|it is|it was) asked": "the request, the expected value",
    r"at the most": "at most",
    r"(?:comes?|came) into being": "is created",
    r"(?:has|have|is|are) let go": "is disconnected, is released",
    r"case and all": "case-sensitive",
    r"in whatever case": "case-insensitive",
}
CODE = re.compile(r"```.*?```|``.*?``|`[^`]*`|\]\([^)]*\)", re.S)
# Rows of tables and code cannot be broken into short lines.
_UNBREAKABLE = re.compile(r"^```.*?^```|^\|[^\n]*", re.M | re.S)
# One pattern for all phrases, in which a space also matches a line break.
PATTERN = re.compile(
    r"\b(?:"
    + "|".join(f"(?P<p{i}>{phrase})" for i, phrase in enumerate(BANNED)).replace(" ", r"\s+")
    + r")(?!\w)",
    re.I,
)


def without_code(text: str) -> str:
    """Return the prose of a text: its code is blank, and its lines keep their numbers."""
    return CODE.sub(lambda found: re.sub(r"\S", " ", found[0]), text)


def faults(text: str) -> list[str]:
    """Return the banned phrases of a text, each with its line and what to write instead."""
    instead = list(BANNED.values())
    return [
        f"line {text.count(chr(10), 0, found.start()) + 1}: {' '.join(found[0].split())!r} "
        f"(better: {instead[int(str(found.lastgroup)[1:])]})"
        for found in PATTERN.finditer(without_code(text))
    ]


def faults_of(described: dict[str, str]) -> dict[str, list[str]]:
    """Return the banned phrases of named texts, of those that have any."""
    return {name: found for name, text in described.items() if (found := faults(text))}


def too_wide(text: str) -> list[int]:
    """Return the numbers of the lines of prose that are wider than allowed."""
    prose = _UNBREAKABLE.sub(lambda found: "\n" * found[0].count("\n"), text)
    return [number for number, line in enumerate(prose.splitlines(), 1) if len(line) > WIDTH]


def schema_texts(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Yield the descriptions of a definition and its members, by their paths."""
    here = (*path, node.name.value)
    yield ".".join(here), node.description.value
    for name in ("fields", "values", "arguments"):
        for member in getattr(node, name, None) or ():
            yield from schema_texts(member, here)


def openapi_texts(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Yield the descriptions and summaries of an OpenAPI document, by their paths."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("description", "summary") and isinstance(value, str):
                yield ".".join((*path, key)), value
            else:
                yield from openapi_texts(value, (*path, str(key)))
    elif isinstance(node, list):
        for position, item in enumerate(node):
            yield from openapi_texts(item, (*path, str(position)))


def command_texts() -> Iterator[tuple[str, str]]:
    """Yield the help texts of the command line, by command and parameter."""
    program: Any = typer.main.get_command(cli)
    for name, command in (("", program), *program.commands.items()):
        yield name, command.help or ""
        for parameter in command.params:
            yield f"{name} {parameter.name}", getattr(parameter, "help", None) or ""


def test_the_schema_is_described_in_plain_words() -> None:
    definitions = parse(print_schema()).definitions
    texts = dict(item for definition in definitions for item in schema_texts(definition))
    assert len(texts) > 1_000
    assert faults_of(texts) == {}


def test_the_rest_interface_is_described_in_plain_words() -> None:
    texts = dict(openapi_texts(document(ENDPOINTS)))
    assert len(texts) > 100
    assert faults_of(texts) == {}


def test_the_commands_are_described_in_plain_words() -> None:
    texts = dict(command_texts())
    assert "serve" in texts
    assert faults_of(texts) == {}


@pytest.mark.parametrize("name", PAGES)
def test_the_documentation_is_written_in_plain_words(name: str) -> None:
    assert faults((ROOT / name).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", PAGES)
def test_the_lines_of_the_documentation_have_a_width(name: str) -> None:
    assert too_wide((ROOT / name).read_text(encoding="utf-8")) == []


def test_no_line_of_the_readme_is_wide() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if len(line) > WIDTH] == []


# One sentence for each phrase.
BAD = [
    "The client is told at once.",
    "The lease is renewed lest it end.",
    "The event that this tells of.",
    "Whoever runs the server.",
    "It was renamed by somebody.",
    "A fact is put down to its speaker.",
    "It keeps what is worth\nremembering.",
    "Without further ado rules do this.",
    "Twins are impossible.",
    "A TROUBLE the caller can act on.",
    "An id that is no UUID.",
    "A message that is none of the protocol's.",
    "It is not kept any more.",
    "It is sent no more.",
    "The index is built anew.",
    "The wishes of the caller.",
    "Searches heed it.",
    "A value is not what was asked for.",
    "Ten at the most.",
    "An entity comes into being with a memory.",
    "A slow client is let go.",
    "Has this in it, case and all.",
    "Has this in it, in whatever case.",
]


@pytest.mark.parametrize("sentence", BAD)
def test_a_bad_sentence_is_found(sentence: str) -> None:
    assert len(faults(f"The first line.\n{sentence}")) == 1
    assert faults(f"The first line.\n{sentence}")[0].startswith("line 2: ")


def test_every_phrase_has_its_bad_sentence() -> None:
    for position, sentence in enumerate(BAD):
        found = PATTERN.search(sentence)
        assert found is not None
        assert found.lastgroup == f"p{position}"
    assert len(BAD) == len(BANNED)


@pytest.mark.parametrize(
    "sentence",
    [
        "A session that is no longer valid.",
        "There are no more than 100 items, and not any more than that.",
        "See the troubleshooting guide; it is worth 5 points.",
        "None of these is required.",
        "The field `told` of\n```\nwhoever\n```\nis code, and so is [this](docs/whom.md).",
    ],
)
def test_a_plain_sentence_passes(sentence: str) -> None:
    assert faults(sentence) == []


def test_a_wide_line_is_found() -> None:
    assert too_wide(f"short\n{'x' * WIDTH}\n{'x' * (WIDTH + 1)}\n") == [3]


def test_a_wide_table_row_or_line_of_code_passes() -> None:
    wide = "x" * WIDTH
    assert too_wide(f"```sh\n{wide}x\n```\n| {wide} |\n{wide}\n{wide}x\n") == [6]
