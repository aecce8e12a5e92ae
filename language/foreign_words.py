"""Words of languages other than English: greetings and thanks, yes and no, and frequent words.

The lists tell small talk from statements where English phrases do not apply. The trap: a word that
also means something ("bien", "todo") belongs to a list only if sentences made of such words alone
are small talk. Sentences are matched whole, so "Muchas gracias" is small talk and "Muchas gracias
por el libro" is not.
"""

# The letters of other alphabets look like Latin ones.
# ruff: noqa: RUF001

from collections.abc import Sequence
from itertools import pairwise

import regex

from core.text_forms import comparable

# One language per line, each word in lower case. Spaces separate words, so "por favor" is two.
_PLEASANT = """
hola buenos buenas días dia tardes noches gracias muchas muchísimas mil de nada por favor adiós
hasta luego pronto mañana vale perfecto genial claro estupendo encantado encantada mucho gusto
igualmente saludos bienvenido perdón disculpa lo siento qué bien muy todo feliz año navidad
cumpleaños amigo amiga
ciao salve buongiorno buonasera buonanotte buona sera notte giornata grazie mille tante molte
prego arrivederci arrivederla presto perfetto ottimo bene va benissimo certo figurati scusa scusi
piacere di nulla niente a
olá oi bom boa tarde noite obrigado obrigada muito muita tchau até logo amanhã perfeito ótimo
claro beleza tudo certo nada valeu desculpa parabéns
hallo hi hey moin servus grüß gott guten gute gutes morgen tag abend nacht danke vielen herzlichen
lieben dank schön sehr bitte bitteschön tschüss tschüß ciao auf wiedersehen bis bald später alles
klar gut super toll prima genau okay gerne geschehen entschuldigung wunderbar perfekt viel glück
spaß herzlich willkommen freut mich liebe viele grüße frohe weihnachten freundlichen mit gern
bonjour bonsoir salut coucou bonne nuit journée soirée merci beaucoup bien bien sûr mille fois au
revoir à bientôt demain plus tard d'accord d accord parfait super génial très de rien je vous en
prie s'il s il vous plaît te pardon désolé désolée enchanté enchantée bienvenue ça marche va
félicitations bravo ok
cześć hej witam witaj dzień dobry dobranoc dobry wieczór dziękuję dzięki wielkie bardzo proszę do
widzenia zobaczenia pa jasne dobrze super świetnie okej przepraszam nie ma sprawy za co pozdrawiam
miło mi dobra miłego dnia
merhaba merhabalar selam selamlar günaydın iyi günler akşamlar geceler teşekkür teşekkürler ederim
çok sağol sağ ol rica hoşça kal görüşürüz tamam harika süper özür dilerim memnun oldum peki lütfen
hoş geldin bulduk kolay gelsin
hallo hoi goedemorgen goedemiddag goedenavond goeienavond goeiemorgen goede morgen avond dank
bedankt dankjewel dankuwel je u wel zeer heel erg graag gedaan tot ziens straks later morgen prima
goed oke oké mooi top fijne dag doei alsjeblieft alstublieft sorry leuk welkom
hej hejsan tjena god morgon kväll natt godmorgon godkväll tack så mycket tusen varsego hejdå vi
ses bra perfekt okej toppen skön
hei hallo god morgen kveld aften nat natt godmorgen tak takk mange tusen skal du ha velkommen ses
farvel hav en dejlig dag fint perfekt selv tak
moi moikka terve hei hyvää huomenta päivää iltaa yötä kiitos paljon kiitoksia kiitti ole hyvä
näkemiin nähdään anteeksi selvä hienoa hyvin
ahoj čau dobrý den dobré ráno večer dobrou noc děkuji děkuju moc díky prosím na shledanou jasné
dobře super ďakujem dobrý deň velʼmi
szia sziasztok szervusz jó reggelt napot estét éjszakát köszönöm köszi szépen nagyon szívesen
viszontlátásra rendben szuper
salut bună ziua dimineața seara noapte mulțumesc mersi mult puțin la revedere perfect bine cu
plăcere
bok zdravo ćao dobar dan dobro jutro veče laku noć hvala lijepa puno lepo molim do viđenja u redu
super
halo hai selamat pagi siang sore malam tinggal jalan terima kasih banyak makasih sama sampai jumpa
baik oke apa kabar
xin chào cảm ơn bạn anh chị rất nhiều tạm biệt không có gì hẹn gặp lại vâng ạ
привет здравствуйте здравствуй добрый день вечер доброе утро спокойной ночи спасибо большое
огромное пожалуйста пока до свидания завтра встречи хорошо отлично круто понятно ясно ладно ок
извини извините не за что очень приятно
привіт вітаю добрий доброго ранку дня вечора дякую дуже будь ласка до побачення
γεια σου σας καλημέρα καλησπέρα καληνύχτα ευχαριστώ πολύ παρακαλώ
שלום תודה רבה בוקר טוב ערב לילה בבקשה
مرحبا أهلا اهلا وسهلا السلام عليكم وعليكم صباح مساء الخير النور شكرا شكرًا شكراً جزيلا جزيلًا جزيلاً
لك عفوا مع السلامة حسنا تمام
سلام درود صبح شب بخیر ممنون مرسی خیلی متشکرم خداحافظ
नमस्ते नमस्कार धन्यवाद बहुत शुक्रिया शुभ प्रभात रात्रि ठीक है अच्छा
안녕 안녕하세요 안녕하십니까 감사합니다 감사해요 고마워요 고마워 고맙습니다 정말 좋은 아침이에요
안녕히 가세요 계세요 주무세요 천만에요 반갑습니다 반가워요 좋아요 알겠습니다 알겠어요 수고하세요
죄송합니다 미안해요 네
"""
_YES_OR_NO = """
sí si sì no sim não ja nein jo doch oui non nan tak nie evet hayır nee nej nei jah kyllä ei ano ne
igen nem da nu да нет так ні ναι όχι כן לא نعم لا بله نه हाँ हां नहीं はい いいえ うん 是 不是 不
对 네 예 아니요 ya tidak bukan có không
"""
# Greetings and thanks of scripts without spaces, longest first where one begins another.
_UNSPACED_PLEASANT = """
おはようございます おはよう お早うございます こんにちは こんにちわ 今日は こんばんは 今晩は
おやすみなさい おやすみ はじめまして 初めまして よろしくお願いいたします よろしくお願いします
よろしく お願いします ありがとうございました ありがとうございます ありがとう 有難うございます
どうも どういたしまして さようなら さよなら またね また明日 じゃあね お疲れ様でした お疲れ様です
お疲れさまです お疲れ様 了解です 了解しました 了解 わかりました 分かりました 承知しました
すみません ごめんなさい お世話になっております お世話になっています いつも やあ お元気ですか
おめでとうございます おめでとう いいですね すごいですね すごい なるほど 大丈夫です 本当に もしもし
そうですね
你好呀 你好 您好 大家好 哈囉 嗨 早上好 上午好 中午好 下午好 晚上好 早安 晚安 谢谢你 谢谢您 谢谢
謝謝 非常感谢 感谢 多谢 不客气 不用谢 再见 再見 拜拜 明天见 好的 好吧 好啊 对不起 没关系
很高兴认识你 太好了 没问题 明白了 知道了 干杀 祝你好运 没事
สวัสดีครับ สวัสดีค่ะ สวัสดี ขอบคุณมาก ขอบคุณครับ ขอบคุณค่ะ ขอบคุณ ครับ ค่ะ
"""
# Frequent words of statements, mostly verbs in the first person, that are neither English words nor
# names.
_FREQUENT = """
soy tengo vivo trabajo estoy odio prefiero quiero hablo bebo fumo juego estudio tiene muy hace
mucho años hijo hija hijos sono abito lavoro bevo mangio lo mio mia miei molto anni
figlio figlia figli gioco studio parlo preferisco adoro sou tenho moro trabalho gosto não meu
minha estou odeio falo estudo filho filha filhos uma dois duas habe ich wohne arbeite mag esse
trinke rauche spiele heisse heiße lebe liebe hasse komme meine nicht kein keine und eine seit
kinder nachts suis j'ai je j'aime j'habite habite travaille joue avec ans déteste préfère n'aime
jestem mam mieszkam pracuję nie lubię piję mój moja mieszka palę kocham nienawidzę wolę dzieci
dwoje dwa dwie syna córkę benim yok bir çok seviyorum yaşıyorum çalışıyorum yerim içerim
içmem yemem çocuğum ik heb woon werk eet rook hou mijn geen een niet speel kinderen jaar jag är
jobbar äter inte ett och spelar barn år hatar älskar röker jeg spiser ikke jobber spiller elsker
hater røyker ryger olen minulla asun syön työskentelen juon minun lapsia vihaan rakastan pelaan
jsem mám bydlím pracuji nejsem nemám jmenuji rád ráda jím piju bývam děti vagyok lakom dolgozom
nem szeretem eszem iszom dohányzom gyerekem sunt locuiesc lucrez mănânc copii copil fumez živim
radim jedem pijem pušim djece saya aku tinggal bekerja tidak suka punya makan anak alergi
tôi sống làm không ăn có thích uống
"""

