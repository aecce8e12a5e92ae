"""The outline of a Markdown text: its prose, its lists and the names in them."""

import pytest

from language.outline import label_of, outline_of


def test_plain_prose_is_its_own_lead() -> None:
    outline = outline_of("Ann lives in Oslo. She moved in May.")
    assert outline.is_plain
    assert outline.lead == outline.prose == ["Ann lives in Oslo.", "She moved in May."]


def test_the_lead_ends_at_the_first_list() -> None:
    outline = outline_of("Two places.\n\n- **Lisbon**: sunny\n- **Porto**: rainy\n\nEnjoy them.")
    assert not outline.is_plain
    assert outline.lead == ["Two places."]
    assert outline.prose == ["Two places.", "Enjoy them."]
    assert outline.names == ["Lisbon", "Porto"]


def test_details_of_an_item_are_no_items() -> None:
    outline = outline_of("- Lisbon: sunny\n  - bring a hat\n  and sandals\n- Porto: rainy")
    assert len(outline.items) == 2
    assert outline.names == ["Lisbon", "Porto"]
    assert outline.prose == []


def test_headings_are_the_names_where_no_item_has_a_label() -> None:
    outline = outline_of("## 1. Setup\n\nInstall it.\n\n**Use**\n\nRun it.")
    assert outline.headings == ["## 1. Setup", "**Use**"]
    assert outline.names == ["Setup", "Use"]
    assert outline.prose == ["Install it.", "Run it."]
    assert outline.lead == []


def test_a_fence_is_code_to_its_end() -> None:
    outline = outline_of("Look.\n```python\n# not a heading\n- not an item\n```\nDone.")
    assert outline.has_code
    assert outline.headings == outline.items == []
    assert outline.prose == ["Look.", "Done."]


def test_a_fence_without_an_end_reaches_to_the_end_of_the_text() -> None:
    assert outline_of("Look.\n```\nsecret = 1\nDone.").prose == ["Look."]


def test_a_table_is_no_prose() -> None:
    outline = outline_of("Prices:\n\n| what | how much |\n| --- | --- |\n| tea | 2 |\n\nCheap.")
    assert outline.has_table
    assert outline.prose == ["Prices:", "Cheap."]


def test_rules_and_quotations_are_left_out() -> None:
    assert outline_of("One.\n\n---\n\n> Two.\n\nThree.").prose == ["One.", "Three."]


def test_nothing_has_an_empty_outline() -> None:
    outline = outline_of("")
    assert outline.is_plain
    assert outline.prose == outline.names == []


@pytest.mark.parametrize(
    ("item", "label"),
    [
        ("- **Nikon Z50**: light and cheap", "Nikon Z50"),
        ("1. Dune - a classic", "Dune"),
        ("* Porto (rainy)", "Porto"),
        ("- Taberna, which is small", "Taberna"),
        ("- Lisbon", "Lisbon"),
        ("2) `pytest`: runs tests", "pytest"),
        # A sentence of many words names nothing.
        ("- make sure that all of your friends bring enough water", ""),
    ],
)
def test_labels(item: str, label: str) -> None:
    assert label_of(item) == label
