"""Words that are capitalised although they are not names, or not names on their own.

The trap: most given names and many companies are ordinary words too ("Rose", "Hope", "Apple"), so a
list of all English words would include them. These are the words that begin sentences, are written
in capitals for emphasis, or are capitalised out of courtesy, and none that is chiefly a name.
"""

# Words that open sentences, and words capitalised for emphasis.
_OPENERS = """
aaah above absolutely across actually add afterwards again ago agreed ah aha ahh aim alas all
allergic almost along alright also although always amazing amen among amongst and another answer
any anybody anyhow anyone anything anytime anyway anyways apparently are aren't around as ask at
ate aw awesome aww awww back bad bake basically be beautiful because been before behind believe
below besides best bet better between beyond big bless book booked born both bought bravo
brilliant bring build but buy by bye call called calm came can can't cancel cannot care certainly
check cheers chef choose clearly close cold come commit compare completely congrats
congratulations consider consistency convert cook cool correct could couldn't crazy create
currently cute damn dance darn deal dear debug decided definitely delete deploy describe design
despite diagnosed did didn't discover divorced do does doesn't doing don't done double down draft
drank draw dream drop drove due during each earlier early easy eat eek either else email emailed
engaged enjoy enjoys enough especially even eventually ever every everybody everyone everything
exactly excellent except excited exciting explain explore fair false fantastic far favorite
favourite feel feeling fellow felt few finally find fine finished fired first firstly five fix
flew follow for forever forget formerly fortunately found four free fresh from full fun further
gave generally get gets getting give given giving glad go goes going gonna good goodbye goodness
gosh got gotcha gotta grab graduated grateful great greetings grew guess guys had haha hahaha half
happy hard hardly has hate hates have having he heard heck hell hello help her here here's hers
hey heya hi high him hired his hiya hmm hmmm hold honestly hooray hope hopefully hopes horrible
hot how how's however huge hurray hurry i i'd i'll i'm i've if imagine impressive in incredible
indeed inside inspired install instead interesting into is isn't it it'd it'll it's its itself
join joined just keep kept kinda knew know knowing last lastly lately later laugh learn learned
least leave left let let's like likes likewise list listen little live lived lives lol long look
looking looks lost lots loved lovely loves loving luck luckily made make makes making many married
maybe me mean meanwhile meet merge met mine more moreover morning most mostly moved much must my
myself nah name naturally near nearly need needs neither never nevertheless nice night no nobody
none nope nor normally not note nothing now nowadays obviously of off often oh ohh ok okay old on
once one only onto oof ooh oooh oops open or ordered originally other others otherwise ouch our
ours out outside over overall own owns paid painted peace people per perfect perhaps personally
phew pick ping plan plans play plays please plus practice prefer prefers pretty previously
probably promoted proud pull push put question quick quickly quiet quite raised ran rather read
ready real really recently refactor regardless regular relax remember remind reminder remove
rename restart retired review right roughly run sad safe said same save saw say says schedule
search see seeing seems seen send sent seriously set seven several shall she she's should show
similarly simple simply since sing six small so sold some somebody somehow someone something
sometime sometimes somewhere soon sorry sounds speaks special start started stay step still stop
studied studies stuff such summarise summarize super sure surely surprisingly swam sweet switch
take takes taking talk taught teaches tell ten terrible test text texted thank thankful thankfully
thanks that that's the their theirs them then there there's therefore these they they're thing
things think this those though thought three through throughout thus til till time to today
today's together told tomorrow tonight too took totally touche tough toward towards transitioning
translate tried true truly trust try turn turns twice two ugh uh uhm um unbelievable under
understand understood unfortunately unless unlike until up update upon us use used using usually
vegan vegetarian very via visit visited wait wake wanna want wanted wants warning was watch way we
we'd we'll we're we've wear weird welcome well welp went were weren't what what's whatever when
whenever where where's wherever whether which while whilst who who's whoa whoever whole whom whose
why wild will wish with within without woah won won't wonderful woo woohoo works worry would
wouldn't wow write wrote ya yay yea yeah year years yep yes yess yesterday yet yikes yo yoga you
you'd you'll you're you've young your yours yourself yum yummy yup
"""
# Abstract subjects that take the place of a person: "Life is hard".
_THINGS = """
autumn breakfast cat coffee dinner dog family food friends health home kids life love lunch money
music nature painting school spring summer tea winter words work
"""
# Words capitalised out of courtesy, for emphasis, or as headings.
_COURTESY = """
ad ai's aka am app asap bc bff birthday brb btw caption cds ceo ceos cheese christ class coach cto
cv cya diy diys dj dm dvd dvds eg eta etc faq fomo fr free ft fwiw fyi gf goat god hr hrs id idk
ids ie ii iii ikr imho imo info internet irl iv jk k lmao lmfao lol ltd miss mr mrs ms n/a ng note
np nsfw ofc omg omw ootd p.s pc pcs pdf pm pov ps qr rip rofl rpg rsvp sis smh sms tba tbd tbh
tgif thx tldr tmi todo tv tvs ty url urls usb vip wifi wip wtf xoxo xx xxx yolo
"""
# Words for one's own family, which denote a different person for each speaker.
_KIN = """
mom mum mommy mummy mama mamma ma mother dad daddy papa pa father grandma grandmother granny nana
grandpa grandfather granddad gramps auntie aunt uncle sis sister bro brother son daughter cousin
hubby wifey honey babe baby darling sweetheart buddy dude man bro sir madam ma'am boss doctor doc
"""
_CALENDAR = """
monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays
fridays saturdays sundays mon tue tues wed thu thur thurs fri sat sun january february march april
may june july august september october november december jan feb mar apr jun jul aug sep sept oct
nov dec
"""
# Nationalities and languages.
_NATIONS = """
afghan african albanian algerian american arab arabic argentine argentinian armenian asian
australian austrian balinese bangladeshi basque bavarian belgian bengali bolivian bosnian
brazilian british bulgarian burmese cambodian canadian cantonese caribbean catalan catholic
chilean chinese christian colombian croatian cuban czech danish dutch eastern ecuadorian egyptian
english estonian ethiopian european filipino finnish french georgian german ghanaian greek haitian
hawaiian hebrew hindi hindu hispanic hungarian icelandic indian indonesian iranian iraqi irish
islamic israeli italian jamaican japanese javanese jewish kenyan korean kurdish latin latina
latino latvian lebanese lithuanian malay malaysian mandarin mediterranean mexican midwestern
mongolian moroccan muslim nepalese nepali nigerian nordic northern norwegian pakistani palestinian
persian peruvian polish portuguese protestant punjabi roman romanian russian scandinavian scottish
senegalese serbian sicilian singaporean slavic slovak slovenian somali southern spanish swahili
swedish swiss syrian taiwanese tamil thai tibetan tunisian turkish ugandan ukrainian uruguayan
uzbek venezuelan vietnamese welsh western
"""

