"""Conversations among friends, of our own making, marked like those of `sentences_labelled`.

They are about who said what, what a sentence leans on, and what is said to anybody: cheers,
compliments and platitudes, beside statements that look like them and are somebody's own.
"""

AMONG_FRIENDS = """
user Ann:
+ I'm allergic to plums.
user Bo:
- I made it with figs.
- They rose well.
+ My oven has a steam setting.
+ You can use apple sauce instead of eggs in that batter.
user Ann:
- Wow Bo, you'll win that bake-off!
- Good luck, Bo!
- You must be so proud of Tess!
- That must be amazing!
- Your cakes look great, Bo!
- Kudos for baking with Tess!
+ You could borrow my grandmother's cake stand.
user Bo:
+ Tomorrow's opening will be fun.
+ The flower show was cancelled.
+ Tess is afraid of geese.
- Family is everything.
- It's important to follow your heart.
- Nature can be so calming.
- Spending time with friends is the best.
- There's nothing like a good book.
- Creativity sure can brighten a day.
- Even small victories matter.

user Cleo:
+ My kayak has a leak.
+ Trying to get it patched.
+ I took it to a workshop in Wexford.
+ Not only for the leak, the rudder is bent too.
+ Especially the left hinge.
+ We paddled round the island in June.
+ We went there twice.
user Dov:
- Do you have any tips for beginners?
user Cleo:
- Definitely!
+ You should wear a wetsuit until July.
user Dov:
- What's the club's newsletter about?
user Cleo:
+ It's about tides and old maps.
user Dov:
- Do you own a paddle?
user Cleo:
+ Yep!
+ Going to those islands is on my list for August.
+ Rowing with my uncle is my Sunday habit.
- Learning new things is so rewarding.
- Pets are great company.
+ Our parrot is great company.
+ The boathouse is closed on Mondays.
+ Swimming lessons start next week.
+ Cats make me sneeze.
+ The marina is so noisy at night.
+ Volunteering at the lifeboat station keeps me busy.
"""
