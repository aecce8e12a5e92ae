"""Moments that texts tell of: how many are found and rightly, and what must not be taken for one.

The labelled sentences are invented for this test. A moment counts as right only if its beginning,
precision and end all are.
"""

import string
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from language.dates.moments import Moment, Precision, moment_of

# A Wednesday, at noon in UTC.
NOW = datetime(2023, 5, 17, 12, tzinfo=UTC)

# What is expected, as "2023-05-07" for a day, "2023-05" for a month, "2023" for a year,
# "2023-05-07T18:30" for a time, and "..2023-05-09" after any of these where it is a range.
LABELLED: dict[str, str | None] = {
    # Written dates.
    "We signed the lease on 7 May 2023.": "2023-05-07",
    "May 7th was our first day in the flat.": "2023-05-07",
    "The backup was taken 2023-05-07 and never tested.": "2023-05-07",
    "In June 2022 I switched to the night shift.": "2022-06",
    "I finished my apprenticeship in 2019.": "2019",
    "The warranty ended 12/31/2022.": "2022-12-31",
    "Our insurance was cancelled on 31.12.2022.": "2022-12-31",
    "My grandfather was born on 12 March 1931.": "1931-03-12",
    "She moved out on the 3rd of February.": "2023-02-03",
    "He broke his arm on 20 August.": "2022-08-20",
    "The wedding is on 20 August.": "2023-08-20",
    "I will run the marathon on October 8.": "2023-10-08",
    "Since January I have been a vegetarian.": "2023-01",
    "I have worked for the post office since 2015.": "2015",
    "By 2030 I want to own a sailing boat.": "2030",
    "In December we fly to my parents; I will book soon.": "2023-12",
    "We adopted the cat in November.": "2022-11",
    "The bridge opened in the summer of 2015.": "2015-06..2015-08-31",
    "It snowed heavily in winter 2020.": "2020-12..2021-02-28",
    "In early 2021 I had pneumonia.": "2021",
    "The course began in mid-March.": "2023-03",
    "At the end of April my contract ran out.": "2023-04",
    "They got engaged on Saturday, 6 May.": "2023-05-06",
    "I was discharged on Friday the 5th of May.": "2023-05-05",
    "My passport expires on 1 September 2026.": "2026-09-01",
    "I paid the deposit on the 2nd.": "2023-05-02",
    "The plumber is coming on the 29th.": "2023-05-29",
    "I saw the eclipse on 29 February 2020.": "2020-02-29",
    "Planted the apple tree on Oct. 14, 2021.": "2021-10-14",
    "We flew home on 2 Sept.": "2022-09-02",
    "The first week of March was awful for sales.": "2023-03",
    # Relative to when it was said.
    "Yesterday I repaired the gutter.": "2023-05-16",
    "I couldn't sleep last night.": "2023-05-16",
    "Today I handed in my notice.": "2023-05-17",
    "Tonight we are cooking ramen.": "2023-05-17",
    "My tooth was pulled this morning.": "2023-05-17",
    "Tomorrow I start physiotherapy.": "2023-05-18",
    "The day before yesterday the heating failed.": "2023-05-15",
    "We get the keys the day after tomorrow.": "2023-05-19",
    "Two weeks ago I gave up smoking.": "2023-05-03",
    "I sold the caravan a week ago.": "2023-05-10",
    "10 days ago a parcel was stolen from our porch.": "2023-05-07",
    "I had my tonsils out a couple of days ago.": "2023-05-15",
    "A few days ago I lost my ring.": "2023-05-13..2023-05-15",
    "Three months ago my brother lent me his drill.": "2023-02",
    "I learned to dive eight years ago.": "2015",
    "We met a fortnight ago at the climbing hall.": "2023-05-03",
    "Several weeks ago I lent my tent to Bo.": "2023-04-12..2023-04-26",
    "Two or three weeks ago it broke.": "2023-04-26..2023-05-03",
    "Over the past two weeks I felt dizzy.": "2023-05-03..2023-05-17",
    "In the last 3 days I wrote two chapters.": "2023-05-14..2023-05-17",
    "Last quarter I sold eleven cars.": "2023-01..2023-03-31",
    "I repainted the hall two weekends ago.": "2023-05-06..2023-05-07",
    "Last Friday the car failed its inspection.": "2023-05-12",
    "I handed the book back on Monday.": "2023-05-15",
    "The audition is on Monday.": "2023-05-22",
    "I'm seeing the notary next Tuesday.": "2023-05-23",
    "This Saturday we're moving the piano.": "2023-05-20",
    "I met the new neighbours this past Sunday.": "2023-05-14",
    "We bottled the cider last Tues.": "2023-05-16",
    "I'll call the bank on Friday.": "2023-05-19",
    "The exam is in three days.": "2023-05-20",
    "My sabbatical starts in two weeks.": "2023-05-31",
    "In four months I'll be a father.": "2023-09",
    "Two weeks from now I leave for Peru.": "2023-05-31",
    "This weekend I'm building a shed.": "2023-05-20..2023-05-21",
    "I built a shed this weekend.": "2023-05-13..2023-05-14",
    "Last weekend we went kayaking.": "2023-05-13..2023-05-14",
    "Next weekend I am on call.": "2023-05-27..2023-05-28",
    "I had the flu last week.": "2023-05-08..2023-05-14",
    "Next week the roof gets new tiles.": "2023-05-22..2023-05-28",
    "The week before last I was in Oslo.": "2023-05-01..2023-05-07",
    "Next month I take over the bakery.": "2023-06",
    "Last month our well ran dry.": "2023-04",
    "Last year I grew pumpkins.": "2022",
    "Next year we want to walk the coast path.": "2024",
    "This year I gave up sugar.": "2023",
    "Last summer I herded goats.": "2022-06..2022-08-31",
    "Last winter the pipes froze.": "2022-12..2023-02-28",
    "Next spring I plan to keep bees.": "2024-03..2024-05-31",
    "In June last year I changed my surname.": "2022-06",
    "My knee was operated on last October.": "2022-10",
    "On Tuesday last week I fainted.": "2023-05-09",
    "I have a hearing next week on Thursday.": "2023-05-25",
    "The week of 5 June I will be offline.": "2023-06-05..2023-06-11",
    "We were in Ghent the week before 24 April.": "2023-04-17..2023-04-23",
    "She called me two days before 7 May.": "2023-05-05",
    "Last week was rough; on Thursday I crashed the bike.": "2023-05-11",
    # Times of day.
    "Yesterday at 5pm the power went out.": "2023-05-16T17:00",
    "At 18:30 on 7 May the alarm rang.": "2023-05-07T18:30",
    "The dentist sees me tomorrow at 9:15 am.": "2023-05-18T09:15",
    "My train leaves on Friday at noon.": "2023-05-19T12:00",
    "This morning at 6 I saw a heron.": "2023-05-17T06:00",
    "Last night at 11 the neighbours had a row.": "2023-05-16T23:00",
    "The standup on 2023-05-15T08:45:00Z was cancelled.": "2023-05-15T08:45",
    "I took the pill two hours ago.": "2023-05-17T10:00",
    "Yesterday at 5 I went home.": "2023-05-16",
    # Ranges.
    "From 3 to 7 July we rent a cabin; I will cook.": "2023-07-03..2023-07-07",
    "I was in hospital from 28 December to 3 January.": "2022-12-28..2023-01-03",
    "May 3-7 I hiked the ridge.": "2023-05-03..2023-05-07",
    "The fair ran 4 April 2022 until 9 April 2022.": "2022-04-04..2022-04-09",
    "Between 2 and 5 May I slept badly.": "2023-05-02..2023-05-05",
    "I studied law from 2009 to 2013.": "2009..2013-12-31",
    "Between June and August 2021 I drove a taxi.": "2021-06..2021-08-31",
    "I lived in Lund from November 2020 to February 2022.": "2020-11..2022-02-28",
    "From December to March 2022 I skied a lot.": "2021-12..2022-03-31",
    # No moment, or none that is sure.
    "I may march with them, but April said no.": None,
    "This is the last time I lend you a second.": None,
    "My flat is on the 15th floor.": None,
    "The phone number is 555-2019.": None,
    "The camera cost $2020 and 2019 euros went to the lens.": None,
    "Version 2023.1 broke my setup, 2022.3 was fine.": None,
    "I lived in a van for two weeks.": None,
    "Every Friday I swim a mile.": None,
    "On Mondays the shop is closed.": None,
    "I am 20 and my sister is 31.": None,
    "I can be ready in 5 minutes.": None,
    "He solved the cube in two days.": None,
    "I haven't eaten meat in six years.": None,
    "I walked in 2000 steps more than she did.": None,
    "I get up at 6 every day.": None,
    "In the next few months things get easier.": None,
    "It feels like yesterday that we met.": None,
    "My grandmother still bakes this bread today.": None,
    "I met Ann on 3 May and Bob on 9 May.": None,
    "Yesterday I slept, tomorrow I work.": None,
    "Friday is my favourite day of the week.": None,
    "I love a quiet Sunday.": None,
    "The invoice is from 5/7/2023.": None,
    "The date 30 February 2023 was a typo.": None,
    "We argued about it the whole day.": None,
    "I work Monday to Friday from 9 to 5.": None,
    "June Carter is my favourite singer.": None,
    "Half a year ago or so I dropped out.": None,
    "I'm away until next Monday.": None,
    "Black Friday is madness.": None,
    "The 90s were the best decade for music.": None,
    "I spring out of bed and fall asleep late.": None,
    "It took me 3 days and 12 hours.": None,
    "My locker is 12 and the code is 1984.": None,
    "One day I'd like to see the northern lights.": None,
    "Someday I will learn the cello.": None,
    "I have two cats and a dog.": None,
}


