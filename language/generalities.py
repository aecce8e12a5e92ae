"""Recognises general statements, which hold for anyone: compliments, platitudes, good advice.

The English phrases are matched like those of `saying_phrases`. The trap: a statement about
something definite ("The concert was cancelled", "Bella is scared of thunder") looks much the same.
So a statement is general only if it begins in a known way, and not if it contains a possessive, a
person, or a time.
"""

import re

_SOFTLY = (
    r"(?:(?:so|really|very|pretty|super|such|truly|always|absolutely|just|also|a|an|the|all|quite"
    r"|totally|definitely|gonna|going to|only|most|often|usually|sometimes|sure|still) )*"
)
_FINE = (
    r"(?:awesome|amazing|great|cool|nice|fantastic|wonderful|lovely|sweet|beautiful|gorgeous|good"
    r"|incredible|brilliant|perfect|impressive|inspiring|inspirational|interesting|exciting|cute"
    r"|stunning|adorable|fun|best|tough|strong|kind|rewarding|special|delicious|yummy|cozy|proud"
    r"|happy|lucky|brave|right|talented|thoughtful|powerful|priceless|fulfilling|satisfying"
    r"|refreshing|calming|peaceful|relaxing|magical|comforting|heartwarming|uplifting|motivating)"
)
# Compliments and encouragement for the listener.
FLATTERS = re.compile(
    r"(?:and |but |so )?(?:"
    rf"you must\b|you(?:'re| are) {_SOFTLY}(?:{_FINE}|doing|made|not alone|inspiration|star|rock)\b"
    r"|you(?:'ll| will|'re gonna|'re going to) (?:\w+ )?(?:be|win|do|nail|crush|rock|make|love|ace"
    r"|find|have|succeed|get there|get through|figure|kill|shine|go far|always)\b"
    r"|you(?:'ve)? (?:really |always |truly |definitely |all )*(?:deserve|inspire"
    r"|have (?:a|an|such)|have what|got (?:a|an|such)|did (?:it|a|an|such|great)"
    r"|look|seem|make|made|rock|know how)"
    r"|you should be (?:so |really |very )?proud|you never cease"
    rf"|your (?:[\w'-]+ ){{1,6}}?(?:looks?|sounds?|is|are|'s|seems?) {_SOFTLY}{_FINE}"
    r"|your (?:[\w'-]+ ){1,6}?(?:shows?|shines?|inspires?|(?:is|are) (?:paying|showing|inspiring))"
    r"|(?:it|that|this|those|these|they|he|she|there|[a-z]+ing [\w' ]{0,40}|[a-z]+ing"
    r"|\w+(?: and \w+)?) must(?:'ve| have)? (?:really )?(?:be|been|feel|felt|bring|make|mean|give)"
    r"|(?:i )?bet (?:it|that|they|he|she|those|this|everyone)\b|kudos\b|good luck|well deserved"
    r"|props to|(?:so |really )?glad (?:the|those|these|she|he|they|everyone|things)\b"
    r"|any ?time you need|(?:speak|write|chat) (?:to|with) you soon|(?:just )?remember to (?:pause"
    r"|take|enjoy|be|have)|hats off|more power to|good on you"
    r"|don't be (?:afraid|too|so)|believe in yourself"
    r")"
)

