"""The English phrases that classify sentences: requests, thanks, questions and others.

They are matched against sentences in lower case with straight apostrophes and single spaces,
without an opening such as "Oh well, Ana, ". The trap: people leave out words ("Went home.", "Love
it!"), so a verb at the beginning is usually not a command; only verbs that rarely begin anything
else count as one.
"""

import re

import regex

from language.terms import terms

# The words of small talk, which carry no content.
CHATTER = frozenset(
    terms(
        """
        hey hi hello yo oh ooh ah aw aww wow whoa woah woohoo yay yeah yea yep yup yes nope nah ok
        okay sure totally absolutely definitely exactly indeed right true certainly course alright
        gotcha agreed thanks thank thx cheers welcome please sorry congrats congratulations bye
        goodbye well gee gosh god omg man dude bro guys buddy haha lol hmm um uh great good awesome
        amazing cool nice fantastic wonderful lovely sweet beautiful gorgeous incredible brilliant
        perfect excellent super fabulous impressive inspiring interesting exciting excited terrific
        neat stunning adorable cute funny hilarious crazy wild insane bad awful terrible horrible
        sad tough bummer shame best better special worth ahead fun epic rock blast priceless
        powerful
        thoughtful proud lucky happy glad really pretty quite truly honestly actually literally lot
        lots bit much many even still ever always never maybe perhaps sounds look looks seems hear
        see know mean think guess hope bet wish love like agree understand feel get got gonna gotta
        wanna go going keep let say tell wait check take care talk catch chat soon later make makes
        made come want need try help thing things stuff way idea time one ones kind sort bless back
        forward looking done real deal mm mmm yum ugh phew eek meh hehe whew woot matter point yet
        us im ive nothing something anything
        everything someone everyone anyone else around work works ya kinda
        """
    )
)
# The words of encouragement.
PLATITUDES = frozenset(
    terms(
        """
        difference journey dream dreams support supporting passion passionate challenge challenges
        strength strong growth grow goal goals opportunity opportunities effort efforts positive
        positivity step steps hard hardship life moment moments kindness kind impact inspire
        inspiration motivate motivated motivation joy success successful setback setbacks tough
        determination determined dedication dedicated resilience obstacle obstacles believe belief
        heart together courage purpose focus focused push pushing overcome achieve encourage
        encouragement appreciate stay reward rewarding important small change future memories create
        creating bring brings happen cherish perspective people friend friends friendship possible
        power each new open learn share sharing enjoy every start starts
        """
    )
)


def _any(phrases: str) -> str:
    """Return a pattern for any of the phrases, given one per line."""
    return "(?:" + "|".join(line.strip() for line in phrases.strip().splitlines()) + ")"


# -- Persons, judgements and clauses.

ME = r"(?:i|i'm|i've|i'd|i'll|im|ive|we|we're|we've|we'd|we'll)"
FIRST_PERSON = re.compile(rf"\b(?:{ME}|my|mine|me|myself|our|ours|us)\b")
SECOND_PERSON = re.compile(r"(?:you|you're|you've|you'd|you'll|your|yours|u|ur|ya)\b")
# Words of approval or disapproval, whatever else the sentence says.
ADMIRES = re.compile(
    r"\b(?:awesome|amazing|great|cool|nice|fantastic|wonderful|lovely|sweet|beautiful|gorgeous"
    r"|incredible|brilliant|perfect|impressive|inspiring|interesting|exciting|stunning|adorable"
    r"|cute|good|fun|best|tough|sad|looks?|sounds?|must|so|such|really|you|your)\b"
)
JUDGES = re.compile(r"\b(?:was|were|wasn't|weren't|felt|had|made|loved|enjoyed|went)\b")
_AUXILIARY = (
    "is|are|was|were|am|has|have|had|will|can|do|does|did|could|would|should|must|might|isn't|aren't"
    "|wasn't|weren't|hasn't|haven't|won't|can't|don't|doesn't|didn't|couldn't|wouldn't|shouldn't"
)
CLAUSE = re.compile(
    _any(
        rf"""
        \b(?:{ME}|he|she|they|it|you|[a-z]+'(?:ve|re|ll|d|m)|(?:he|she|it|that|there)'s)\b
        \b(?:{_AUXILIARY})\b
        \w (?:[a-z]{{3,}}ed|went|got|left|made|took|died|came|said|loves|likes|hates|lives|works)\b
        \A[\w '-]{{2,30}}\*{{0,2}}: ?\S|\w's (?:a|an|the|my|in|at|not)\b
        \A(?:love|loved|hate|prefer|went|got|had|just|been|gonna|wanna|lost|started|moved|bought)\b
        \bfor me\b|\b(?:makes?|gives?|keeps?|helps?) (?:me|us)\b
        \A(?:found|made|met|quit|grew|born|working|living|allergic)\b
        """
    )
)

