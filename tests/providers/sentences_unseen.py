"""Sentences that no rule was made for, marked like those of `sentences_labelled`.

They were written before the rules for forms and languages, and only their figures are looked at: a
rule that is made for one of them makes the figures worthless. Sixteen languages, requests that
state a fact, answers to requests, names with marks in them, emoji.
"""

# The letters of other alphabets look like Latin ones.
# ruff: noqa: RUF001
UNSEEN = """
user:
+ Please be aware that I'm gluten intolerant.
+ Would you mind remembering that my daughter's name is Ines?
+ Can you make a note that my dentist is Dr. Okafor?
+ Could you please remember I take the 7:40 train?
+ Make a note: the alarm code of the garage is 7719.
+ Store this: my frequent flyer number is QX-20931.
+ I'd like you to address me formally.
+ I need you to keep replies under five lines.
+ Just so you're aware, my hearing is poor on the left side.
+ Don't forget: the landlord comes on Thursday.
+ Add to your memory that I play bass.
+ Write this down: locker 88, combination 12-40-6.

user:
- Can you remember what I said about the car?
- Can you save this file as PDF?
- Please note the following.
- Could you keep it short?
- I want you to write a limerick.
- I'd like you to check my essay.
- Will you remember this conversation?
- Note to self!

user:
+ I grew up listening to Wham! in Leeds.
+ We saw Godspeed You! Black Emperor last night.
+ My cousin works for Ampersand & Co. in Dublin.
+ My aunt reads A. S. Byatt and G.K. Chesterton all day.
+ I adore 🦊!
+ I can't stand 🥬
- 👍
- 🎉🎉🎉
- lol 😂

assistant:
- Tell me which city you grew up in.
user:
+ Aarhus
assistant:
- Please describe your current phone.
user:
+ an old Fairphone
assistant:
- Let me know your shirt size.
user:
+ M
assistant:
- Do you drink alcohol?
user:
+ nah
assistant:
- Share your preferred airline with me.
user:
+ KLM
assistant:
- Name one instrument you play.
user:
+ The oboe.
assistant:
- Shall I continue?
user:
- yep
assistant:
- Can I help you with anything else?
user:
- nope

user:
+ Soy alérgica a los frutos secos.
+ Vivo en Valencia.
+ Trabajo de noche.
+ Odio el cilantro.
+ Mi perro se llama Toby.
- ¡Hola!
- Muchas gracias.
- ¿Dónde está la estación?
- ¡Buenos días!
- De nada.

user:
+ Ho due gatti.
+ Abito a Torino.
+ Sono allergica al polline.
- Ciao!
- Grazie mille!
- Buongiorno!
- Come stai?

user:
+ Moro em Recife.
+ Sou enfermeira.
+ Tenho asma.
- Olá!
- Obrigado!
- Tudo bem?

user:
+ Bin Veganer.
+ Ich habe Asthma.
+ Arbeite nachts.
- Hallo!
- Guten Morgen!
- Vielen Dank!
- Alles klar.
- Wie spät ist es?

user:
+ Je suis diabétique.
+ J'habite à Nantes.
- Bonjour !
- Merci beaucoup !
- D'accord.

user:
+ Mieszkam w Gdańsku.
+ Mam astmę.
+ Nie piję kawy.
- Cześć!
- Dziękuję bardzo!
- Dzień dobry!

user:
+ İzmir'de yaşıyorum.
+ Kahve içmem.
+ Astımım var.
- Merhaba!
- Teşekkür ederim!
- Günaydın!

user:
+ Я живу в Казани.
+ Не пью молоко.
+ Аллергия на пыльцу.
- Привет!
- Большое спасибо!
- Доброе утро!

user:
+ 猫を二匹飼っています。
+ 卵が食べられません。
+ 大阪に住んでいます。
- こんにちは！
- ありがとうございます。
- おはようございます。
- お疲れ様です。
- 駅はどこですか？

user:
+ 我对花生过敏。
+ 我住在成都。
- 你好！
- 谢谢！
- 早上好。

user:
+ 저는 부산에 살아요.
+ 땅콩 알레르기가 있어요.
- 안녕하세요!
- 감사합니다.

user:
+ मैं शाकाहारी हूँ।
+ मुझे दूध से एलर्जी है।
- नमस्ते!
- धन्यवाद।

user:
+ أسكن في عمّان.
+ عندي حساسية من السمك.
- مرحبا!
- شكرا جزيلا.

user:
+ Woon in Gent.
+ Ik eet geen vis.
- Hallo!
- Dank je wel!
- Goedemorgen!

user:
+ Asun Turussa.
+ Olen kasvissyöjä.
- Kiitos!
- Moi!

assistant:
- ¿Cómo te llamas?
user:
+ Lucía
assistant:
- Wo wohnst du?
user:
+ In Graz.
assistant:
- Dis-moi ton âge.
user:
+ 41 ans
"""
