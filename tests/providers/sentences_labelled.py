"""Conversations of our own making, each sentence of which is marked as worth keeping or not.

A line is a speaker with a colon, or a sentence after "+" (keep) or "-" (drop); an empty line ends a
conversation. "assistant Bea:" is a person of that name in the assistant's part. The marks are what
a user would want to find again, not what the rules happen to do.
"""

LABELLED = """
user:
- Hi there!
+ I'm a vegetarian and I live in Porto.
- Can you suggest a quick dinner?
assistant:
- Hello!
- Sure, I'd be happy to help!
+ I recommend the chickpea curry from your saved recipes.
- Let me know if you have any questions.
user:
- Great, thanks!
- That sounds delicious.
+ My oven broke last week, by the way.

assistant:
- Where do you live?
user:
+ In Lisbon.
- Why do you ask?
assistant:
- Do you have any food allergies?
user:
+ Yes, peanuts and shellfish.
assistant:
- Got it!
- Would you like me to continue?
user:
- Yes.

user:
- Write me a poem about autumn leaves.
- Please translate this sentence into French.
- Summarise the attached report in three bullet points.
- What is the capital of Mongolia?
- Could you make it shorter?
- Make it more formal.
- how do i sort a list in python
- Explain it to me like I'm five.
- Tell me a joke.
assistant:
- As an AI language model, I don't have feelings.
- I hope this helps!
- Feel free to reach out any time.
- Is there anything else you need?

user:
+ Remember that I'm allergic to penicillin.
+ Call me Teo.
+ Never suggest restaurants with loud music.
+ From now on, answer in Spanish.
+ Please don't use bullet points in your answers.
- Never mind.
+ Keep in mind that my budget is 2,000 euros.

user:
+ I need a cover letter, I'm applying for a nursing job at St. Anne's Hospital.
+ Since I'm lactose intolerant, what can I order at a pizzeria?
+ I just adopted a greyhound, do you have any tips?
+ My sister is getting married in June - any ideas for a gift?
+ Suggest a starter, I'm allergic to nuts.
- What should I cook tonight?

user Ana:
- Hey Bea! Good to see you!
- How have you been?
assistant Bea:
- Hi Ana!
+ I've been busy with the new bakery.
+ We opened on the third of March and sold out by noon.
- What's new with you?
user Ana:
- Wow, that's amazing!
- Congratulations!
- You must be so proud.
+ I went to Iceland with my brother last month.
+ It was freezing there.
+ We saw the northern lights twice.
assistant Bea:
- That sounds like a dream!
- I'm so happy for you!
- Did you take any pictures?
user Ana:
+ Yeah, totally!
+ Here's one from the glacier near Vik.
+ The guide told us it loses thirty metres every year.
- It means a lot to share it with you.
assistant Bea:
- Gorgeous!
- What a view!
+ I used to climb when I was at university in Bergen.
+ That reminds me of my first summit, which took two days.
user Ana:
- No way!
- I can't imagine doing that.
- You're so brave.
- Take care, Bea!
assistant Bea:
- Bye Ana, talk soon!

assistant Bea:
- How many kids do you have?
user Ana:
+ Three.
assistant Bea:
- What do they do for fun?
user Ana:
+ Swimming and chess, mostly.
assistant Bea:
- Do you have a dog?
user Ana:
+ No, we have two cats.
+ They're called Salt and Pepper.
assistant Bea:
- How was your trip to Turin?
user Ana:
+ It was great!
+ I loved the film museum.
- Anyway, how are you?
assistant Bea:
- Good, thanks!
- Not bad.

user Ana:
+ I quit my job at the bank yesterday.
assistant Bea:
- You quit your job at the bank!
- That must have been hard.
- I'm here for you.
- You got this!
- Believe in yourself and keep pushing!
- Every journey starts with small steps.
user Ana:
- Thank you so much, your support means a lot.
- I appreciate it.
+ I start at the aquarium on Monday.
+ And my salary goes up by ten percent.

user:
+ The staging database runs on port 5433.
+ We deploy every Thursday after the stand-up.
+ Our API returns dates in UTC.
+ Dr. Okafor moved my appointment to 3 p.m. on Friday.
+ The garage code is 4821.
- ok
- lol
- Sounds good.
- yes please
assistant:
+ Your appointment with Dr. Okafor is on Friday at 3 p.m. in room 12.
+ I've added the reminder to your calendar.
+ I booked a table for four at Trattoria Nona.
+ The test suite passes on Python 3.12.
- Photosynthesis turns light into chemical energy.
- Sorting is a common operation.
- That's a great question!
- I understand that this can be frustrating.
- Of course!

user:
+ i hate mondays
+ my cat is called Pixel
+ i work nights at the airport
+ Got a new bike yesterday.
+ Love sailing!
+ Gonna visit my grandparents in Oaxaca next week.
- haha
- so cool
- Pizza!
- Long day.
- brb

user:
+ I'm training for a half marathon in October.
+ It takes me an hour to get to the office.
+ This summer we're renting a house by a lake.
+ I prefer window seats.
+ I don't drink coffee after noon because it keeps me awake.
+ My daughter Lily turned seven on Saturday.
+ She wants to become a vet.
+ I was diagnosed with type 2 diabetes in 2019.
+ I take metformin twice a day.
+ My favourite author is Ursula Le Guin.
+ I used to smoke, but I stopped five years ago.
+ I can't stand cilantro.
+ Thanks to my coach, I finished under two hours.
- Thanks for listening.
- I see what you mean.
- I don't know.
- I guess so.
- Wish me luck!

user:
+ Ich wohne seit drei Jahren in Hamburg.
+ Mi hermana trabaja en un hospital de Sevilla.
- ¿Puedes ayudarme con esto?
- Wo finde ich einen guten Arzt?
+ 私は東京に住んでいます。
- 元気ですか\uff1f
- Merci!

assistant:
- Which airline do you usually fly with?
user:
+ Mostly KLM.
assistant:
+ I found a direct KLM flight to Oslo for 140 euros.
- Shall I book it?
user:
- Yes, go ahead.
assistant:
+ Your booking reference is XK72QP.
+ You should arrive two hours early because of the strike.
- Have a great trip!

user Max:
- Hello Zoe!
+ My band played at the harbour festival.
assistant Zoe:
- Nice!
- How did it go?
user Max:
+ The crowd sang along to every song.
+ That made me happy.
- It's so important to have people who believe in you.
assistant Zoe:
- Absolutely!
- Music brings people together.
+ My cousin plays the trumpet in a brass band.
- I'm glad it went well.
- Keep it up!
- Can't wait to hear your next gig!
user Max:
- Let's keep making our dreams happen!
+ Let's meet at the Blue Door on Friday at eight.
- See you!

user:
- Good morning!
+ So, my landlord raised the rent again.
+ It's 1,400 a month from January.
- Do you think that's legal?
assistant:
- I'm sorry to hear that.
- It depends on where you live.
+ You can ask the tenants' association on Elm Street for advice.
user:
+ I live in Utrecht, in a two-room flat.
+ The contract says rent may go up by 4% at most.
- Interesting.
- So what are my options?

user:
- I want to know how vaccines work.
- I have a question about taxes.
- Show me all open tickets.
- Compare these two phones for me.
- give me 5 names for a bakery
- Set a timer for ten minutes.
- Find the bug in this function.
- Act as a travel agent.
- Continue.
- Again, but shorter.
- Thanks, that's perfect.
- That's not what I asked for.
+ I always write in British English.
+ I'm a backend developer, mostly Go and Postgres.
+ My boss wants the report by Wednesday.
+ We use tabs, not spaces.

assistant:
- What's your name?
user:
+ Ingrid.
assistant:
- Nice to meet you, Ingrid!
- How old are you?
user:
+ 42
assistant:
- What are your hobbies?
user:
+ Birdwatching, pottery, old maps.
assistant:
- Are you married?
user:
+ Nope.
+ Divorced since 2020.
assistant:
- How can I help you today?
user:
- Hmm, not sure.

user Raj:
+ I've been learning the cello for two years.
+ My teacher is Mrs. Lindqvist, she's eighty.
+ We practise in her attic every Tuesday.
+ It's full of old instruments.
- Crazy, right?
assistant Kim:
- Wow, Raj, the cello!
- Have you ever performed?
user Raj:
+ Once, at my cousin's wedding in Pune.
+ I was so nervous that I dropped the bow.
assistant Kim:
- Haha, oh no!
- That's hilarious.
+ I dropped out of piano lessons when I was nine.
+ My parents sold the piano a year later.
- Music is such a gift.
- You should be proud of yourself.
user Raj:
- You're right.
- Means a lot coming from you!
+ By the way, I'm moving to Leeds for a residency in September.
+ They're paying for the flat.
assistant Kim:
- Leeds, how exciting!
- When do you leave?
user Raj:
+ On the 28th.
- Gotta run now.
- Talk later!

user:
+ The Wi-Fi password at the cabin is 'otter-lake-9'.
+ Grandma's recipe needs two cups of rye flour.
+ Our team lead Femi approved the migration.
+ Bella is scared of thunder.
+ Meeting with the notary on 12 May at 10:30.
+ Mum's birthday is on 9 August.
+ No dairy for me.
+ Allergic to latex.
+ In 2021 I ran the Berlin marathon.
+ Sold the Volvo and bought a cargo bike instead.
+ I no longer work at Siemens.
- Any ideas?
- Whatever.
- Perfect.
- Nothing else.
- That's all for now.
assistant:
- Noted!
+ I'll remind you of the notary on 12 May.
- Here are some tips for a good life.
- Communication is key in any relationship.
- Both approaches have advantages.
"""