def _read(label: str | None) -> Moment | None:
    """Return the moment that a label of the sentences above stands for."""
    if label is None:
        return None
    first, _, last = label.partition("..")
    precision = {4: Precision.YEAR, 7: Precision.MONTH, 10: Precision.DAY, 16: Precision.TIME}
    start = datetime.fromisoformat(first + "-01-01"[len(first) - 4 :] if len(first) < 8 else first)
    end = datetime.fromisoformat(last).replace(tzinfo=UTC) if last else None
    return Moment(start.replace(tzinfo=UTC), precision[len(first)], end)


def _day(*numbers: int) -> Moment:
    return Moment(datetime(*numbers, tzinfo=UTC), Precision.DAY)  # type: ignore[misc,arg-type]


def test_most_moments_are_found_and_those_found_are_right() -> None:
    found = {text: moment_of(text, NOW) for text in LABELLED}
    wrong = {text: found[text] for text, label in LABELLED.items() if found[text] != _read(label)}
    named = sum(label is not None for label in LABELLED.values())
    right = sum(found[text] is not None and text not in wrong for text in LABELLED)
    precision = right / sum(moment is not None for moment in found.values())
    recall = right / named
    print(f"\n{len(LABELLED)} sentences: precision {precision:.3f}, recall {recall:.3f}")
    for text, moment in wrong.items():
        print(f"{text!r}: {moment} instead of {LABELLED[text]}")
    assert len(LABELLED) >= 100
    assert precision >= 0.95
    assert recall >= 0.95


