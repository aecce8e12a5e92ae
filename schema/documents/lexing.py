"""A parser that reads long runs of characters in one step instead of one by one.

graphql-core's lexer takes half a second for a string of a megabyte. The one here hands it
everything that is unusual, so that the language and its error messages are the same.
"""

import json
import re

from graphql import (
    DocumentNode,
    GraphQLSyntaxError,
    Source,
    SourceLocation,
    Token,
    TokenKind,
)
from graphql.language import Lexer
from graphql.language.block_string import dedent_block_string_lines
from graphql.language.parser import Parser

_IGNORED = re.compile(r"[ \t,\ufeff\r\n]*+")
_NEWLINE = re.compile(r"\r\n|[\n\r]")
_COMMENT = re.compile("#[^\n\r\ud800-\udfff]*+(?=[\n\r]|\\Z)")
_STRING = re.compile(
    r'"(?!"")(?:[^"\\\x00-\x08\x0a-\x1f\ud800-\udfff]++'
    r'|\\["\\/bfnrt]|\\u[0-9A-Fa-f]{4}|\\u\{[0-9A-Fa-f]{1,6}\})*+"'
)
_BROKEN_STRING = re.compile(r'"(?:[^"\\\n\r]++|\\.)*+')
_BLOCK = re.compile('"""((?:[^"\\\\\ud800-\udfff]++|\\\\"""|\\\\|"(?!""))*+)"""')
_ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]+)\}|.)")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LAST_CODE_POINT = 0x10FFFF
# The library's slow path is fast enough for strings up to this length.
_LONG = 1_000


class QuickSource(Source):
    """Finds the line of a position without reading each character before it."""

    def get_location(self, position: int) -> SourceLocation:
        """Return the line and the column of a position."""
        if "\r" not in self.body:
            line_start = self.body.rfind("\n", 0, position) + 1
            return SourceLocation(self.body.count("\n", 0, position) + 1, position - line_start + 1)
        line, line_start = 1, 0
        for newline in _NEWLINE.finditer(self.body, 0, position):
            line, line_start = line + 1, newline.end()
        return SourceLocation(line, position - line_start + 1)


class QuickLexer(Lexer):
    """Reads ignored characters, comments and strings in one step."""

    def read_next_token(self, start: int) -> Token:
        """Return the next token from a position on. Raises `GraphQLSyntaxError`."""
        body = self.source.body
        ignored = _IGNORED.match(body, start)
        assert ignored is not None
        position = ignored.end()
        for newline in _NEWLINE.finditer(body, start, position):
            self.line += 1
            self.line_start = newline.end()
        return super().read_next_token(position)

    def read_comment(self, start: int) -> Token:
        """Return a comment. Raises `GraphQLSyntaxError`."""
        if (found := _COMMENT.match(body := self.source.body, start)) and not self._max_comments:
            end = found.end()
            return self.create_token(TokenKind.COMMENT, start, end, body[start + 1 : end])
        return super().read_comment(start)

    def read_string(self, start: int) -> Token:
        """Return a string. Raises `GraphQLSyntaxError`."""
        body = self.source.body
        if found := _STRING.match(body, start):
            # GraphQL's escapes are those of JSON, except for `\u{...}`.
            raw = _ESCAPE.sub(_json_escape, found[0]) if "\\u{" in found[0] else found[0]
            value = json.loads(raw, strict=False)
            if not _SURROGATE.search(value):
                return self.create_token(TokenKind.STRING, start, found.end(), value)
        elif found := _BROKEN_STRING.match(body, start):
            self._reject_if_long(start, found.end())
        return super().read_string(start)

    def read_block_string(self, start: int) -> Token:
        """Return a block string. Raises `GraphQLSyntaxError`."""
        body = self.source.body
        found = _BLOCK.match(body, start)
        if found is None:
            self._reject_if_long(start, len(body))
            return super().read_block_string(start)
        lines = _NEWLINE.split(found[1].replace('\\"""', '"""'))
        value = "\n".join(dedent_block_string_lines(lines))
        token = self.create_token(TokenKind.BLOCK_STRING, start, found.end(), value)
        for newline in _NEWLINE.finditer(body, start, found.end()):
            self.line += 1
            self.line_start = newline.end()
        return token

    def _reject_if_long(self, start: int, end: int) -> None:
        if end - start > _LONG:
            raise GraphQLSyntaxError(self.source, end, "Invalid or unterminated string.")


def parse_document(text: str, *, no_location: bool = False) -> DocumentNode:
    """Return a parsed document. Raises `GraphQLSyntaxError`."""
    source = QuickSource(text)
    return Parser(source, no_location, lexer=QuickLexer(source)).parse_document()


def _json_escape(escape: re.Match[str]) -> str:
    if escape[1] is None:
        return escape[0]
    code = int(escape[1], 16)
    if code < 0x20 or code in (0x22, 0x5C):
        return f"\\u{code:04x}"
    # A code that is not a character becomes a lone surrogate, which is then rejected.
    return chr(code if code <= _LAST_CODE_POINT else 0xD800)