# Words that make a statement definite: persons, possessives, times and past tenses.
_DEFINITE = re.compile(
    r"\b(?:he|she|him|her|his|hers|yesterday|tomorrow|tonight|today|ago|last|next|currently"
    r"|recently|lately|now|already|was|were|wasn't|weren't|had|did|didn't|went|got|came|took|said"
    r"|told|gave|left|lost|won|met|saw|felt|taught|brought|began|became|bought|sold|will|they'll"
    r"|won't|(?:mon|tues|wednes|thurs|fri|satur|sun)days?|a\.m|p\.m)\b"
    r"|\b(?!need|feed|speed|indeed|seed|breed|determined|dedicated|talented|motivated|focused"
    r"|inspired|interested|loved|connected|organized|organised|balanced|needed|noticed|shared)"
    r"[a-z]{2,}ed\b"
    r"|(?<!\bit)(?<!\bthat)(?<!\bthere)(?<!\bwhat)(?<!\bone)(?<!\blet)(?<!\bwho)(?<!\blife)"
    r"(?<!\bnature)(?<!\bpeople)(?<!\bother)(?<!\bhere)(?<!\bthis)(?<!one)(?<!body)'s\b"
)
_VERBS = (
    r"(?:is|are|can|has|have|makes?|brings?|gives?|helps?|takes?|needs?|do|does|don't|doesn't|isn't"
    r"|aren't|feels?|keeps?|shows?|teach(?:es)?|lets?|means?|matters?|really|always|never|sure"
    r"|truly|definitely|often|comes?|goes|go|could|should|would|may|might|deserves?|creates?|rocks?"
    r"|adds?|builds?|inspires?|connects?|stinks?|sucks?|hurts?|heals?|allows?|provides?|reminds?"
    r"|just|all|also|still|seems?|gets?|have|work|works|spreads?|lives?|becomes?)"
)
_TRUTHS = (
    r"(?:family|music|nature|art|arts|life|love|people|everyone|everybody|nobody|nothing|anything"
    r"|something|anyone|someone|kids|children|dogs?|cats?|pets?|animals?|books?|friends?|sports?"
    r"|friendships?|creativity|yoga|dance|exercise|hope|trust|teamwork|rejection|success|failure"
    r"|change|kindness|support|education|laughter|memories|dreams?|time|food|health|courage|fear"
    r"|passion|patience|practice|hard work|small \w+|little \w+|big \w+|good \w+|home|travel|money"
    r"|balance|self[- ]\w+|weddings|holidays"
    r"|fantasy|reading|writing|stories|movies|games|words|flowers|colou?rs|plants|doubt|faith|joy"
    r"|honesty|communit(?:y|ies)|stress|rest|sleep|setbacks|challenges|moms|mums|dads|parents"
    r"|[a-z]+(?:tion|ness|ship|ity|ance|ence|ism|ment))"
)
_TIE = r"(?:(?:of|and|with|in|for|like|to|or|on|at) (?:[\w'-]+ ){1,3})?"
_GENERAL = re.compile(
    r"(?:and |but |so |because |since |plus |like |remember,? |trust me,? |i guess )*(?:"
    # "It's important to follow your heart."
    rf"(?:it|that|this)(?:'s| is| can be| feels| can feel| really is) {_SOFTLY}"
    rf"(?:(?:{_FINE}|important|crucial|essential|vital|key|hard|easy|worth|necessary|okay|normal"
    r"|natural|valuable|healthy|good way|great way|cool way|fun way|like|amazing|special feeling)"
    r" (?:to|that|how|when|what|having|being|seeing|we|a|another)\b|all about|proof|never too"
    r"|game[- ]changer|(?:important|crucial|essential|key|vital)\b)"
    r"|(?:it|that|this|these|those|they|which) (?:really |always |just |can |definitely |truly |"
    r"sure )*(?:brings?|makes?|helps?|gives?|reminds?|shows?|teach(?:es)?|keeps?|creates?|adds?"
    r"|takes? (?:courage|guts|time|a lot|strength|dedication|work|patience))\b"
    r"|there(?:'s| is| are) (?:just |really |always |so |truly )*(?:nothing|something|no better"
    r"|always|much|many|a lot|lots|no )"
    r"|nothing (?:beats|like|better|is)\b|one step at a time|every \w+ (?:counts|matters|helps)"
    r"|(?:the )?(?:best|key|most important|little|right|power|beauty|important|secret|way) "
    r"|appreciat\w+ the|when (?:you|things|life|people|times)\b|even (?:if|when|though|small|the)\b"
    rf"|(?:{_TRUTHS}) {_TIE}{_VERBS}\b"
    rf"|(?:{_TRUTHS}) (?:and|or) {_TRUTHS} {_TIE}{_VERBS}\b"
    # "Having people around makes all the difference."
    rf"|[a-z]+ing (?:[\w',-]+ ){{0,12}}?(?:is|are|can|makes?|brings?|gives?|helps?|takes?|feels?"
    r"|does|means|keeps|shows|matters|could|really|has|must|sure|definitely)\b"
    r"|(?:just )?(?:follow|believe|trust|embrace|never|don't|do not|always|stay|be|keep|remember"
    r"|surround|focus|live|dream|celebrate|cherish|value|have faith|enjoy)\b(?! (?:in|on|at) the\b)"
    r"|you (?:never|gotta|have to|just|only|can't|can never|can always)\b"
    r")"
)
# Advice for the listener.
ADVISES_YOU = re.compile(
    r"(?:.{0,40}\b)?you (?:can|could|should|might|may|need to|have to|had better|'d better)\b"
    r"(?! (?:be|do (?:it|this|that)|say|tell|see|imagine|count|always|never|totally|definitely)\b)"
)
# Words of questions that a yes or no does not answer.
LEFT_OPEN = re.compile(
    r"\b(?:any (?:\w+ )?(?:tips?|advice|ideas?|suggestions?|recommendations?|recs|plans?|thoughts?"
    r"|favou?rites?|particular|specific|other|hobbies|goals?|projects?|details?|stories)"
    r"|anything|something|or|favou?rites?|what|which|why)\b"
)

# -- References to earlier sentences, after the first words.

REFERS_LATER = re.compile(
    r"(?!(?:when|if|as|while|since|because|although|though|what|how)\b)"
    r"(?:(?!(?:a|an|the|my|our|your|his|her|their|some|this|these|those|each|every|and|but|when|if"
    r"|because|since|while|although|though|so|where|who|say|said|think|thought|know|knew|believe"
    r"|hope|feel|felt|guess|find|found|make|makes|made|is|was|are|were|if|take|takes|took|that"
    r"|of|about|\d+)\b)[a-z'-]+ ){1,4}?"
    r"(?:it|them|there(?! (?:is|are|was|were|will)\b)|that(?= (?:too|again|back)\b))"
    r"(?=[\s,.!;]|\Z)(?! (?:rains?|snows?|is|'s|was)\b)"
)
FRAGMENT = re.compile(
    r"(?:not (?:only|just|even|to mention)|even (?:the|my|our)|particularly|mostly|mainly|such as"
    r"|like (?:the|my|our|when|a|an)|for example|for instance|except|as well as|just like|also for"
    r"|unlike|rather than|along with|apart from|one of (?:which|whom))\b"
)
# A specific day, which encouragement does not have.
ON_A_DAY = re.compile(
    r"\b(?:yesterday|tomorrow|tonight|today|(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b"
)


def is_general(body: str) -> bool:
    """Return whether a sentence, prepared as for `saying_phrases`, holds for anyone at any time."""
    return _GENERAL.match(body) is not None and _DEFINITE.search(body) is None