# -- Openings and endings of sentences.

EDGES = "\"'\u201c\u201d\u2018()[]*_~ \t\n"
OPENERS = (
    "(?i:"
    + _any(
        """
    hey|hi|hello|hiya|oh|ooh|ah+|aw+|wow|whoa|woah|woo+hoo|yay|well|yeah|yea|yep|yup|yes|no|nope|nah
    ok|okay|sure(?: thing)?|right|true|totally|absolutely|definitely|exactly|indeed|certainly
    of course|agreed|anyways?|actually|honestly|ha(?:ha)+|lol|omg|gosh|man|dude|hm+|um+|uh|so
    thanks(?: so much| a lot| again)?|thank you(?: so much| very much)?|thx|cool|great|nice|awesome
    perfect|i see|got it|by the way|btw|also|plus|in fact|fyi|good question|not really
    (?:good|great|bad|big) news|luckily|fortunately|unfortunately|sadly|hopefully
    """
    )
    + ")"
)
LOOSE_OPENERS = "(?i:hey|oh|wow|yeah|yep|yup|ok|okay|haha|lol|omg|btw|also|plus|actually|anyway)"
ANSWERS = re.compile(
    r"(?:oh,? |well,? )?(?:yes|yeah|yea|yep|yup|no|nope|nah|sure|of course|definitely|absolutely"
    r"|totally|not really|certainly|indeed|exactly)\b"
)
# The same as a whole sentence, without a mark: "nope", "yeah I do", "not yet".
BARE_ANSWER = re.compile(
    r"(?:oh,? |well,? |um+,? |hm+,? )?(?:yes|yeah|yea|yep|yup|ya|ye|no|nope|nah|naw|nay|aye|sure"
    r"|of course|definitely|absolutely|totally|not really|certainly|indeed|correct|that's right"
    r"|(?:not )?(?:always|yet|at all|anymore)|never|sometimes|often|rarely|occasionally|kind of"
    r"|sort of|a (?:bit|little)|(?:i|we) (?:do|don't|am|am not|did|didn't|have|haven't|was|wasn't)"
    r"|(?:i'm|we're) not)"
    r"(?:,? (?:i|we) (?:do|don't|am|am not|did|didn't|have|haven't|can|can't|was|wasn't|will|won't)"
    r"|,? (?:i'm|we're) not|,? (?:not|sir|ma'am|please|thanks|always|never|sometimes))?\W*\Z"
)
DENIES = re.compile(r"(?:no|nope|nah|naw|none|nothing|not really|negative)\b")
# Open questions about a person to which a bare no is an answer.
ANYTHING = re.compile(
    r"\b(?:are|do|did|have|were) you\b(?!.*\b(?:need|want|add|know|say|ask|help|else|like me)\b)"
    r".*\b(?:anything|any(?:one| \w+)?)\b"
)
QUESTION = regex.compile(
    r"""[?\uFF1F\u061F\u2047-\u2049\u203D\u037E\u055E\u1367]"""
    r"""[!.?\uFF01\uFF1F"'\u201D\u2019\xBB)\]}*_\u300D\u300F\uFF09\u3011\s\p{Extended_Pictographic}\p{Emoji_Modifier}\uFE0F\u200D]*\Z"""
)

# -- Questions, requests and instructions.