# Names with the ending of verbs and adverbs that begin sentences ("Visited", "Loving", "Really").
_NAMES_LIKE_VERBS = """
ahmed alfred beijing billy boeing carly conrad emily fleming fred holly italy jed jared kelly king
lily mohamed mohammed molly muhammed ned polly red sally sicily sterling ted united wilfred
winifred xiaoping ching kowloon nanjing chongqing harding irving wyoming allied reed
"""
# Places named after a person, whose possessive is part of the name: "Levi's Stadium".
_PLACES = """
bar bay beach bridge cafe cathedral church college day eve garden gardens hall hospital island
kitchen market park pier place pub restaurant school square stadium street theatre university web
"""
# Words that are as often a name: "Will", "Rose", "Apple".
_NAMES_TOO = """
amber apple art autumn bill chance chase chip cliff dale dawn drew faith frank grace grant hope ivy
jack josh joy mark may meta miles notion oracle pat peg pixel python ray rich rob rose shell signal
skip slack sue summer sunny swift target wade will zoom
"""
# Words that join the words of a name, and words of a title that may be in lower case.
_JOINING = "of the de del della der den di da do du la le el al bin ibn van von & y"
_SMALL = "a an and as at but by for from in into is los nor on or over to vs with " + _JOINING
# Function words that names begin with: "Under Armour".
_NAMES_BEGIN = "under over above below down off out up after before"
_UNITS = "pH kWh mAh dB kHz mV mRNA"

NAMES_TOO = frozenset(_NAMES_TOO.split())
CALENDAR = frozenset(_CALENDAR.split())
NATIONS = frozenset(_NATIONS.split())
KIN = frozenset(_KIN.split())
THINGS = frozenset(_THINGS.split())
COMMON = (frozenset(_OPENERS.split()) | THINGS | frozenset(_COURTESY.split()) | KIN) - NAMES_TOO
NAMES_LIKE_VERBS = frozenset(_NAMES_LIKE_VERBS.split())
PLACES = frozenset(_PLACES.split())
JOINING = frozenset(_JOINING.split())
SMALL = frozenset(_SMALL.split())
NAMES_BEGIN = frozenset(_NAMES_BEGIN.split())
UNITS = frozenset(_UNITS.split())
