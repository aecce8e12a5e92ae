"""The catalog of categories in force where a project has not written its own."""

from collections.abc import Sequence
from typing import Any

DEFAULT_CATEGORIES: tuple[tuple[str, str], ...] = (
    ("personal_details", "Name, age, birthday, address, contact data and other facts of a person"),
    ("family", "Relatives, partners, children, pets and what happens among them"),
    ("professional_details", "Work, employer, role, colleagues, projects, career and education"),
    ("sports", "Sports played or followed, teams, training and fitness"),
    ("travel", "Trips, places visited or planned, transport and accommodation"),
    ("food", "Food and drink liked, disliked, cooked or avoided, restaurants and diets"),
    ("music", "Music, artists, concerts, instruments and listening habits"),
    ("health", "Physical and mental health, symptoms, treatments, medication and sleep"),
    ("technology", "Devices, software, programming, tools and their settings"),
    ("hobbies", "Pastimes, crafts, games, collections and other interests"),
    ("fashion", "Clothing, style, brands and appearance"),
    ("entertainment", "Films, series, books, games, shows and their makers"),
    ("milestones", "Achievements, anniversaries, decisions and other turning points"),
    ("user_preferences", "How the person likes things to be done, answered or presented"),
    ("misc", "Anything that fits no other category"),
)


def catalog_in_force(custom: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a project's own categories, or the default catalog when it has none.

    Each category is `{"name": str, "description": str | None}`.
    """
    if custom:
        return list(custom)
    return [{"name": name, "description": text} for name, text in DEFAULT_CATEGORIES]
