"""The patterns of phrases that name a date, and their vocabulary.

The patterns are matched against texts in lower case with single spaces. The trap is a text crafted
to make matching slow: every repetition and every sequence of digits is bounded.
"""

import re

from language.dates.holidays import HOLIDAY

_FULL_MONTH = (
    "january|february|march|april|may|june|july|august|september|october|november|december"
)
# The lookahead at the first letter avoids trying all alternatives, here and below.
_MONTH = (
    rf"(?=[adfjmnos])(?:{_FULL_MONTH}|(?:jan|feb|mar|apr|jun|jul|aug|sept|sep|oct|nov|dec)\b\.?)"
)
MONTHS = {name[:3]: number for number, name in enumerate(_FULL_MONTH.split("|"), 1)}
# These are also names of people, or verbs.
MANY_SENSES = frozenset({"march", "april", "may", "june", "august"})
VERBS = frozenset({"march", "may"})
_WEEKDAY = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
_SHORT_WEEKDAY = "mon|tues|tue|wed|thurs|thur|thu|fri|sat|sun"
WEEKDAYS = {name[:3]: number for number, name in enumerate(_WEEKDAY.split("|"))}
# The month in which each season begins.
SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_SEASON = "|".join(SEASONS)
_SMALL_NUMBERS = """
one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen twenty
"""
COUNTS = {word: number for number, word in enumerate(_SMALL_NUMBERS.split(), 1)}
_TENS = "thirty forty fifty sixty seventy eighty ninety"
COUNTS |= {word: 10 * number for number, word in enumerate(_TENS.split(), 3)}
COUNTS |= {"a": 1, "an": 1, "couple": 2}
_ORDINALS = """
first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth
fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth twenty-first
twenty-second twenty-third twenty-fourth twenty-fifth twenty-sixth twenty-seventh twenty-eighth
twenty-ninth thirtieth thirty-first
"""
ORDINALS = {word: number for number, word in enumerate(_ORDINALS.split(), 1)}
# The ranges of units that these words mean; no single number would be correct.
VAGUE_COUNTS = {"few": (2, 4), "several": (3, 5)}
_COUNT = rf"(?=[\dacefnost])(?:a )?(?:\d{{1,3}}|few|several|{'|'.join(COUNTS)})(?: of)?"
_YEAR = r"(?:1[89]|20)\d\d"
_TH = r"(?:st|nd|rd|th)?"
_TO = r"(?: ?- ?| (?:to|until|till|through|thru) )(?:the )?"
_COUNTED = (
    "words|steps|people|calories|dollars|euros|pounds|miles|meters|metres|feet|km|kg|units|items"
    "|pieces|points|users|times|ways|pages|hours|minutes|seconds|days|weeks|years|others"
)
_NO_NUMBER = rf"(?![\d%$€£]|[.,:/-]\d|s\b|-year| ?(?:{_COUNTED})\b)"
_WHICH = "this past|this coming|the coming|coming|last|past|this|next"
_UNIT = "day|week|fortnight|month|year"
# What "the last three ..." may count.
_ROLLING_UNIT = f"hour|night|weekend|decade|{_UNIT}"
# Of what recurs each year: "the previous summer", "the upcoming Easter".
_WHICH_ONE = f"{_WHICH}|(?:the )?previous|(?:the )?upcoming"
_OF_YEAR = rf"(?:,? |,)(?:of |in )?(?:(?P<{{0}}_y>{_YEAR})|(?P<{{0}}_yr>last|this|next) year)"
_TWICE = "before last|after next"
_PART = "morning|afternoon|evening|night"
_LEAD = (
    r"early|mid|late|(?:the )?(?:very )?(?:beginning|start|middle|end|rest"
    rf"|(?:first|second|third|fourth|last) (?:days?|week|weekend|half|part|{_WEEKDAY})) of"
)

