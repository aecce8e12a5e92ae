"""The default catalog of categories, for projects without a catalog of their own."""

from collections.abc import Sequence
from typing import Any

# Each item of a description is compared with memories separately: see `providers.categories`.
DEFAULT_CATEGORIES: tuple[tuple[str, str], ...] = (
    (
        "personal_details",
        "Name, age, birthday, home address, phone number, e-mail, languages, origin and "
        "other facts about the person",
    ),
    (
        "family",
        "Wife, husband, partner, children, parents, siblings, relatives, pets and what "
        "happens among them",
    ),
    (
        "professional_details",
        "Work, job, employer, role, colleagues, meetings, projects, career, studies and education",
    ),
    (
        "sports",
        "Sports played or followed, teams, matches, training, running, swimming, cycling "
        "and fitness",
    ),
    (
        "travel",
        "Trips, journeys, flights, places visited or planned, transport, hotels and "
        "other accommodation",
    ),
    ("food", "Food and drink liked, disliked, cooked or avoided, dishes, restaurants and diets"),
    ("music", "Music, songs, artists, bands, concerts, instruments, singing and listening habits"),
    (
        "health",
        "Physical and mental health, illness, pain, symptoms, doctors, treatments, "
        "medication and sleep",
    ),
    (
        "technology",
        "Computers, phones and other devices, software, apps, programming, tools and "
        "their settings",
    ),
    (
        "hobbies",
        "Pastimes, crafts, gardening, painting, collecting, games, collections and other "
        "leisure interests",
    ),
    ("fashion", "Clothes, shoes, jewellery, hair, style, brands and appearance"),
    (
        "entertainment",
        "Films, television series, novels, books, authors, video games, podcasts, shows "
        "and their makers",
    ),
    (
        "milestones",
        "Achievements, weddings, anniversaries, graduation, retirement, decisions and "
        "other turning points in life",
    ),
    (
        "user_preferences",
        "How the person prefers things to be done, answered, written or presented, and "
        "instructions to the assistant",
    ),
    ("misc", "Anything that fits no other category"),
)


def catalog_in_force(custom: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a project's own categories, or the default catalog if it has none.

    Each category is `{"name": str, "description": str | None}`.
    """
    if custom:
        return list(custom)
    return [{"name": name, "description": text} for name, text in DEFAULT_CATEGORIES]
