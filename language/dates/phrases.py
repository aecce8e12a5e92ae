"""The data types of the date reader: a phrase, its text, and the purpose of reading.

`Purpose` is the only difference between reading a query and reading a memory. A memory keeps its
date for years, so an ambiguous phrase gets none. A query only prefers memories of some time, so a
wrong date costs little, and its dates lie in the past if nothing indicates otherwise.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum

from language.dates.present import looks_ahead
from language.dates.spans import Span
from language.dates.tenses import Tense, tense_at


class Purpose(Enum):
    """The purpose for which a text is read. With `QUERY`, and only then:

    - a phrase such as "this weekend" lies in the past if no verb indicates the tense;
    - a month, or a year from 2000 on, counts without a preposition ("July", "2023", "every June"),
      "today's" is today, and an ambiguous "5/7/2023" is its year;
    - "before 7 May", "after 7 May" and "until 7 May" are the time around that day, and "before
      Christmas", "before March" and "before the summer" the weeks before, whereas a memory with
      these words has no date;
    - "the week before 9 June" is that week and also 9 June, when it may have been mentioned;
    - "since March" and "after March" last until the anchor, whereas a memory has the time of the
      beginning, or none;
    - a holiday counts without a preposition, and a season without a verb that indicates the tense;
    - a text with too many phrases has the first dates, whereas a memory has none.

    A date without a year is marked as one of any year, which only queries use.
    """

    MEMORY = "memory"
    QUERY = "query"


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase of a text from `start` to `end`, and the days it names.

    `any_year` is true for a date without a year: the span is then in the nearest year, and another
    year is possible. `month` and `day` are set for a single such date, and `weekday` for a day of
    the week without a week; other phrases of the text may complete these. `relative` phrases depend
    on the anchor. `instant` is set if the phrase also gives the time of day. `precedes` is true for
    the time before a date that the text names.
    """

    start: int
    end: int
    span: Span
    month: int | None = None
    day: int | None = None
    weekday: int | None = None
    any_year: bool = False
    relative: bool = False
    instant: datetime | None = None
    precedes: bool = False


@dataclass(frozen=True, slots=True)
class AnchoredText:
    """A text with single spaces, the anchor of its relative phrases, and the purpose of reading.

    Days are those of the time zone of the anchor. `is_dated` is whether the words before the phrase
    that is read show that it is a date ("since", "the week before"). `is_bound` is whether the text
    means the time before, after or since the phrase.
    """

    text: str
    anchor: datetime
    purpose: Purpose
    is_dated: bool = False
    is_bound: bool = False

    @property
    def today(self) -> date:
        """The day of the anchor."""
        return self.anchor.date()

    @property
    def is_query(self) -> bool:
        """Whether the text is a query."""
        return self.purpose is Purpose.QUERY

    def before(self, start: int, characters: int) -> str:
        """Return up to `characters` of the text before a position, in lower case."""
        return self.text[max(0, start - characters) : start].lower()

    def verb_tense(self, start: int, end: int) -> Tense | None:
        """Return the tense of the verbs around a phrase, None if no verb indicates it."""
        return tense_at(self.text, start, end)

    def tense(self, start: int, end: int) -> Tense | None:
        """Return the tense around a phrase as `verb_tense` does, with more defaults.

        A query is about the past; a memory in the present looks ahead.
        """
        found = tense_at(self.text, start, end)
        if found is not None or self.is_query:
            return found or Tense.PAST
        return Tense.FUTURE if looks_ahead(self.text, start, end) else None