_DO = "do|does|did|are|is|was|were|can|could|will|would|should|have|has"
_THEM = "(?:you|i|we|they|it|he|she|there)"
ASKS = re.compile(
    r"(?:and |so |but )?"
    + _any(
        rf"""
        (?:what|where|when|why|how|who|whose|which)(?:'s| [\w'-]+){{0,2}} (?:{_DO}) {_THEM}\b
        (?:{_DO}) (?:you|we|they|i|it|there|anyone)\b
        (?:how|what) about\b|what's (?:up|new|your)\b|how's\b|any (?:ideas?|suggestions?|tips?)\b
        """
    )
    + r"[^.!]*\Z"
)
PARTICULAR = re.compile(
    r"(?:what|where|when|who|which)\b"
    r"(?!'s (?:up|new|going)| (?:is|are you) (?:up|new)| about| else| now)"
)
# Yes-or-no questions about a person, rather than about what to do next.
YES_OR_NO = re.compile(
    r"(?:.{0,60}[,.!] )?(?:and |so )?(?:do|did|are|were|have"
    r"|is (?!there|that|this|it)(?:[\w'-]+ ){0,3}your|is that your|can you|don't)\b"
    r"(?:(?! (?:know what|want me|mean|think|agree|see what|hear|understand|ready|sure|ok)\b).)*"
    r"\byou"
)
# Verbs that rarely begin anything but a command,
_COMMANDS = _any(
    r"""
    write|draft|compose|generate|create|summari[sz]e|explain|translate|describe|list|compare|rewrite
    rephrase|paraphrase|convert|calculate|compute|define|outline|analy[sz]e|recommend|suggest
    respond|proofread|implement|refactor|debug|provide|classify|identify|extract|act as|pretend
    imagine|reply|continue|ignore|elaborate|expand|simplify|shorten|brainstorm|solve|find|search
    look up|google|    come up with|give|tell|show|send|teach|remind
    (?:let's|lets)(?! (?:meet|schedule|plan)\b)|let me|help|guess
    """
)
# and those that may also be a noun, or the rest of "I read the book".
_DOINGS = _any(
    """
    check|take|look|watch|listen|try|keep|stay|stop|wait|hold|go|open|play|turn|add|remove|delete
    change|use|call|schedule|book|order|cancel|run|make|start|move|save|update|fix|edit|improve
    format|answer|print|read|put|set|email|forward|pick|choose|confirm|verify|test|build|design
    """
)
_OBJECTS = "a|an|the|this|that|it|them|these|those|all|on|off|up|out|for|some|to|with|in|at|sure"
REQUESTS = re.compile(
    _any(
        rf"""
        (?:please|pls|plz|kindly)\b
        (?:can|could|would|will|won't) (?:you|u|we|i)\b
        i(?:'d| would)? (?:want|need|like|love) (?:you|u|for you) to
        {ME} (?:was |am )?wonder(?:ing)? (?:if|whether|what|how|where|when)
        i(?:'d| would) (?:like|love) to (?:know|hear|see)|i (?:want|need) to know\b
        i (?:have|had) (?:a|another|one more) question|i(?:'d| would) appreciate it if
        (?:(?:just|now|then|and|next|first|ok|go ahead and) )?{_COMMANDS}\b(?!:)
        (?:(?:just|now|then|and|next|first) )?{_DOINGS} (?:{_OBJECTS})\b(?!.*\b{ME}\b)
        """
    )
)
INSTRUCTS = re.compile(
    r"(?:please |pls |and |just )?"
    + _any(
        r"""
        remember(?! when|,| the time| those| how)|note that|keep in mind|bear in mind|don't forget
        for the record|for future reference|from now on|always
        never(?! (?:mind|heard|been|seen|had|knew|thought|again)\b)|address me|refer to me
        call me (?!back|when|if|at|on|later)|stop (?:calling|using|suggesting|recommending|asking)
        (?:don't|do not) (?:use|call|mention|include|suggest|recommend|ever|ask|send|give)
        """
    )
    + r"\b"
)
PAUSE = re.compile(r"[,;:\u2013\u2014]|\s-+\s")
# A statement about the speaker after a request or a question: "write to Bo, I'm moving out".
SAYS = re.compile(
    r"(?:[,;:\u2013\u2014.!]|\s-+|-\s|\b(?:since|because|cause|cuz|but|and|given that|considering"
    r"|as(?= i'm| i am)))\s*(?:and |but |so |because |since |that |as |given that )?"
    rf"((?:{ME}\b|(?:my|our)\b(?: [\w'-]+){{1,3}}"
    r" (?:is|are|was|were|has|have|had|will|just)\b)[^?]*)"
)

# -- Greetings, thanks, wishes, agreement, admiration and other pleasantries.