# The same for pairs of words that are English each.
_PAIRS = frozenset(
    ["no como", "yo como", "no uso", "no me", "me gusta", "mi casa", "mi chiamo", "me llamo"]
)

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:['\u2019][\p{L}\p{M}]+)*")
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー]")
_PLAIN = regex.compile(r"[\p{P}\p{S}\s\p{Emoji_Presentation}\uFE0F\u200D]+")


def _words(block: str) -> frozenset[str]:
    return frozenset(comparable(block).casefold().split())


_PLEASANTRIES, _ANSWERS = _words(_PLEASANT), _words(_YES_OR_NO)
_FREQUENT_WORDS = _words(_FREQUENT)
_UNSPACED_PHRASES = sorted(_words(_UNSPACED_PLEASANT) | _ANSWERS, key=len, reverse=True)
_PHRASES = regex.compile("(?:" + "|".join(map(regex.escape, _UNSPACED_PHRASES)) + ")+[ねよ呀啊]?")


def words_of(text: str) -> list[str]:
    """Return the words of a text, in lower case and in the form of `comparable`."""
    plain = comparable(text).replace("\u2019", "'").casefold()
    words: list[str] = _WORD.findall(plain)
    return words


def has_frequent_words(words: Sequence[str]) -> bool:
    """Return whether words, as of `words_of`, include a frequent one of another language."""
    return not _FREQUENT_WORDS.isdisjoint(words) or any(
        f"{one} {two}" in _PAIRS for one, two in pairwise(words)
    )


def is_unspaced(text: str) -> bool:
    """Return whether a text has letters of a script without spaces between words."""
    return _UNSPACED.search(text) is not None


def is_foreign_pleasantry(text: str) -> bool:
    """Return whether a sentence of another language is a greeting, thanks or agreement.

    A yes or no counts as agreement; the caller decides whether it answers a question.
    """
    if is_unspaced(text):
        return _PHRASES.fullmatch(_PLAIN.sub("", comparable(text))) is not None
    words = words_of(text)
    return bool(words) and all(word in _PLEASANTRIES or word in _ANSWERS for word in words)


def is_foreign_answer(text: str) -> bool:
    """Return whether a sentence is nothing but a yes or no of another language."""
    if is_unspaced(text):
        return _PLAIN.sub("", comparable(text)) in _ANSWERS
    words = words_of(text)
    return 1 <= len(words) <= 2 and all(word in _ANSWERS for word in words)
