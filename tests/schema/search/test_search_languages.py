"""Questions in languages that the bundled embedder cannot read, and words without their accents.

Each case is asked in every way in which a search gets its candidates, and through both APIs.
"""

# ruff: noqa: RUF001

import unicodedata

import pytest

from tests.rest.mem0.rest import ask
from tests.support.documents.searching import add_apart, near, parts, search, send, texts
from tests.support.fixtures.factories import ADD, Tenant

pytestmark = pytest.mark.every_database

V3 = "/v3/memories/search/"
# Facts of one user, and a question that each answers.
FACTS = {
    "Chinese": {
        "我的生日是五月八日。": "我的生日是哪天？",
        "我妹妹在医院当护士。": "我妹妹做什么工作？",
        "我最喜欢的水果是芒果。": "我喜欢什么水果？",
        "我家的猫叫咪咪。": "猫",
        "我下个月要搬到成都。": "我要搬到哪里？",
    },
    "Korean": {
        "제 생일은 오월 팔일이에요.": "생일이 언제예요?",
        "여동생은 은행에서 일해요.": "여동생이 하는 일은?",
        "가장 좋아하는 과일은 망고예요.": "좋아하는 과일이 뭐예요?",
        "다음 달에 대구로 이사해요.": "이사는 언제 가요?",
    },
    "Russian": {
        "Мой день рождения восьмого мая.": "Когда у меня день рождения?",
        "Сестра купила старую машину.": "Какая машина у сестры?",
        "Больше всего люблю зелёные яблоки.": "Какое яблоко я люблю?",
        "В июне переезжаем в Казань.": "Куда мы переезжаем?",
    },
    "Turkish": {
        "Doğum günüm sekiz Mayıs.": "Dogum gunum ne zaman?",
        "Kardeşim hastanede hemşire.": "Kardesim nerede çalışıyor?",
        "En sevdiğim meyve mango.": "Sevdiğim meyveler neler?",
        "Gelecek ay Bursa'ya taşınıyoruz.": "Ne zaman taşınacağız?",
    },
}
# A word as it is asked, the text that has it so or nearly so, and one that has it less exactly.
ACCENTS = [
    ("Jose", "Lunch with Jose.", "Lunch with José."),
    ("José", "Lunch with José.", "Lunch with Jose."),
    ("Skoda", "We bought a Škoda.", "We bought a bicycle."),
    ("Lodz", "A train to Łódź.", "A train to London."),
    ("Orsted", "Visited Ørsted today.", "Visited Oldham today."),
    ("Diyarbakir", "A flight to Diyarbakır.", "A flight to Dublin."),
    ("Strasse", "A house in Goethestraße, Straße 4.", "A house in Gothenburg."),
    ("Ｒｅｎｅ", "Tea with René.", "Tea with Robert."),
    ("Muller", "A call from Müller.", "A call from Miller."),
    ("Mueller", "A call from Müller.", "A call from Miller."),
]


@pytest.fixture(params=["whole", "vectors", "index"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The planner's ways, whatever the size of the scope."""
    return send(monkeypatch, request.param)


async def order(tenant: Tenant, query: str, **options: object) -> list[str]:
    """Return the texts of the hits, in the order in which both APIs answer."""
    by_graphql = texts(await search(tenant.owner, query, "entity", **options))
    body = {"query": query, "filters": {"user_id": "alice"}, **options}
    found = (await ask(tenant.owner, "POST", V3, body))["results"]
    assert [memory["memory"] for memory in found] == by_graphql
    return by_graphql


async def test_each_question_finds_its_fact_first(tenant: Tenant, path: str) -> None:
    facts = {fact: query for some in FACTS.values() for fact, query in some.items()}
    await add_apart(tenant, *facts)
    await tenant.deployment.run_jobs()
    found = {query: (await order(tenant, query))[0] for query in facts.values()}
    assert found == {query: fact for fact, query in facts.items()}


async def test_accents_match_below_an_exact_match(tenant: Tenant, path: str) -> None:
    await add_apart(tenant, *dict.fromkeys(text for _, *both in ACCENTS for text in reversed(both)))
    await tenant.deployment.run_jobs()
    for query, best, other in ACCENTS:
        assert (await order(tenant, query))[0] == best
        assert (await order(tenant, unicodedata.normalize("NFD", query)))[0] == best
        keyword = await parts(tenant, query, "keyword")
        assert keyword[best] > keyword[other]
        assert (keyword[other] > 0) == (query in ("Jose", "José"))


async def test_meaning_counts_as_far_as_the_embedder_knows_the_text(tenant: Tenant) -> None:
    known, unknown = "I have a cat.", "У меня есть кот."
    await add_apart(tenant, known, unknown)
    assert await parts(tenant, unknown, "semantic") == {known: 0, unknown: 0}
    english = await parts(tenant, known, "semantic")
    assert english == {known: near(1), unknown: 0}


async def test_what_shares_no_word_in_an_unknown_script_is_no_hit(tenant: Tenant) -> None:
    await add_apart(tenant, "我的生日是五月八日。", "我妹妹在医院当护士。")
    assert await order(tenant, "天气预报") == []


async def test_a_speaker_is_named_without_accents(tenant: Tenant) -> None:
    message = {"role": "user", "name": "José", "content": "My dog is called Rex."}
    await tenant.owner.do(ADD, input={"infer": False, "messages": [message], "userId": "alice"})
    (actor,) = (await parts(tenant, "What is Jose's dog called?", "actor")).values()
    assert actor == 1