def test_days_are_those_of_the_time_zone_it_was_said_in() -> None:
    # It is the 18th already where this is said.
    said = datetime(2023, 5, 18, 1, tzinfo=timezone(timedelta(hours=2)))
    assert moment_of("I fell off my horse yesterday.", said) == _day(2023, 5, 17)
    assert moment_of("I fell off my horse yesterday.", said.astimezone(UTC)) == _day(2023, 5, 16)


def test_a_time_of_day_is_one_of_the_time_zone_it_was_said_in() -> None:
    said = datetime(2023, 5, 18, 12, tzinfo=timezone(timedelta(hours=2)))
    moment = moment_of("We landed yesterday at 1am.", said)
    assert moment == Moment(datetime(2023, 5, 16, 23, tzinfo=UTC), Precision.TIME)


def test_a_time_zone_that_is_written_counts() -> None:
    moment = moment_of("It failed at 2023-05-15T08:45+02:00.", NOW)
    assert moment == Moment(datetime(2023, 5, 15, 6, 45, tzinfo=UTC), Precision.TIME)


def test_naive_moments_are_in_utc() -> None:
    assert moment_of("Tonight at 8 we sing.", NOW.replace(tzinfo=None)) == Moment(
        datetime(2023, 5, 17, 20, tzinfo=UTC), Precision.TIME
    )


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("I quit in 2022, on 7 May.", (2022, 5, 7)),
        ("Last week I was ill, yesterday I was not.", None),
        ("In 2023 I moved, on 3 March, a Friday.", (2023, 3, 3)),
        ("On 7 May 2023 it rained, and on 7 May 2023 it stopped.", (2023, 5, 7)),
    ],
)
def test_of_several_moments_only_one_within_the_others_counts(
    text: str, day: tuple[int, int, int] | None
) -> None:
    assert moment_of(text, NOW) == (_day(*day) if day else None)