_GOOD = "good|great|nice|lovely|wonderful|fantastic|awesome|amazing|cool|happy|safe|fun|blessed"
_KINDLY = (
    "cool|nice|sweet|lovely|great|awesome|exciting|wonderful|thoughtful|inspiring|fun|cute|kind"
)
PLEASES = re.compile(
    _any(
        rf"""
        (?:{ME} )?(?:(?:just|really|do|truly|so) )*(?:hope|hoping|wish|wishing|bet) (?:you|your|u)\b
        (?:{ME} )?(?:(?:just|really|do|truly|so) )*(?:hope|hoping|wish) (?:it|that|this|things)\b
        (?:{ME} )?(?:(?:just|really|do) )*(?:hope|hoping) (?:everything|all|to (?:hear|see))\b
        """
    )
    + "|"
    # "I'm so glad you came", "sorry to hear that".
    + r"(?:i'm |i am |im |we're |it's )?(?:(?:so|really|very|super|just|also|truly|always) )*"
    r"(?:glad|happy|sorry|thrilled|proud|pleased|honou?red|stoked|excited|grateful|thankful|here"
    r"|lucky) "
    + _any(
        r"""
        to (?:hear|see you|help|be here|have you|know)|you|your|my \w+ help
        (?:it|that|this)(?! (?:i|my|we|our)\b)|of (?:you|it|your)|about (?:that|your|it)
        for (?:you|your|that|the|being)
        """
    )
    + "|"
    + rf"(?:{_GOOD}|so (?:{_GOOD})|long|it's (?:{_GOOD})|it was (?:{_GOOD})) "
    + _any(
        r"""
        (?:to (?:see|hear|meet|talk|chat|know|have)|morning|afternoon|evening|night|day|luck|job)\b
        (?:call|point|idea|question|work|one|going|time no see|for you|on you|birthday|to go)\b
        (?:talking|chatting|seeing|hearing|catching)\b
        """
    )
    + "|"
    + _any(
        rf"""
        (?:have|had) (?:a |an )?(?:{_GOOD})\b(?! (?:idea|news))(?!.*\b(?:{ME}|my|our)\b)
        enjoy (?:your|the|it|yourself|every)\b|best of luck|congrat|way to go|well (?:done|said)
        happy (?:birthday|new year|holidays|to hear|for you|to help|you)
        keep (?:up|it|going|me|in touch|doing|at|that|those|on|being|your|moving|believing)\b
        keep (?:making|shining|fighting|rocking|spreading|pushing|inspiring|working)\b
        stay (?:strong|safe|positive|tuned|true|in touch)|take (?:care|it easy|your time)
        (?:don't|do not|never) (?:worry|sweat|mention|give up|stop|forget to|let|mind|hesitate|be)\b
        (?:don't|do not) forget\W*\Z|sent (?:from|via) my \w+(?: \w+)?\W*\Z|get outlook for\b
        no (?:worries|problem|prob|doubt|way|wonder|need)|you bet|anytime|my pleasure|make sure
        you(?:'re| are) (?:(?:so|very|always|most) )*welcome|same (?:here|to you)|me (?:too|neither)
        see (?:you|ya)|talk (?:to you|soon|later)|catch (?:you|up)
        looking forward to (?:it|that|your|hearing|seeing)|(?:i )?can't wait to (?:see|hear)
        let me know|let(?:'s| us|s)\b(?! (?:meet|schedule|plan)\b)
        (?:many )?(?:thanks|thank you|thx)\b(?! to (?!you))|much appreciated
        (?:i |we )?(?:(?:really|so|do) )*appreciate (?:it|that|you|the|all)|sounds?\b|looks?\b
        seems? (?:like|to)|must(?:'ve| have| be)|what an?\b(?!.*\b(?:i|we|my|our)\b)
        how (?:{_KINDLY}|beautiful|sad|awful)\b|cheers|here's to|go for it
        you(?:'ve)? (?:got this|rock)|feel free|is there anything|this is gonna be
        {ME} (?:can|could|can't) (?:only )?(?:imagine|relate)|(?:i )?couldn't agree|i agree\b
        i'm (?:always )?here (?:for|to|if)|got it|good for you
        i(?:'ll| will) (?:definitely )?(?:keep (?:you|that)|let you|do my best|check it|try)
        i (?:hear|feel) you|i'd be (?:happy|glad) to|i'm sorry|i apologi[sz]e|as an ai\b
        i'm (?:just )?an? ai\b|i (?:don't|do not) have (?:access|feelings|the ability)
        that(?:'s| is) (?:so |really |very )?(?:good|great|nice) to (?:hear|know)
        it (?:sounds|looks|seems) (?:like|great|good)|(?:it|that|this) means (?:a lot|so much)
        your (?:\w+ ){{1,3}}means? (?:a lot|so much|the world)|love your|trust me\Z
        i (?:understand|know|see|get) (?:that|how|what|why|where) (?:you|it|this|that)\b|i hope this
        hope this|i knew (?:you|it)\b|never heard of|so \w+[!.]*\Z
        i'm (?:so |really )?(?:confused|lost|back|done|ready|sure|fine|relieved|jealous)[!.]*\Z
        (?:hi|hey|hello|dear) [\w' ]{{1,30}}[!,.]*\Z
        (?:sure|certainly|of course)[,!] here(?:'s| is| are)\b
        """
    )
)

