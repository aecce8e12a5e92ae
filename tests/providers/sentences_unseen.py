"""Sentences that no rule was made for, marked like those of `sentences_labelled`.

They were written before the rules for forms and languages, and only their figures are looked at: a
rule that is made for one of them makes the figures worthless. Sixteen languages, requests that
state a fact, answers to requests, names with marks in them, emoji.
"""

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
+ I adore \U0001f98a!
+ I can't stand \U0001f96c
- \U0001f44d
- \U0001f389\U0001f389\U0001f389
- lol \U0001f602

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
+ Soy al\u00e9rgica a los frutos secos.
+ Vivo en Valencia.
+ Trabajo de noche.
+ Odio el cilantro.
+ Mi perro se llama Toby.
- \u00a1Hola!
- Muchas gracias.
- \u00bfD\u00f3nde est\u00e1 la estaci\u00f3n?
- \u00a1Buenos d\u00edas!
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
- Ol\u00e1!
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
- Wie sp\u00e4t ist es?

user:
+ Je suis diab\u00e9tique.
+ J'habite \u00e0 Nantes.
- Bonjour !
- Merci beaucoup !
- D'accord.

user:
+ Mieszkam w Gda\u0144sku.
+ Mam astm\u0119.
+ Nie pij\u0119 kawy.
- Cze\u015b\u0107!
- Dzi\u0119kuj\u0119 bardzo!
- Dzie\u0144 dobry!

user:
+ \u0130zmir'de ya\u015f\u0131yorum.
+ Kahve i\u00e7mem.
+ Ast\u0131m\u0131m var.
- Merhaba!
- Te\u015fekk\u00fcr ederim!
- G\u00fcnayd\u0131n!

user:
+ \u042f \u0436\u0438\u0432\u0443 \u0432 \u041a\u0430\u0437\u0430\u043d\u0438.
+ \u041d\u0435 \u043f\u044c\u044e \u043c\u043e\u043b\u043e\u043a\u043e.
+ \u0410\u043b\u043b\u0435\u0440\u0433\u0438\u044f \u043d\u0430 \u043f\u044b\u043b\u044c\u0446\u0443.
- \u041f\u0440\u0438\u0432\u0435\u0442!
- \u0411\u043e\u043b\u044c\u0448\u043e\u0435 \u0441\u043f\u0430\u0441\u0438\u0431\u043e!
- \u0414\u043e\u0431\u0440\u043e\u0435 \u0443\u0442\u0440\u043e!

user:
+ \u732b\u3092\u4e8c\u5339\u98fc\u3063\u3066\u3044\u307e\u3059\u3002
+ \u5375\u304c\u98df\u3079\u3089\u308c\u307e\u305b\u3093\u3002
+ \u5927\u962a\u306b\u4f4f\u3093\u3067\u3044\u307e\u3059\u3002
- \u3053\u3093\u306b\u3061\u306f\uff01
- \u3042\u308a\u304c\u3068\u3046\u3054\u3056\u3044\u307e\u3059\u3002
- \u304a\u306f\u3088\u3046\u3054\u3056\u3044\u307e\u3059\u3002
- \u304a\u75b2\u308c\u69d8\u3067\u3059\u3002
- \u99c5\u306f\u3069\u3053\u3067\u3059\u304b\uff1f

user:
+ \u6211\u5bf9\u82b1\u751f\u8fc7\u654f\u3002
+ \u6211\u4f4f\u5728\u6210\u90fd\u3002
- \u4f60\u597d\uff01
- \u8c22\u8c22\uff01
- \u65e9\u4e0a\u597d\u3002

user:
+ \uc800\ub294 \ubd80\uc0b0\uc5d0 \uc0b4\uc544\uc694.
+ \ub545\ucf69 \uc54c\ub808\ub974\uae30\uac00 \uc788\uc5b4\uc694.
- \uc548\ub155\ud558\uc138\uc694!
- \uac10\uc0ac\ud569\ub2c8\ub2e4.

user:
+ \u092e\u0948\u0902 \u0936\u093e\u0915\u093e\u0939\u093e\u0930\u0940 \u0939\u0942\u0901\u0964
+ \u092e\u0941\u091d\u0947 \u0926\u0942\u0927 \u0938\u0947 \u090f\u0932\u0930\u094d\u091c\u0940 \u0939\u0948\u0964
- \u0928\u092e\u0938\u094d\u0924\u0947!
- \u0927\u0928\u094d\u092f\u0935\u093e\u0926\u0964

user:
+ \u0623\u0633\u0643\u0646 \u0641\u064a \u0639\u0645\u0651\u0627\u0646.
+ \u0639\u0646\u062f\u064a \u062d\u0633\u0627\u0633\u064a\u0629 \u0645\u0646 \u0627\u0644\u0633\u0645\u0643.
- \u0645\u0631\u062d\u0628\u0627!
- \u0634\u0643\u0631\u0627 \u062c\u0632\u064a\u0644\u0627.

user:
+ Woon in Gent.
+ Ik eet geen vis.
- Hallo!
- Dank je wel!
- Goedemorgen!

user:
+ Asun Turussa.
+ Olen kasvissy\u00f6j\u00e4.
- Kiitos!
- Moi!

assistant:
- \u00bfC\u00f3mo te llamas?
user:
+ Luc\u00eda
assistant:
- Wo wohnst du?
user:
+ In Graz.
assistant:
- Dis-moi ton \u00e2ge.
user:
+ 41 ans
"""
