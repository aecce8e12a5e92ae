"""Pairs of sentences of own invention that a model takes for nearly the same.

The trap: most of those that differ in a word which matters are nearer to one another than those
that say the same in other words.
"""

# One of the two can stand for both.
_SAME = """
I love pizza. | I really love pizza.
I have three cats. | I have 3 cats.
I cannot swim. | I can't swim.
I do not eat meat. | I don't eat meat.
I no longer eat meat. | I don't eat meat anymore.
In the morning I drink coffee. | I drink coffee in the morning.
I bought a car. | I purchased a car.
My favourite colour is blue. | My favorite color is blue.
My favourite film is Alien. | My favorite movie is "Alien".
I drink coffee. | I drink coffee in the evening.
I have a dog. | I have a brown dog.
I have a brown dog. | I have a dog
Dinner is at 5pm. | Dinner is at 5 pm.
Dinner is at 5 p.m. | Dinner is at 17:00.
I was born on 7 May 1990. | I was born on May 7, 1990.
I was born on 1990-05-07. | I was born on the 7th of May 1990.
I earn 10,000 euros a month. | I earn 10000 euros a month.
I earn \u20ac10,000 a month. | I earn 10,000 euros a month.
I paid $25 for the book. | I paid twenty-five dollars for the book.
I am allergic to peanuts. | I'm allergic to peanuts.
I am allergic to peanuts | I am severely allergic to peanuts.
My mom lives in Oslo. | My mother lives in Oslo.
My dad is a doctor. | My dad is a physician.
I'm learning to play the violin. | I'm currently learning to play the violin.
I live in a flat in Leeds. | I live in an apartment in Leeds.
I like hiking in the mountains. | I enjoy hiking in the mountains.
I like to hike. | I like hiking.
My sister Anna works at Siemens. | My sister Anna works at Siemens in Munich.
My sister Anna works at Bosch in Bonn. | my sister anna works at bosch in bonn
I have a meeting with Priya on Monday. | On Monday I have a meeting with Priya.
I prefer tea. | I prefer green tea.
I take the bus to work. | I take the bus to work every day.
I have to wear glasses for reading. | I have to wear glasses for reading small print.
My phone is a Pixel. | My telephone is a Pixel.
I've been vegetarian for five years. | I have been vegetarian for 5 years.
I visited Kyoto twice. | I have visited Kyoto twice.
We have 2 kids. | We have two children.
My car is a red Mazda. | My automobile is a red Mazda.
I started a course in pottery. | I began a course in pottery.
I quit smoking in March. | I stopped smoking in March.
My email is jo@example.org. | My email address is jo@example.org.
I speak Spanish and Italian. | I speak Spanish and Italian well.
Please answer briefly. | Answer briefly, please.
I keep bees in my garden. | I keep bees in the garden.
I own a house near the lake. | I own a small house near the lake.
We got married in June 2015. | We got married in June 2015 in a small chapel.
I hate horror movies. | I hate horror films.
My dog is afraid of thunder. | My dog is very afraid of thunder.
I play the guitar. | I play the guitar and the drums.
Anna called Ben. | Anna called Ben in the evening.
I usually wake up at six. | I usually wake up at 6.
My brother is a pilot. | My brother works as a pilot.
I like caf\u00e9s. | I like cafe\u0301s.
I like tea. | I\u200b like \u202atea\u202c.
I like tea. | I like \uff54\uff45\uff41.
I \u2764\ufe0f tea. | I \u2764 tea.
**I like green tea.** | I like green tea.
I have been to Japan. | I've been to Japan.
I relocated to Porto in May. | I moved to Porto in May.
My knee hurts. | My left knee hurts.
I used to smoke. | I smoked in the past.
"""

