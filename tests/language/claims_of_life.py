"""Pairs of claims about what changes in a life, and of claims as people type them.

The trap: what sounds alike often changes nothing: another person's divorce, an allergy to something
else, a boss who is described. A backslash with an "n" is a line break.
"""

from tests.language.unseen_pairs import rows

LIFE = rows(
    """
I live in Bern. | I live in Basel.\\n-- Anna | yes
I live in Bern. | I live in Basel \U0001f3e0 | yes
I live in Bern. | Correction: I live in Basel. | yes
I live in Bern. | I live in Bern. Sorry, I meant Basel. | yes
I live in Bern. | I live in Bern. Sorry, I meant Tuesday. | no
i live in berlin | i live in munich now | yes
**I live in Berlin.** | I live in Munich. | yes
I have two children. | We have three children now. | yes
I'm allergic to nuts. | I'm no longer allergic to nuts. | yes
I'm allergic to peanuts. | I am not allergic to peanuts any more | yes
I'm allergic to cats | My cat allergy is gone. | yes
I have a pollen allergy. | I no longer have a pollen allergy. | yes
I'm married to Tom. | Tom and I got divorced. | yes
I'm married. | I got divorced last month | yes
I'm married to Tom. | I'm divorced now. | yes
I'm married to Tom. | We got divorced. | yes
I am married | My husband and I separated. | yes
I'm in a relationship. | We broke up. | yes
I eat meat | I no longer eat meat | yes
I eat meat | I don't eat meat anymore | yes
I eat meat | I stopped eating meat | yes
I eat meat | I've given up meat | yes
I eat meat | I've become a vegetarian | yes
I'm vegetarian. | I eat meat again. | yes
My boss is Karen. | My new boss is called Ahmed. | yes
My boss is Karen. | My boss is now Ahmed. | yes
My boss is Karen. | Ahmed is my new boss. | yes
My manager is Karen. | Ahmed is my boss now. | yes
My boss's name is Karen. | My boss's name is Ahmed. | yes
My car is a Volvo. | My new car is a Tesla. | yes
I drive a Volvo. | I now drive a Tesla | yes
I earn 50k a year. | I earn 55k a year now. | yes
My salary is $50,000. | My salary is $55,000. | yes
My salary is $50,000. | My salary is now $55,000. | yes
I make $20 an hour. | I make $25 an hour now. | yes
I weigh 80 kg. | I weigh 75 kg now. | yes
I weigh 80kg. | I now weigh 75kg. | yes
My weight is 180 lbs. | My weight is 170 lbs. | yes
I weigh 80 kg | I'm down to 75 kg. | yes
I have one child. | I have two kids now. | yes
I have no children. | I have a child now. | yes
I live in Berlin | i moved to munich | yes
*I live in Berlin* | I live in **Munich** now! | yes
I live in Berlin. | I live in Munich now \U0001f389\U0001f389 | yes
I live in Berlin. | I live in Munich now.\\n\\nThanks,\\nAnna | yes
I live in Berlin. | I live in Munich now\\n\\nSent from my iPhone | yes
I live in Berlin. | I live in Munich now.\\n- Anna | yes
I live in Berlin. | Correction, I live in Munich. | yes
I live in Berlin. | Oops, I meant I live in Munich. | yes
I live in Berlin. | No wait, I live in Munich. | yes
I live in Berlin. | I live in Berlin. Sorry, I meant Munich. | yes
I live in Berlin. | Actually I live in Munich. | yes
I live in Berlin. | Edit: I live in Munich. | yes
my name is tom | my name is tim | yes
I work at Lidl. | *I work at Aldi now.* | yes
I'm allergic to nuts. | I'm no longer allergic to milk. | no
I'm married to Tom. | Ann and Bob got divorced. | no
I'm married to Tom. | Sue and I split up. | no
I'm married to Tom. | My parents got divorced. | no
I have two children. | I have three cats. | no
I have two children. | My sister has three children. | no
I have two children. | I want three children. | no
My boss is Karen. | My boss is Swedish. | no
My boss is Karen. | My boss is On Holiday. | no
My boss is Karen. | My old boss was Ahmed. | no
My boss is Karen. | My boss's boss is Ahmed. | no
My car is a Volvo. | My wife's car is a Tesla. | no
My car is a Volvo. | I want to drive a Tesla. | no
I drive a Volvo. | I drove a Tesla yesterday. | no
I drive a Volvo. | I drive a Tesla at work. | no
I earn 50k a year. | I earn 500 a month. | no
I earn 50k a year. | I earned 55k last year. | no
I weigh 80 kg. | I weighed 75 kg in 2010. | no
I weigh 80 kg. | I weigh 30 apples. | no
I weigh 80 kg. | I want to weigh 75 kg. | no
I eat meat. | I no longer eat fish. | no
I eat fish. | I'm no longer vegetarian. | no
I live in Berlin. | I live in Munich \U0001f61c | no
I live in Berlin. | > I live in Munich. | no
I live in Berlin. | i live in fear | no
I live in Berlin. | i live in the moment | no
i work at lidl | i work at night | no
i work at lidl | i work at home now | no
my name is tom | my name is spelled wrong | no
I live in Berlin. | "I live in Munich." | no
I live in Berlin. | Sorry, I meant to call you. | no
I have a dog. | I have a son. | no
I have a son. | I have a daughter. | no
"""
)
