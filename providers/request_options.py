"""The options of a request that an endpoint may not support, and what to try without them.

The trap: few endpoints say which option they reject. Some answer 400 to a response format or to a
temperature, some chat templates fail with 500 at a message of the role `system`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from providers.openai import RequestFailed

FORMATS = ("json_schema", "json_object", None)
# The statuses of a request that may succeed with fewer options.
UNSUPPORTED = (400, 422, 500, 501)


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """A position in FORMATS, and whether a temperature and a message of the system are sent."""

    format: int = 0
    with_temperature: bool = True
    with_system: bool = True

    def alternatives(self, failure: RequestFailed, *, is_first: bool) -> Sequence["RequestOptions"]:
        """Return the options to try next, the most likely first.

        These are the options without one that the error names. If it names none, the first failure
        is followed by a request without any of them, and a later one by nothing.
        """
        detail = failure.detail.casefold()
        named = []
        if self.format + 1 < len(FORMATS) and (
            "response_format" in detail or str(FORMATS[self.format]) in detail
        ):
            named.append(replace(self, format=self.format + 1))
        if self.with_temperature and "temperature" in detail:
            named.append(replace(self, with_temperature=False))
        if self.with_system and ("system" in detail or "developer" in detail):
            named.append(replace(self, with_system=False))
        if named or not is_first:
            return named
        return (RequestOptions(len(FORMATS) - 1, with_temperature=False, with_system=False),)
