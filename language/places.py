"""Well-known cities, regions and countries.

A person who lives in Berlin also lives in Germany, so two homes can contradict each other only if
they are of the same kind. The trap: a name may be of two kinds ("New York", "Georgia"); it is
listed as the one that people usually mean when they say that they live there.
"""

from enum import Enum


class PlaceKind(Enum):
    """The kind of a place."""

    CITY = "city"
    REGION = "region"
    COUNTRY = "country"


_COUNTRIES = """
afghanistan, albania, algeria, andorra, angola, argentina, armenia, australia, austria, azerbaijan,
bahamas, bahrain, bangladesh, barbados, belarus, belgium, belize, benin, bhutan, bolivia, bosnia,
botswana, brazil, brunei, bulgaria, burundi, cambodia, cameroon, canada, chad, chile, china,
colombia, congo, costa rica, croatia, cuba, cyprus, czechia, denmark, dominican republic, ecuador,
egypt, el salvador, eritrea, estonia, ethiopia, fiji, finland, france, gabon, gambia, germany,
ghana, greece, greenland, grenada, guatemala, guinea, guyana, haiti, honduras, hungary, iceland,
india, indonesia, iran, iraq, ireland, israel, italy, ivory coast, jamaica, japan, jordan,
kazakhstan, kenya, kosovo, kuwait, kyrgyzstan, laos, latvia, lebanon, lesotho, liberia, libya,
liechtenstein, lithuania, madagascar, malawi, malaysia, maldives, mali, malta, mauritania,
mauritius, mexico, moldova, mongolia, montenegro, morocco, mozambique, myanmar, namibia, nepal,
netherlands, new zealand, nicaragua, niger, nigeria, north korea, north macedonia, norway, oman,
pakistan, palestine, panama, papua new guinea, paraguay, peru, philippines, poland, portugal, qatar,
romania, russia, rwanda, samoa, saudi arabia, senegal, serbia, seychelles, sierra leone, slovakia,
slovenia, somalia, south africa, south korea, spain, sri lanka, sudan, suriname, sweden,
switzerland, syria, taiwan, tajikistan, tanzania, thailand, togo, tunisia, turkey, turkmenistan,
uganda, ukraine, united arab emirates, united kingdom, united states, uruguay, uzbekistan,
venezuela, vietnam, yemen, zambia, zimbabwe
"""
_REGIONS = """
africa, asia, europe, north america, south america, latin america, central america, scandinavia,
alabama, alaska, arizona, arkansas, california, colorado, connecticut, delaware, florida, georgia,
hawaii, idaho, illinois, indiana, iowa, kansas, kentucky, louisiana, maine, maryland, massachusetts,
michigan, minnesota, mississippi, missouri, montana, nebraska, nevada, new hampshire, new jersey,
new mexico, north carolina, north dakota, ohio, oklahoma, oregon, pennsylvania, rhode island,
south carolina, south dakota, tennessee, texas, utah, vermont, virginia, wisconsin, wyoming,
west virginia, upstate new york, long island, bay area, new england, pacific northwest, midwest,
silicon valley, england, scotland, wales, northern ireland, cornwall, devon, kent, sussex, surrey,
yorkshire, essex, ontario, quebec, british columbia, alberta, manitoba, saskatchewan, nova scotia,
bavaria, saxony, hesse, brandenburg, tuscany, sicily, sardinia, lombardy, provence, brittany,
normandy, corsica, catalonia, andalusia, basque country, mallorca, majorca, ibiza, tenerife,
algarve, madeira, azores, crete, tyrol, flanders, wallonia, tasmania, queensland, new south wales,
western australia, punjab, kerala, goa, gujarat, maharashtra, karnataka, bali, hokkaido, okinawa,
east coast, west coast, alps, highlands, black forest, balkans, caribbean, middle east, puerto rico,
az, ca, ma, tx, fl, il, wa, ny, nj, pa, ga, nc, va, ohio, mn, wi, nv, ut, tn, bc, nsw
"""
_CITIES = """
aachen, aarhus, aberdeen, abidjan, abu dhabi, abuja, accra, addis ababa, adelaide, ahmedabad,
albuquerque, alexandria, algiers, almaty, amman, amsterdam, anchorage, ankara, antwerp, asheville,
astana, asuncion, athens, atlanta, auckland, austin, baghdad, baku, baltimore, bangalore, bangkok,
barcelona, basel, bath, beijing, beirut, belfast, belgrade, belo horizonte, bergen, berkeley,
berlin, bern, bilbao, birmingham, bogota, boise, bologna, bonn, bordeaux, boston, boulder,
bratislava, bremen, brighton, brisbane, bristol, brno, bruges, brussels, bucharest, budapest,
buenos aires, buffalo, busan, cairo, calgary, cali, cambridge, canberra, cancun, cape town, caracas,
cardiff, casablanca, charleston, charlotte, chengdu, chennai, chicago, christchurch, cincinnati,
cleveland, cologne, colombo, columbus, copenhagen, cordoba, cork, dakar, dallas, damascus,
dar es salaam, delft, delhi, denver, detroit, dhaka, doha, dortmund, dresden, dubai, dublin,
durban, dusseldorf, düsseldorf, edinburgh, edmonton, eindhoven, essen, florence, fort worth,
frankfurt, freiburg, fukuoka, galway, gdansk, geneva, genoa, ghent, glasgow, gothenburg, granada,
graz, grenoble, groningen, guadalajara, guangzhou, guatemala city, haarlem, hague, haifa, halifax,
hamburg, hannover, hanoi, havana, heidelberg, helsinki, hiroshima, ho chi minh city, hobart,
hong kong, honolulu, houston, hyderabad, indianapolis, innsbruck, istanbul, izmir, jacksonville,
jaipur, jakarta, jeddah, jerusalem, johannesburg, kampala, kansas city, karachi, kathmandu,
katowice, kharkiv, kiel, kigali, kingston, kinshasa, kobe, kolkata, krakow, kraków, kuala lumpur,
kyiv, kyoto, lagos, lahore, las vegas, lausanne, leeds, leiden, leicester, leipzig, lille, lima,
limassol, linz, lisbon, liverpool, ljubljana, london, los angeles, louisville, luanda, lucerne,
lund, luxembourg, lviv, lyon, madison, madrid, malaga, málaga, malmö, malmo, manchester, manila,
mannheim, marrakech, marseille, medellin, medellín, melbourne, memphis, mexico city, miami, milan,
milwaukee, minneapolis, minsk, monaco, monterrey, montevideo, montpellier, montreal, montréal,
moscow, mumbai, munich, münster, nagoya, nairobi, nantes, naples, nashville, new delhi,
new haven, new orleans, new york, newcastle, nice, nicosia, nottingham, nuremberg, oakland, odesa,
oklahoma city, omaha, orlando, osaka, oslo, ottawa, oxford, palermo, palo alto, panama city, paris,
penang, perth, philadelphia, phnom penh, phoenix, pittsburgh, plovdiv, porto, porto alegre,
portland, portsmouth, potsdam, poznan, prague, pretoria, pune, quebec city, quito, rabat, raleigh,
reykjavik, richmond, riga, rio de janeiro, riyadh, rochester, rome, rosario, rotterdam, sacramento,
saigon, salt lake city, salzburg, san antonio, san diego, san francisco, san jose, san juan,
santa barbara, santa cruz, santa fe, santa monica, santiago, são paulo, sao paulo, sapporo,
sarajevo, savannah, seattle, seoul, seville, shanghai, sheffield, shenzhen, singapore, skopje,
sofia, southampton, split, st. louis, st louis, st. petersburg, stavanger, stockholm, strasbourg,
stuttgart, sydney, taipei, tallinn, tampa, tampere, tartu, tbilisi, tehran, tel aviv, the hague,
thessaloniki, tijuana, tirana, tokyo, toledo, toronto, toulouse, trieste, trondheim, tucson, tulsa,
tunis, turin, uppsala, utrecht, valencia, valletta, vancouver, venice, verona, victoria, vienna,
vilnius, warsaw, washington, wellington, winnipeg, wroclaw, yerevan, yokohama, york, zagreb,
zaragoza, zurich, zürich
"""
_SAME = {
    "us": "united states", "u.s": "united states", "usa": "united states", "u.s.a": "united states",
    "states": "united states", "america": "united states", "uk": "united kingdom",
    "u.k": "united kingdom", "britain": "united kingdom", "great britain": "united kingdom",
    "holland": "netherlands", "czech republic": "czechia", "uae": "united arab emirates",
    "nyc": "new york", "new york city": "new york", "ny": "new york", "la": "los angeles",
    "sf": "san francisco", "washington dc": "washington", "washington d.c": "washington",
    "dc": "washington", "bengaluru": "bangalore", "bombay": "mumbai", "calcutta": "kolkata",
    "kiev": "kyiv", "köln": "cologne", "münchen": "munich", "wien": "vienna", "lisboa": "lisbon",
    "roma": "rome", "milano": "milan", "praha": "prague", "geneve": "geneva", "zürich": "zurich",
    "korea": "south korea", "myanmar (burma)": "myanmar", "burma": "myanmar",
    "são paulo": "sao paulo", "malmö": "malmo", "kraków": "krakow", "den haag": "hague",
    "saigon": "ho chi minh city", "montréal": "montreal", "medellín": "medellin",
    "düsseldorf": "dusseldorf", "málaga": "malaga", "vegas": "las vegas",
}  # fmt: skip


def _listed(names: str, kind: PlaceKind) -> dict[str, PlaceKind]:
    return dict.fromkeys(" ".join(names.split()).split(", "), kind)


_KINDS = (
    _listed(_REGIONS, PlaceKind.REGION)
    | _listed(_CITIES, PlaceKind.CITY)
    | _listed(_COUNTRIES, PlaceKind.COUNTRY)
)


def canonical_place(name: str) -> str:
    """Return the most common form of a case-folded name of a place, or the name itself."""
    return _SAME.get(name, name)


def kind_of_place(name: str) -> PlaceKind | None:
    """Return the kind of place of a case-folded name, None if it is unknown."""
    return _KINDS.get(canonical_place(name))