# Each form is a group named like its reader; of forms with a common beginning the longest is first.
_FORMS = (
    rf"(?P<iso>(?P<iso_y>{_YEAR})(?P<iso_sep>[-/])(?P<iso_m>0[1-9]|1[0-2])"
    r"(?:(?P=iso_sep)(?P<iso_d>[0-3]\d)(?:t(?P<iso_time>[0-2]\d:[0-5]\d)(?::[0-5]\d)?(?:\.\d{1,9})?"
    r"(?P<iso_z>z|[+-][0-2]\d:?[0-5]\d)?)?)?(?![\d-]))",
    rf"(?P<slashed>(?P<s1>\d{{1,2}})(?P<s_sep>[/.])(?P<s2>\d{{1,2}})(?P=s_sep)(?P<s_y>{_YEAR})"
    r"(?![\d/]|\.\d))",
    rf"(?P<dmy>(?:between (?:the )?(?P<dmy_b>\d{{1,2}}){_TH} and (?:the )?"
    rf"|(?P<dmy_a>\d{{1,2}}){_TH}(?= ?[-tu]){_TO})?"
    rf"(?P<dmy_d>0?[1-9]|[1-9]\d)(?P<dmy_th>{_TH})(?: of)? (?P<dmy_m>{_MONTH})"
    rf"(?:(?:,? |,)(?P<dmy_y>{_YEAR}))?)",
    rf"(?P<mdy>(?P<mdy_m>{_MONTH}) (?:the )?(?P<mdy_d>\d{{1,2}})(?P<mdy_th>{_TH})"
    rf"(?:{_TO}(?P<mdy_e>\d{{1,2}}){_TH}(?! ?(?:am|pm)))?"
    rf"(?:(?:,? |,)(?P<mdy_y>{_YEAR}))?{_NO_NUMBER}(?! ?(?:am|pm)\b))",
    rf"(?P<months>(?:from|between) (?:early |mid-?|late )?(?P<ms_a>{_MONTH})"
    rf"(?: (?P<ms_ay>{_YEAR}))?"
    rf"(?:{_TO}| and )(?:early |mid-?|late )?(?P<ms_b>{_MONTH})(?: (?P<ms_by>{_YEAR}))?)",
    rf"(?P<years>(?:(?:from|between) (?P<ys_a>{_YEAR})(?:{_TO}| and )(?P<ys_b>{_YEAR})"
    rf"|in (?P<ys_c>{_YEAR})-(?P<ys_d>\d\d(?:\d\d)?)){_NO_NUMBER})",
    rf"(?P<recurred>(?P<re_n>{_COUNT}) (?P<re>(?:{_SEASON})s?|{HOLIDAY}) ago)",
    rf"(?P<season>(?:(?P<se_prep>back in|in|over|during|throughout|through|for|since) )?"
    rf"(?:(?P<se_of>last|this|next) year's |(?P<se_which>{_WHICH_ONE}"
    r"|(?:the )?(?:early|late|mid|whole|entire)|the)[ -])?"
    rf"(?P<se>{_SEASON})(?:time)?(?:{_OF_YEAR.format('se')}| (?P<se_twice>{_TWICE})\b"
    r"| (?P<se_gone>(?:that )?(?:has )?just (?:gone|past|passed|ended|over|went by))\b)?)",
    rf"(?P<holiday>(?:(?P<ho_prep>on|at|over|during|around|for|in|since) )?"
    rf"(?:(?P<ho_of>last|this|next) year's |(?P<ho_which>{_WHICH_ONE}) )?"
    rf"(?:(?P<ho_side>pre|post)-)?(?P<ho>{HOLIDAY})"
    rf"(?:{_OF_YEAR.format('ho')}| (?P<ho_twice>{_TWICE})\b)?)",
    rf"(?P<worded>(?P<wo_d>{'|'.join(sorted(ORDINALS, key=len, reverse=True))}) of "
    rf"(?P<wo_m>{_MONTH})(?:(?:,? |,)(?P<wo_y>{_YEAR}))?)",
    rf"(?P<month>(?:(?P<mo_which>{_WHICH}|in|during|since|throughout|by|for|around) )?"
    rf"(?P<mo_lead>(?:{_LEAD})[ -])?(?P<mo>{_MONTH})(?:(?:,? |,| of )(?P<mo_y>{_YEAR}))?"
    r"(?! (?:the )?\d{1,2}(?:st|nd|rd|th)?\b))",
    rf"(?P<year>(?:in|since|as of|during|by|around|throughout|for|(?:{_LEAD})|of|the year"
    rf"|from(?= {_YEAR} (?:on|onwards?|until|till|to|through)\b))[ -]"
    rf"(?P<y>{_YEAR}){_NO_NUMBER})",
    r"(?P<near>(?:the )?day before yesterday|(?:the )?day after tomorrow|yesterday|tomorrow|tonight"
    r"|last night|this (?:morning|afternoon|evening)|(?:earlier |later )?today)",
    rf"(?P<weekday>(?:(?P<wd_which>{_WHICH}|on|by|since|for) )?"
    rf"(?P<wd>{_WEEKDAY}|(?<=(?:last|this|next) )(?:{_SHORT_WEEKDAY}))"
    rf"(?: (?P<wd_part>{_PART})\b)?(?! (?:{_PART})s\b)"
    r"(?! of (?!(?:last|this|next) ))(?P<wd_week>(?= (?:of )?(?:last|this|next) week\b))?)",
    r"(?P<twice>(?:the )?(?P<tw_unit>weekend|week|month|quarter|year) "
    r"(?P<tw>before last|after next))",
    rf"(?P<rolling>(?P<ro_lead>(?:(?:in|over|during|within|for|throughout|across) )?"
    r"(?:(?:the|these) (?:very )?last|(?P<ro_former>(?:the|these) (?:previous|preceding))"
    r"|(?:(?:the|these|this) )?past)"
    # Without an article, "last 3 days" is as often how long something lasts.
    rf"|(?:in|over|during|within|for|from|throughout) last(?! (?:{_UNIT})\b)"
    rf"|(?P<ro_bare>(?:last|previous)(?! (?:quarter|{_ROLLING_UNIT})\b))"
    rf"|(?P<ro_recent>(?:in|over|during) (?:the )?(?:most )?recent)) "
    rf"(?:(?:\d{{1,3}}(?: or | to |-)|(?:{'|'.join(COUNTS)}) (?:or|to) )?"
    rf"(?P<ro_n>(?:(?:{_TENS.replace(' ', '|')}|twenty)-)?{_COUNT}) ?"
    rf"(?:(?:full|whole|working|business|calendar) )?(?P<ro_u>{_ROLLING_UNIT}|h|hr)s?"
    rf"|(?P<ro_half>half(?: a|-)? ?year)|(?P<ro_many>days|weeks|months|years|hours)"
    rf"|(?P<ro_one>hour|day|week|fortnight|month|quarter|year|decade))"
    r"(?! (?:of|before)\b| or (?!(?:so|two)\b)))",
    r"(?P<the_weekend>(?:over|at|on|during|since) the weekend(?! (?:of|or|before|after)\b))",
    rf"(?P<period>(?P<pe_which>{_WHICH}) (?P<pe>weekend|week|month|quarter|year)(?! (?:of|or)\b))",
    rf"(?P<ago>(?P<ago_n>{_COUNT}) (?P<ago_u>minute|hour|weekend|{_UNIT})s? "
    r"(?P<ago_way>ago|back|from (?:now|today)))",
    rf"(?P<ahead>in (?P<in_n>{_COUNT}) (?P<in_u>{_UNIT})s?'?(?: time)?)",
    r"(?P<the_day>on the (?P<td>\d{1,2})(?:st|nd|rd|th)(?: of (?P<td_which>last|this|next) month)?"
    r"(?=$|[.,;!?)]| (?:at|and|we|i|he|she|they|with)\b))",
    rf"(?P<bare_year>20\d\d(?!\.\d|[\d%$€£]| ?(?:{_COUNTED})\b))",
)
PHRASE = re.compile(
    # A bare number is skipped before any form is tried.
    r"(?=[a-z]|\d{4}|\d{1,3} ?[a-z-]|\d{1,2}[/.]\d)"
    r"(?<![\w$€£#'@&])(?<!\d[.,:/-])(?<![a-z][./_-])(?:" + "|".join(_FORMS) + r")(?![\w@])"
)
# Words before a recurring date: "every Friday".
HABIT = re.compile(r"\b(?:every|each|any|most|other|per|class|all(?: of)?) $")
# Words before a date that only bounds the time of an event, or is part of a list.
BOUND = re.compile(
    r"\b(?:until|till|before|after|than"
    r"|\d{1,2}(?:st|nd|rd|th)?(?: and| or|,| &)(?: the)?) $"
)
RELATIVE_TO = re.compile(
    rf"\b(?:the )?(?P<what>week|weekend|day|month|year|{_WEEKDAY}|(?P<n>{_COUNT}) "
    r"(?P<u>day|week)s?) (?P<side>of|before|after|following|prior to)(?: the)? $"
)
# "Two or three weeks ago", "two to three weeks ago".
OTHER_COUNT = re.compile(rf"(?:^|(?<= ))(?P<n>\d{{1,3}}|{'|'.join(COUNTS)}) (?:or|to) $")
# "Half a year ago", "a year and two months ago", "1.5 years ago".
BEFORE_COUNT = re.compile(
    rf"(?:\bhalf |\b(?:and|or|past|last|next) |\d[.,-]|-|\b(?:\d|{'|'.join(COUNTS)}) to )$"
)
# "It feels like yesterday", "still ... today", and "two years ago today".
NOT_THEN = re.compile(r"(?:\blike (?:it was )?(?:only |just )?|\bstill [^.!?]{0,40}|\bago )$")
LASTS = re.compile(
    r"\b(?:times?|once|twice|visit|have|has|haven't|hasn't|had|hadn't|can|could|takes?|took|days"
    r"|weeks|months|within|all|usually|always|never|ever)\b"
)
# Words after a holiday or a season that is a date: "at Christmas we", not "Christmas tea".
CLOSES = re.compile(
    r"$|[.,;:!?)]| (?:and|but|or|i|we|you|he|she|it|they|there|my|our|your|his|her|their|the|a|an"
    r"|with|at|in|on|to|from|by|when|while|because|since|so|that|this|then|morning|afternoon"
    r"|evening|night)\b| [A-Z]"
)
# Words after the name of a holiday that make it another thing.
NOT_THE_DAY = re.compile(
    r" (?:islands?|eggs?|bunny|carols?|resolutions?)\b|'s? (?:resolution|island)"
)
GREETING = re.compile(r"\b(?:merry|happy) $")
# Words before the name of a holiday that make it one of another calendar or country.
OTHER_CALENDAR = re.compile(
    r"\b(?:chinese|lunar|jewish|orthodox|islamic|hindu|academic|school|fiscal|financial|tax|whole"
    r"|entire|brand|[a-z]+'s|(?!americ|canad)[a-z]{2,20}(?:an|ese|ish)) $"
)
# "In the fall" after these is not the season.
FELL = re.compile(
    r"\b(?:hurt|injur\w{0,5}|br[oe]ken?|fell|bruis\w{0,4}|sprain\w{0,4}|ladder|stairs|accident|ankle"
    r"|knee|wrist|hip|damaged?)\b"
)
POSSESSIVE = re.compile(r"\b(?:my|your|his|her|its|our|their|the|a|[a-z]+'s) $")
# Words before "last three days" that make it a verb: "does it last three days".
LASTING = re.compile(
    r"\b(?:do|does|did|don't|doesn't|didn't|will|won't|would|can|could|should|may|might|must|to|it"
    r"|they|that|this|which|only|usually|always|long|not)\b"
)
# Words before "march" or "may" that make it a verb or another noun.
NO_MONTH = re.compile(
    r"\b(?:i|we|you|they|he|she|it|who|to|will|would|can|could|may|might|must|should|do|did|does"
    r"|don't|didn't|let's|not|a|the|protest|peace|people|and) $"
)
# Words after "march" that make it a verb.
TO_MARCH = re.compile(r" (?:to|on|for|toward|towards|through|into|against|across|down)\b")