# -- Sentences that cannot be understood alone.

# A correction of what the speaker has said before.
CORRECTS = re.compile(
    r"(?:(?:sorry|apologies|oops|whoops|correction|typo|wait|no|my bad|my mistake|scratch that"
    r"|actually|i misspoke|i mistyped)[,.:! -]*){0,3}"
    r"(?:i (?:meant|mean)(?: to (?:say|write|type))?\b(?! (?:it|that|well|to|i|my|no)\b)"
    r"|make that(?: \S+){1,4}\Z)"
    r"|.{1,40}, i (?:meant|mean)\W*\Z"
    # "Correction: Tuesday."; a whole statement stands for itself.
    r"|(?:correction|typo): (?!i\b|i'm\b|my\b)\S+(?: \S+){0,2}\Z"
)
CONNECTS = re.compile(
    _any(
        r"""
        and|but|or|so|because|cause|cuz|'cause|'cuz|then|which|though|instead|otherwise|however
        therefore|hence|especially|including|that's why|same|besides|afterwards?|after that
        """
    )
    + r"\b"
)
_BEFORE_POINTER = _any(
    """
    and|but|so|or|then|because|also|plus|though|when|if|since|after|for|with|to|from|of|in|at
    all of|both of|one of|some of|most of
    """
)
POINTS = re.compile(
    rf"(?:{_BEFORE_POINTER} )*"
    + _any(
        r"""
        (?:it|he|she)(?:'s|'ll|'d)?|(?:they|these|those)(?:'re|'ve|'d|'ll)?
        (?:that|this)(?:'s|'ll|'d)?|its|his|her|hers|him|them|their|theirs|such|both|neither|either
        another|others|none of|there (?:i|we|you|he|she|they)|there,|here (?:he|she|it|they)
        one of them|the (?:other|same|first|second|latter|former) (?:one|is|was)
        the (?:first|second|latter|former|others)
        """
    )
    + r"(?![\w'])"
)
_TIMES = (
    "morning|afternoon|evening|night|week|weekend|month|year|summer|winter|spring|fall|autumn|time"
    "|days|semester|quarter"
)
# Sentences that match the same words and yet can be understood alone.
STANDS = re.compile(
    r"(?:(?:and|but|so|in|at|since) )?"
    + _any(
        rf"""
        (?:this|these|that|those|last) (?:past |last |coming )?(?:{_TIMES})\b
        it(?:'s| is| was| will be|'ll be) (?:my|our|been|raining|snowing|hot|cold|hard for me)\b
        it(?:'s| is| was) important (?:to|for) me\b|it (?:takes|took) (?:me|us)\b|it has been\b
        that said\b|this is (?:my|a photo of my)\b
        """
    )
)
# A verb in the first person whose object was named before: "I bought it last year".
REFERS = re.compile(
    rf"{ME}(?: (?!(?:said|think|know|believe|hope|feel|guess|find|make)\b)[\w'-]+){{1,3}} "
    + _any(
        r"""
        it|them|him|her|one(?! of\b)|there
        (?:this|those|these)(?= (?:in|at|on|for|from|with|last|when|because|too)\b|[,.!;]|\Z)
        that(?= (?:in|at|on|for|from|with|last|when|because|too)\b|[,.!]|\Z)
        """
    )
    + r"(?=[\s,.!;]|\Z)"
)
