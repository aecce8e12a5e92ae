"""Pairs of texts that no rule was made for: what a later one ends, and what must not be merged.

They were written before the rules for what they are about, and only their figures are looked at: a
rule that is made for one of them makes the figures worthless.
"""

# An earlier text, a later one of the same speaker, and whether the earlier one is outdated by it.
_SUPERSEDING = """
my boss is Karen | My new boss is Ahmed. | yes
My manager is Lucy Bell. | Since May my manager is Tom Hart. | yes
My boss is Karen. | My boss is out of office. | no
My boss is Karen. | My boss likes golf. | no
My landlord is Mr. Dunn. | My boss is Mr. Dunn. | no
I drive a Skoda. | I drive a Tesla now. | yes
My car is a Fiat Panda. | My car is a Kia Niro now. | yes
My car is a Fiat Panda. | My car is dirty. | no
I drive a Skoda. | I drive a bus for a living. | no
I earn 52,000 a year. | I earn 58,000 a year now. | yes
My salary is 4,100 euros a month. | My salary is 4,400 euros a month. | yes
My salary is 4,100 euros a month. | My salary comes late. | no
I weigh 83 kg. | I weigh 79 kg now. | yes
My weight is 83 kg. | I weigh 79 kg. | yes
I weigh 83 kg. | My suitcase weighs 21 kg. | no
I have one son. | I have two sons now. | yes
We have one child. | We have two children now. | yes
I have two children. | I have two cats. | no
I have two children. | I have a daughter in Leeds. | no
I'm allergic to shellfish. | I'm not allergic to shellfish anymore. | yes
I am allergic to bee stings. | I outgrew my bee sting allergy. | yes
I'm allergic to shellfish. | I'm no longer allergic to pollen. | no
I'm allergic to shellfish. | My brother is no longer allergic to shellfish. | no
I'm married to Pilar. | Pilar and I are divorced. | yes
I'm married. | My wife and I split up. | yes
I'm married to Pilar. | Pilar and Jon got divorced. | no
I eat meat. | I've stopped eating meat. | yes
I eat fish. | I don't eat fish anymore. | yes
I eat fish. | I no longer eat meat. | no
i work at lidl | i work at aldi now | yes
i live in oslo | now i live in bergen | yes
i live in oslo | i live in hope | no
*I live in Oslo.* | __I live in Bergen.__ | yes
I live in Oslo \U0001f1f3\U0001f1f4 | I live in Bergen now \u2614 | yes
I live in Oslo. | I live in Bergen now. \u2014 Kari | yes
I work at Lidl. | I work at Aldi now.\n\nBest regards,\nKari | yes
My appointment is on Monday. | Sorry, I meant Tuesday. | no
I live in Oslo. | Correction: I live in Drammen. | yes
I live in Oslo. | Sorry, I meant I live in Drammen. | yes
I live in Oslo. | My friend lives in Drammen now. | no
"""

# Two texts, and whether one of the two can stand for both.
_MERGING = """
a > b | a < b | no
Dial *100# for the balance. | Dial #100* for the balance. | no
My handle is tom_r. | My handle is tom-r. | no
My handle is tom.r | My handle is tom_r | no
I edit notes.md | I edit notes.md~ | no
The passphrase is Walnut. | The passphrase is walnut. | no
My PIN hint is Otter. | My PIN hint is otter. | no
I support \U0001f1ee\U0001f1f9. | I support \U0001f1eb\U0001f1f7. | no
My mood today: \U0001f642 | My mood today: \U0001f641 | no
I program in C. | I program in C++. | no
I program in C. | I program in C#. | no
The limit is \u2264 10. | The limit is \u2265 10. | no
My share is +5. | My share is -5. | no
It is 20\u00b0. | It is 20. | no
The path is C:\\temp. | The path is C:/temp. | no
Use the -v flag. | Use the --v flag. | no
My token is aB3dE9fG. | My token is ab3de9fg. | no
The area is 10\u00b2. | The area is 102. | no
x = y | x != y | no
The regex is ^a$ | The regex is a | no
I like caf\u00e9s. | I like cafe\u0301s. | yes
I like \uff54\uff45\uff41. | I like tea. | yes
I like \u200btea. | I like tea. | yes
I like tea.\u200f | I like tea. | yes
I \u00adlike tea. | I like tea. | yes
I \u2764\ufe0f tea. | I \u2764 tea. | yes
**I like tea.** | I like tea. | yes
I like follow-up mails. | I like follow up mails. | yes
I LIKE TEA. | I like tea. | yes
- I like tea. | I like tea. | yes
"""


def rows(block: str) -> list[tuple[str, str, bool]]:
    """Return the rows of a block: two texts, and whether they are marked with yes."""
    found = [line.replace(r"\n", "\n").split(" | ") for line in block.strip().splitlines()]
    return [(one, two, mark == "yes") for one, two, mark in found]


SUPERSEDING = rows(_SUPERSEDING.replace("\n\nBest regards,\nKari", "\\n\\nBest regards,\\nKari"))
MERGING = rows(_MERGING)
