"""The passages of texts and the token states of passages, cached in memory for reranking.

Both are pure functions of a text, and the text is the key, so a changed memory is never read as it
was before. Projects share no entries: how long a search takes does not tell anyone whether another
project has a text.
"""

import asyncio
import hashlib
import sys
import threading
from collections import OrderedDict
from collections.abc import Sequence
from enum import Enum, auto
from typing import TypeVar

from providers.base import TokenReader, TokenStates
from ranking.passages import Passage, passages_of

# The approximate size in bytes of what Python adds to an entry, to a passage, and to a token.
_ENTRY, _PASSAGE, _TOKEN = 400, 64, 40

T = TypeVar("T")


class _Kind(Enum):
    PASSAGES = auto()
    STATES = auto()


_Key = tuple[str, _Kind, bytes]


class TokenCache:
    """What reranking reads, of all projects of one process, up to about `capacity` bytes.

    The least recently used entries are evicted. One instance serves one event loop.
    """

    def __init__(self, reader: TokenReader, capacity: int) -> None:
        self._reader = reader
        self.capacity = capacity
        self.size = 0
        self._entries: OrderedDict[_Key, tuple[object, int]] = OrderedDict()
        self._lock = threading.Lock()
        # How often something was erased; what was read before that is not kept.
        self._erasures = 0
        self._reading: dict[_Key, asyncio.Task[dict[_Key, TokenStates]]] = {}

    async def token_states(self, project_id: str, texts: Sequence[str]) -> list[TokenStates]:
        """Return the token states of each text; see `TokenReader.token_states`.

        A text is read once, even if several searches need it at the same time. Raises
        ProviderError.
        """
        keys = [_key(project_id, _Kind.STATES, text) for text in texts]
        known: dict[_Key, TokenStates] = {}
        missing: dict[_Key, str] = {}
        for key, text in zip(keys, texts, strict=True):
            found = self._get(key, TokenStates)
            if found is None:
                missing[key] = text
            else:
                known[key] = found
        if unread := {key: text for key, text in missing.items() if key not in self._reading}:
            task = asyncio.create_task(self._read(unread))
            # If all that wait for it are cancelled, nobody else looks at its error.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._reading |= dict.fromkeys(unread, task)
        for task in {self._reading[key]: None for key in missing}:
            # Others may wait for it too, so a cancelled search must not cancel it.
            known |= await asyncio.shield(task)
        return [known[key] for key in keys]

    def passages(self, project_id: str, text: str) -> tuple[Passage, ...]:
        """Return the passages of a text; see `passages_of`. Thread-safe."""
        key = _key(project_id, _Kind.PASSAGES, text)
        found, erasures = self._get(key, tuple), self._erasures
        if found is None:
            found = passages_of(text)
            # The only passage of a short text is faster to make than to look up.
            if len(found) > 1:
                self._put(key, found, sum(map(_size_of_passage, found)), erasures)
        return found

    def forget(self, project_id: str) -> None:
        """Evict everything of a project, because something in it was erased."""
        with self._lock:
            self._erasures += 1
            for key in [key for key in self._entries if key[0] == project_id]:
                self.size -= self._entries.pop(key)[1]

    async def _read(self, texts: dict[_Key, str]) -> dict[_Key, TokenStates]:
        erasures = self._erasures
        try:
            states = await self._reader.token_states(list(texts.values()))
        finally:
            for key in texts:
                del self._reading[key]
        found = dict(zip(texts, states, strict=True))
        for key, each in found.items():
            self._put(key, each, each.states.nbytes + _TOKEN * len(each.tokens), erasures)
        return found

    def _get(self, key: _Key, kind: type[T]) -> T | None:
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            value, _ = self._entries[key]
        assert isinstance(value, kind)
        return value

    def _put(self, key: _Key, value: object, size: int, erasures: int) -> None:
        size += _ENTRY
        with self._lock:
            if erasures != self._erasures:
                return
            if key in self._entries:
                self.size -= self._entries.pop(key)[1]
            self._entries[key] = value, size
            self.size += size
            while self.size > self.capacity:
                self.size -= self._entries.popitem(last=False)[1][1]


def _key(project_id: str, kind: _Kind, text: str) -> _Key:
    # A digest takes less memory than a text, and keeps nothing of it that could be read.
    return project_id, kind, hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _size_of_passage(passage: Passage) -> int:
    return sys.getsizeof(passage.text) + sys.getsizeof(passage.terms) + _PASSAGE