@pytest.mark.parametrize("ahead", [False, True])
def test_the_tense_decides_which_year_a_date_is_of(ahead: bool) -> None:
    for month, name in ((3, "March"), (9, "September")):
        verb = "will have" if ahead else "had"
        moment = moment_of(f"I {verb} surgery on {name} 4.", NOW)
        year = 2023 + (month == 3) if ahead else 2023 - (month == 9)
        assert moment == _day(year, month, 4)


def test_the_verb_nearest_before_a_date_decides() -> None:
    text = "I will never forget what happened on Friday."
    assert moment_of(text, NOW) == _day(2023, 5, 12)
    text = "I was told that the baby will come on Friday."
    assert moment_of(text, NOW) == _day(2023, 5, 19)


def test_names_are_not_taken_for_verbs_of_the_future() -> None:
    assert moment_of("It was Will on Friday.", NOW) == _day(2023, 5, 12)
    assert moment_of("It was what he will do on Friday.", NOW) == _day(2023, 5, 19)


def test_days_missing_in_the_calendar_are_no_moments() -> None:
    assert moment_of("It will end tomorrow.", datetime(9999, 12, 31, tzinfo=UTC)) is None
    assert moment_of("It began yesterday.", datetime(1, 1, 1, tzinfo=UTC)) is None
    assert moment_of("It began 999 years ago.", datetime(900, 6, 1, tzinfo=UTC)) is None


def test_white_space_capitals_and_curly_marks_do_not_matter() -> None:
    assert moment_of("I\u2019m off\n to  Rome\tTOMORROW!", NOW) == _day(2023, 5, 18)
    assert moment_of("\u0130 arrived on 7\u00a0May \u2013 alone", NOW) == _day(2023, 5, 7)
    text = "\u0130\u0130\u0130 slept from 3 may to 5 may."
    assert moment_of(text, NOW) == Moment(
        datetime(2023, 5, 3, tzinfo=UTC), Precision.DAY, datetime(2023, 5, 5, tzinfo=UTC)
    )


_PIECES = (
    "yesterday tomorrow last next this week month year Friday friday May may 7 31 29 February 2023 "
    "2022 in on from to between and 3 days ago at 5pm 18:30 summer the week of before a few 12/31/"
    "2022 2023-05-07T10:00Z until every will was . , - 's İ 0001 9999 999 years"
)
_MOMENTS = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-11)), None]))
_TEXTS = st.lists(st.sampled_from(_PIECES.split()), max_size=12).map(" ".join)


@settings(max_examples=300, deadline=None)
@given(st.one_of(_TEXTS, st.text(string.printable), st.text()), _MOMENTS)
@example("this weekend", datetime(9999, 12, 31))
@example("in 999 years", datetime(9999, 12, 31, tzinfo=UTC))
def test_any_text_has_a_moment_of_the_calendar_or_none(text: str, said: datetime) -> None:
    moment = moment_of(text, said)
    assert moment == moment_of(text, said)
    if moment:
        assert moment.at.tzinfo is UTC
        if moment.precision is not Precision.TIME:
            assert (moment.at.hour, moment.at.minute, moment.at.second) == (0, 0, 0)
        if moment.until:
            assert moment.precision is not Precision.TIME
            assert moment.until > moment.at


@pytest.mark.parametrize(
    "piece",
    [
        "yesterday ",
        "friday ",
        "may ",
        "A ",
        "1 ",
        "2022-",
        "in a ",
        "from 3 to ",
        "last ",
        "(",
        "İ ",
    ],
)
def test_hostile_texts_are_read_to_their_end(piece: str) -> None:
    # Whatever takes the square of their length does not come to an end here.
    text = "yesterday " + (piece * 65536)[:65526]
    assert moment_of(text, NOW) == moment_of(text, NOW)
