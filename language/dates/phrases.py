"""What the reader of dates passes around: a phrase, the text it stands in, and what it is read for.

`Purpose` is the only thing in which reading a query differs from reading a memory. A memory keeps
its date for years, so a phrase that leaves doubt gets none. A query only prefers memories of some
time, so a wrong date costs it little, and it looks back where nothing says otherwise.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum

from language.dates.spans import Span
from language.dates.tenses import Tense, tense_at


class Purpose(Enum):
    """What a text is read for. With `QUERY`, and only then:

    - a phrase such as "this weekend" lies in the past where no verb tells the tense;
    - a month, or a year from 2000 on, counts without a preposition ("July", "2023", "every June"),
      "today's" is today, and an ambiguous "5/7/2023" is its year;
    - "before 7 May", "after 7 May" and "until 7 May" are the time around that day, whereas a memory
      with these words has no date;
    - "the week before 9 June" is that week and 9 June too, when it may have been spoken about;
    - "since March" lasts until the anchor, whereas a memory is of when that began;
    - a text with too many phrases has the dates that come first, whereas a memory has none.

    A date without a year is marked as one of any year, which only a query makes use of.
    """

    MEMORY = "memory"
    QUERY = "query"


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase of a text from `start` to `end`, and the days it stands for.

    `any_year` is set for a date that is written without its year: the span is then that of the
    nearest year, and may be one of another. `month` and `day` are those of a single such date, and
    `weekday` is that of a day which no week is named with: what else the text says may place these
    better. `relative` phrases depend on the anchor. `instant` is set where the phrase tells the
    time of day too.
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


@dataclass(frozen=True, slots=True)
class AnchoredText:
    """A text with single spaces, the anchor its phrases are relative to, and what it is read for.

    The days of the anchor are those of its time zone.
    """

    text: str
    anchor: datetime
    purpose: Purpose

    @property
    def today(self) -> date:
        """The day of the anchor."""
        return self.anchor.date()

    @property
    def is_query(self) -> bool:
        """Whether the text is a query."""
        return self.purpose is Purpose.QUERY

    def before(self, start: int, characters: int) -> str:
        """Return what stands before a place of the text, in lower case."""
        return self.text[max(0, start - characters) : start].lower()

    def verb_tense(self, start: int, end: int) -> Tense | None:
        """Return the tense of the verbs around a phrase, None where no verb tells."""
        return tense_at(self.text, start, end)

    def tense(self, start: int, end: int) -> Tense | None:
        """Return the tense of the verbs around a phrase, the past where none tells in a query."""
        return tense_at(self.text, start, end) or (Tense.PAST if self.is_query else None)
