"""Documents and bodies that are made to cost a server much."""

from collections.abc import Iterator

MEGABYTE = 1_000_000
PLAIN = "{ __typename }"


def _doubling(levels: int) -> str:
    """Return fragments that each spread the next one under two aliases."""
    links = "".join(
        f"fragment F{n} on Project {{ a: organization {{ projects {{ nodes {{ ...F{n + 1} }} }} }} "
        f"b: organization {{ projects {{ nodes {{ ...F{n + 1} }} }} }} }} "
        for n in range(levels)
    )
    return f"{{ viewer {{ project {{ ...F0 }} }} }} {links} fragment F{levels} on Project {{ id }}"


def _spreading(levels: int) -> str:
    """Return fragments that each spread the next one three times in one selection."""
    links = "".join(
        f"fragment F{n} on Project {{ ...F{n + 1} ...F{n + 1} ... on Project {{ ...F{n + 1} }} }} "
        for n in range(levels)
    )
    return f"{{ viewer {{ project {{ ...F0 }} }} }} {links} fragment F{levels} on Project {{ id }}"


def fields(count: int, form: str) -> str:
    """Return a document of so many fields, each with its number in it."""
    return "{ " + " ".join(form.replace("{0}", str(n)) for n in range(count)) + " }"


def documents() -> Iterator[tuple[str, str]]:
    """Yield attacks that are one document."""
    for levels in (12, 20, 40):
        yield f"fragments, doubled {levels} times", _doubling(levels)
        yield f"fragments, spread thrice {levels} times", _spreading(levels)
    yield "490,000 tokens", "{" + "a " * 490_000 + "}"
    yield "330,000 comments", "#\n" * 330_000 + PLAIN
    yield "one megabyte of punctuation", "!" * MEGABYTE
    yield "aliases", fields(150_000 // 3, "a{0}: __typename")
    yield "1,900 tokens of aliases", fields(630, "a{0}: __typename")
    yield "1,900 tokens of unknown fields", fields(1_900, "u{0}")
    yield "1,900 tokens of one field", fields(1_900, "__typename")
    yield "nested repeats", fields(20, "viewer { account { id name } project { id } }")
    yield "directives", "{ __typename" + " @include(if: true)" * 50_000 + " }"
    yield "brackets", "[" * MEGABYTE
    yield "selections", "{a" * 330_000
    yield (
        "60 brackets in a filter",
        ("{ memories(filter: " + "{not: " * 60 + "{}" + "}" * 60 + ") { nodes { id } } }"),
    )
    yield "operations", " ".join(f"query q{n} {PLAIN}" for n in range(30_000))
    yield "450 operations", " ".join(f"query q{n} {PLAIN}" for n in range(450))
    yield (
        "unused fragments",
        PLAIN + " ".join(f"fragment F{n} on Query {PLAIN}" for n in range(10_000)),
    )
    yield "many __schema", fields(1_000, "a{0}: __schema { types { name } }")
    yield "many __type", fields(40, 'a{0}: __type(name: "Memory") { name }')
    yield "unused variables", "query (" + " ".join(f"$a{n}: ID" for n in range(390)) + f") {PLAIN}"
    yield (
        "unknown input fields",
        (
            "{ memories(filter: {"
            + " ".join(f"x{n}: 1" for n in range(600))
            + "}) { nodes { id } } }"
        ),
    )
    for name, text in (
        ("string", '"' + "x" * MEGABYTE + '"'),
        ("string of escapes", '"' + "\\n" * (MEGABYTE // 3) + '"'),
        ("string of code points", '"' + "\\u{1}" * (MEGABYTE // 6 - 100) + '"'),
        ("block string", '"""' + '"" ' * (MEGABYTE // 6) + '"""'),
        ("block string of lines", '"""' + "x\n" * (MEGABYTE // 3 - 100) + '"""'),
        ("unterminated string", '"' + "x" * MEGABYTE),
        ("number", "1" * MEGABYTE),
        ("name", "a" * MEGABYTE),
    ):
        yield f"a {name} of a megabyte", f"{{ memories(first: {text}) {{ nodes {{ id }} }} }}"
    yield (
        "20 strings of 50 KB",
        fields(20, 'a{0}: memories(first: "' + "x" * 49_000 + '") { nodes { id } }'),
    )
    yield "a megabyte of spaces", " " * MEGABYTE + "!"
    yield "a megabyte of lines", "\n" * (MEGABYTE // 2) + "!"
    yield (
        "expensive pages",
        ("{ memories(first: 100) { nodes { related(first: 100) { memory { text } } } } }"),
    )


def bodies() -> Iterator[tuple[str, bytes]]:
    """Yield attacks that are one body."""
    nodes = b'{"query": "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", "variables": {"ids": '
    filters = (
        b'{"query": "query ($f: MemoryFilter) { memories(filter: $f) { nodes { id } } }", '
        b'"variables": {"f": '
    )
    yield "2 MB", b'{"query": "' + b" " * 2 * MEGABYTE + b'"}'
    yield "brackets in JSON", b"[" * MEGABYTE
    yield "brackets in variables", nodes + b"[" * 500_000 + b"]" * 500_000 + b"}}"
    yield "1,000 brackets in variables", nodes + b"[" * 1_000 + b"]" * 1_000 + b"}}"
    yield "60 brackets in variables", filters + b'{"not": ' * 60 + b"{}" + b"}" * 60 + b"}}"
    yield "330,000 lists in variables", nodes + b"[" + b"[]," * 330_000 + b"[]]}}"
    yield "49,000 lists in variables", nodes + b"[" + b"[]," * 49_000 + b"[]]}}"
    yield "49,000 wrong objects in variables", nodes + b"[" + b"{}," * 49_000 + b"{}]}}"
    yield "lists and a broken character", (nodes + b'["\\ud83d",' + b"[]," * 330_000 + b"[]]}}")
    wrong = ",".join(f'"x{n}": 1' for n in range(49_000)).encode()
    yield "49,000 unknown keys in variables", filters + b"{" + wrong + b"}}}"
    yield (
        "a megabyte in a wrong variable",
        (
            b'{"query": "query ($n: Int) { memories(first: $n) { nodes { id } } }", '
            b'"variables": {"n": "' + b"x" * (MEGABYTE - 200) + b'"}}'
        ),
    )
    yield "a number of 5,000 digits", nodes + b"1" * 5_000 + b"}}"