# Each has something that would be lost.
_OTHER = """
The rule is x > 5. | The rule is x < 5.
Dial *71# to forward calls. | Dial #71* to forward calls.
My handle is anna_b. | My handle is anna-b.
My notes are in a.txt. | My notes are in a.txt~.
The wifi password is Tulip. | The wifi password is tulip.
What is your password? Tulip. | What is your password? tulip.
Mein Passwort ist Tulpe. | Mein Passwort ist tulpe.
I cheer for \U0001f1eb\U0001f1f7 | I cheer for \U0001f1ee\U0001f1f9
I feel \U0001f44d today | I feel \U0001f44e today
I write C++ code. | I write C# code.
My flag is --force. | My flag is -force.
I keep it at /tmp/Ana. | I keep it at /tmp/ana.
It is 10\u00b2. | It is 102.
I am \U0001f469\u200d\U0001f467 | I am \U0001f469\u200d\U0001f466
I love liver. | I hate liver.
Anna called Ben. | Ben called Anna.
Anna called Ben. | Anna was called by Ben.
Anna's sister has a dog. | Anna has a dog.
I lent Tom 50 euros. | I borrowed 50 euros from Tom.
I lent Tom 50 euros. | Tom lent me 50 euros.
I love my sister. | My sister loves me.
He called her. | She called him.
He gave her a ring. | She gave him a ring.
I told her the secret. | She told me the secret.
I eat before I run. | I eat after I run.
I take the pill before meals. | I take the pill after meals.
I want more sugar in my tea. | I want less sugar in my tea.
I bought the house. | I sold the house.
I turn left at the church. | I turn right at the church.
My left knee hurts. | My right knee hurts.
I like tea. | I don't like tea.
I can eat gluten. | I can't eat gluten.
I am not allergic to nuts. | I am allergic to nuts.
I like tea, not coffee. | I like coffee, not tea.
I don't like tea but I like coffee. | I like tea but I don't like coffee.
I take my coffee with milk. | I take my coffee without milk.
I never drink wine. | I always drink wine.
I often drink wine. | I rarely drink wine.
I stopped eating meat. | I started eating meat.
I stopped smoking. | I smoke.
I used to smoke. | I smoke.
I live in Paris. | I lived in Paris.
I work at Siemens. | I worked at Siemens.
I will visit Rome. | I visited Rome.
I want to visit Rome. | I visited Rome.
I might move to Rome. | I moved to Rome.
I was a teacher. | I am a teacher.
I have a brother. | I have brothers.
I have three cats. | I have four cats.
I have 2 cats and 3 dogs. | I have 3 cats and 2 dogs.
My meeting is at 5 pm. | My meeting is at 5 am.
My meeting is at 5 pm. | My meeting is at 5:30 pm.
I was born on 7 May 1990. | I was born on 8 May 1990.
I was born in May 1990. | I was born in June 1990.
I have a meeting on Monday. | I have a meeting on Tuesday.
I have a meeting on Monday. | I have a meeting on Monday and Tuesday.
I paid $20. | I paid \u20ac20.
I ran 10 km. | I ran 10 miles.
I earn 10,000 euros. | I earn 100,000 euros.
I weigh 70.5 kilos. | I weigh 75 kilos.
I use Python 3.11. | I use Python 3.12.
My flight is LH123. | My flight is LH132.
My email is jo@example.org. | My email is jo@example.com.
My handle is @jo_li. | My handle is @jo_lee.
I live in Paris, France. | I live in Paris, Texas.
I flew from Rome to Oslo. | I flew from Oslo to Rome.
I moved from Rome to Oslo. | I moved to Rome from Oslo.
My sister Anna is a nurse. | My sister Emma is a nurse.
Anna is a nurse. | Emma is a nurse.
My sister is a nurse. | My brother is a nurse.
My mother is ill. | My grandmother is ill.
I have a dog. | I have a dog bed.
I own a car. | I own a toy car.
I own a car. | I almost own a car.
My favourite colour is dark red. | My favourite colour is dark blue.
My favourite film is Alien. | My favourite film is Aliens.
I only eat fish on Fridays. | I eat fish on Fridays.
I eat all kinds of fish. | I eat some kinds of fish.
Most of my friends are vegan. | All of my friends are vegan.
I like dogs because I live alone. | I like dogs although I live alone.
I have a red car and a blue bike. | I have a blue car and a red bike.
The dog chased the cat. | The cat chased the dog.
My wife is older than me. | I am older than my wife.
Tom is taller than Ben. | Ben is taller than Tom.
I like Mondays. | Do I like Mondays?
I think I am allergic to nuts. | I am allergic to nuts.
I am allergic to nuts. | My son is allergic to nuts.
I need help with my taxes. | I help with taxes.
I work with Anna. | I work for Anna.
I bought a gift for Tom. | I got a gift from Tom.
I was bitten by my dog. | I have bitten my dog.
I live above a bakery. | I live below a bakery.
I study at the university. | I study the universe.
I like my boss. | I like my ex-boss.
Wake me up at six. | Don't wake me up at six.
I am happy with my job. | I am unhappy with my job.
I agree with Tom. | I disagree with Tom.
I got the job at Bosch. | I lost the job at Bosch.
I won the match. | I lost the match.
My first car was a Fiat. | My second car was a Fiat.
I passed the exam. | I failed the exam.
I accepted the offer from Bosch. | I rejected the offer from Bosch.
I invited Anna. | I am invited by Anna.
I followed Anna. | I am followed by Anna.
I run every day. | I run every other day.
Today I am in Rome. | Tomorrow I am in Rome.
Ich mag Kaffee. | Ich mag keinen Kaffee.
J'aime le fromage. | Je n'aime pas le fromage.
Me gusta el caf\u00e9. | No me gusta el caf\u00e9.
\u6211\u559c\u6b22\u8336 | \u6211\u4e0d\u559c\u6b22\u8336
My mother's sister is a judge. | My mother is a judge.
My friend says that I am stubborn. | I am stubborn.
I eat fish or meat. | I eat fish and meat.
Only Anna knows the code. | Anna knows only the code.
I have the same phone as Tom. | I have a different phone than Tom.
I drink two or three coffees a day. | I drink two coffees a day.
I like neither tea nor coffee. | I like both tea and coffee.
I have not only a cat but a dog. | I have not a cat but a dog.
I hate to cook. | I cook.
I hate cooking. | I cook.
I help run a chess club. | I run a chess club.
I have a loan for a car. | I have a car.
I moved my piano to Oslo. | I moved to Oslo.
I have to leave Oslo. | I leave Oslo.
I live near Oslo. | I live in Oslo.
The keys are in the box. | The keys are on the box.
I know where Tom lives. | I know Tom lives here.
I eat before work and run before dinner. | I eat before work and run after dinner.
I eat before, read before, run after. | I eat before, read after, run after.
Tom likes red and Ben likes blue. | Red likes Ben and blue likes Tom.
I hurt myself. | I hurt.
"""


def _pairs(lines: str) -> list[tuple[str, str]]:
    parted = (line.partition(" | ") for line in lines.strip().splitlines())
    return [(one, other) for one, _, other in parted]


SAME = _pairs(_SAME)
OTHER = _pairs(_OTHER)
