"""The English requests that carry a fact or ask for one: "note that ...", "tell me your name".

They are matched like the phrases of `saying_phrases`. The trap: the same verbs ask for something
else. "Can you remember what I said?" is a question, "save this file" is a task, so a request to
record counts only with a statement after it.
"""

import re

from language.saying_phrases import CLAUSE, ME

_POLITE = (
    r"(?:(?:please|pls|plz|kindly|just|also|and|so|ok|okay|now|then|first|hey)[, ]+)*"
    r"(?:(?:can|could|would|will|won't) (?:you|u) (?:(?:please|pls|kindly|also|just|mind) )*"
    r"|i(?:'d| would)? (?:want|need|like|ask|prefer) (?:you|u) to (?:please |also |just )?"
    r"|(?:i )?(?:want|would like) you to "
    r"|(?:i was |i'm |i am |just )?wondering if you (?:could|can|would) "
    r"|i(?:'d| would) appreciate it if you(?:'d| would| could)? |let it be |do "
    r"|make sure (?:you |to )|be sure to |you should "
    r"|it(?:'s| is| would be) (?:important|helpful|good|great) (?:to|if you|that you) "
    r"|(?:try|need) to )?"
)
# A request to record what follows.
_RECORD = re.compile(
    _POLITE
    + r"(?:remember(?:ing)?|not(?:e|ing)(?: down)?|keep(?:ing)? in mind|bear(?:ing)? in mind"
    r"|keep(?:ing)? (?:it )?in memory|keep (?:a )?(?:note|record)|keep track"
    r"|be (?:aware|advised|mindful)|know|known|take (?:a )?note|make (?:a )?(?:mental )?note"
    r"|don't forget|do not forget|not forget|record|save|store|write down|jot down|log|memori[sz]e"
    r"|(?:write|jot) (?:this|that|it) down|put (?:this |that |it )?(?:down|on file)"
    r"|add (?:this |that |it )?to (?:your |the )?(?:memory|notes|profile)|understand|consider"
    r"|take into account|acknowledge|mark down|register|commit (?:this |it )?to memory)"
    # "save this: the code is 12", "note that I ...", "remember I ..."
    r"(?P<link>(?: (?:this|that|it|down|for (?:me|later|future reference|next time|the future)"
    r"|(?:the fact|of the fact) that|of|the following|(?:in|to) (?:your |the )?(?:memory|notes)"
    r"|somewhere|please|about me))*(?::|,| -+| [\u2013\u2014])?)"
    r"(?=\W)(?P<rest>.*)",
    re.DOTALL,
)
_TASK = re.compile(
    r"(?:the |any |this |these )?(?:attached|following|above|below)\b"
    r"|(?:what|when|where|which|who|why|how|if|whether|me|them|those|everything|anything"
    r"|all (?:of )?(?:this|that|it|the)|a copy|as|to (?:a |the |my )?(?:file|disk|pdf|csv)"
    r"|your|you)\b"
)
# Of the verbs, these are also tasks for a computer; they need a colon or a that-clause.
_DOUBTFUL = re.compile(r"(?:save|store|record|log|register|consider|understand|know|acknowledge)\b")
_LANGUAGES = (
    "english|french|german|spanish|italian|portuguese|dutch|polish|turkish|russian|ukrainian|czech"
    "|swedish|danish|norwegian|finnish|greek|hungarian|romanian|hebrew|arabic|persian|hindi|bengali"
    "|urdu|chinese|mandarin|cantonese|japanese|korean|vietnamese|thai|indonesian|catalan|croatian"
)
# "I want you to always answer in French": a rule for the future, not a task.
RULES_FOR_LATER = re.compile(
    r"(?:please |kindly )?(?:(?:can|could|would|will) (?:you|u) (?:please )?"
    r"(?:always|never|from now on|only ever|stop|call me(?! back| when| if| at| on| later)"
    r"|address me|refer to me)\b"
    r"|(?:(?:can|could|would|will) (?:you|u) (?:please )?)?(?:"
    rf"(?:answer|reply|respond|speak|talk)(?: (?:to )?me)? (?:only )?in (?:{_LANGUAGES})\b"
    r"|(?:(?!\b(?:what|when|why|how)\b).)*\b(?:from now on|going forward)\W*\Z"
    # "Will it rain in the future?" asks.
    r"|(?:(?!\b(?:what|when|why|how)\b).)*\b(?:in (?:the )?future|every time"
    r"|for all future \w+)[.! ]*\Z))"
    r"|(?:please )?i(?:'d| would)? (?:want|need|like|prefer|expect|ask) (?:you|u|for you) "
    r"(?:to |that )?(?:please )?(?:always|never|only|not|stop|avoid|refrain|address|call me"
    r"|refer to me|treat"
    r"|(?:answer|respond|reply|speak|talk|write|explain|format|communicate)"
    r"(?: (?:to )?me)? (?:always |only |exclusively )?(?:in|with|as|like|using|without|briefly"
    r"|concisely|formally|informally|politely|directly|only|every|whenever)"
    r"|be (?:more |less |very |always )?\w+(?: with me| to me)?[.!]*\Z"
    r"|keep (?:your |all |the )?(?:\w+ )?(?:replies|answers|responses|it|things|messages)"
    r"|use (?!this|that|the following)|from now on)\b"
)
_ASKED_OF_YOU = re.compile(r"\b(?:you|your|yourself|u|ur)\b")
# A request for information about the other person.
_PROMPT = re.compile(
    r"(?:(?:before|to|in order to|so that|for|if you don't mind) ?[^,.?!]{0,60}, )?"
    r"(?:(?:please|pls|first|next|now|then|and|so|ok|okay|also|just|to start|great|for now)[, ]+)*"
    r"(?:(?:can|could|would|will) you (?:please |first |also )?"
    r"|i(?:'d| would) (?:like|need) (?:you )?to )?"
    r"(?:tell (?:me|us)|let (?:me|us) know|share|describe|name|give (?:me|us)|specify|state|provide"
    r"|enter|list|choose|pick|select|confirm|indicate|mention|say|type|introduce"
    r"|i need(?: to know)?|i(?:'d| would) (?:like|love) to (?:know|hear))\b"
)
_NOUN_ONLY = re.compile(r"(?:and )?your [\w' -]{2,40}?,? please\W*\Z")
_OFFER = re.compile(
    r"\b(?:if (?:you|there|i|that|this)|when you(?:'re| are| can)|what you think|your thoughts"
    r"|how (?:it|that|things) (?:go|goes|went|turns?)|whenever|how i can|anything else"
    r"|any (?:other )?questions)\b"
)


def states_for_record(body: str) -> bool:
    """Return whether a sentence asks to remember something and says what."""
    found = _RECORD.match(body)
    if not found:
        return False
    link, rest = found["link"].strip(), found["rest"].strip(" ,:-\u2013\u2014")
    if not rest or _TASK.match(rest):
        return False
    if link.endswith((":", "-", "\u2013", "\u2014", "that")):
        return len(rest.split()) > 1
    verb = body[: found.start("link")].split()[-1]
    states = CLAUSE.search(rest) is not None
    if _DOUBTFUL.match(verb):
        # "Save my file", "know my rights": only a whole sentence is a statement.
        return (
            states and re.match(rf"(?:{ME}|(?:my|our|the) [\w' -]+? (?:is|are)) ", rest) is not None
        )
    return states


def asks_about_listener(body: str) -> bool:
    """Return whether a request asks the other person for information about themselves."""
    if _NOUN_ONLY.match(body):
        return True
    return (
        _PROMPT.match(body) is not None
        and _ASKED_OF_YOU.search(body) is not None
        and _OFFER.search(body) is None
    )
