"""What a schema asks for: its fields, in words and with what each may be."""

from typing import Any

import pytest

from core.errors import InvalidInput
from core.json_schemas import check_object_schema
from core.schema_fields import MOST_FIELDS, Field, build_object, fields_of, plain_words

TEXT, NUMBER, NULL = {"type": "string"}, {"type": "number"}, {"type": "null"}


def asking(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def fields(schema: dict[str, Any]) -> dict[str, Field]:
    """Return the fields of a schema by their paths."""
    return {".".join(field.path): field for field in fields_of(check_object_schema(schema))}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("favoriteColor", "favorite color"),
        ("favorite_color", "favorite color"),
        ("FavoriteColor", "favorite color"),
        ("homeURL", "home url"),
        ("HTTPServer2", "http server2"),
        ("date-of-birth", "date of birth"),
        ("__", ""),
        ("größteStadt", "größte stadt"),
    ],
)
def test_names_are_read_as_words(name: str, words: str) -> None:
    assert plain_words(name) == words


def test_a_field_is_asked_for_by_all_that_is_said_of_it() -> None:
    home = asking(city={**TEXT, "title": "City", "description": "where they live"})
    found = fields(asking(homeAddress=home, jobTitle={**TEXT, "title": "Job Title"}))
    assert {path: field.words for path, field in found.items()} == {
        "homeAddress.city": "home address city where they live",
        "jobTitle": "job title",
    }


def test_allowed_values() -> None:
    colors = {"enum": ["red", "blue"]}
    found = fields(
        {
            "$defs": {"Color": colors, "Name": {"$ref": "#/$defs/Text"}, "Text": TEXT},
            **asking(
                plain=TEXT,
                anything={},
                maybe={"anyOf": [NUMBER, NULL]},
                types={"type": ["string", "integer", "null"]},
                either={"oneOf": [TEXT, NUMBER], "description": "x"},
                referred={"$ref": "#/$defs/Name", "maxLength": 3},
                color={"allOf": [{"$ref": "#/$defs/Color"}]},
                nothing=NULL,
                empty={"type": "object"},
                lists={"type": "array", "items": TEXT, "maxItems": 3, "minItems": 2},
                many={"items": NUMBER},
                listed={"anyOf": [{"type": "array", "items": TEXT, "maxItems": 99}, NULL]},
                objects={"type": "array", "items": asking(a=TEXT)},
            ),
        }
    )
    assert {path: field.options for path, field in found.items()} == {
        "plain": (TEXT,),
        "anything": ({},),
        "maybe": (NUMBER,),
        "types": (TEXT, {"type": "integer"}),
        "either": ({**TEXT, "description": "x"}, {**NUMBER, "description": "x"}),
        "referred": ({**TEXT, "maxLength": 3},),
        "color": (colors,),
        "nothing": (),
        "empty": (),
        "lists": (TEXT,),
        "many": (NUMBER,),
        "listed": (TEXT,),
        "objects": (),
    }
    bounds = {path: (field.least, field.most) for path, field in found.items() if field.most}
    assert bounds == {"lists": (2, 3), "many": (0, 10), "listed": (0, 10), "objects": (0, 10)}


def test_values_are_put_where_they_belong() -> None:
    schema = asking(a=asking(b=TEXT, c=asking(d=TEXT)), e={"type": "array", "items": TEXT}, f=NULL)
    found = fields_of(check_object_schema(schema))
    assert build_object([(field, number) for number, field in enumerate(found)]) == {
        "a": {"b": 0, "c": {"d": 1}},
        "e": 2,
        "f": 3,
    }


def test_recursive_schemas_are_followed_to_a_limit() -> None:
    node = asking(name=TEXT, next={"$ref": "#/$defs/Node"})
    found = fields({"$ref": "#/$defs/Node", "$defs": {"Node": node}})
    names = ["next." * depth + "name" for depth in range(6)]
    assert list(found) == [*names[:5], names[5], "next.next.next.next.next.next"]
    assert found["next.next.next.next.next.next"].options == ()


def test_too_many_fields_are_refused() -> None:
    many = {f"p{n}": TEXT for n in range(MOST_FIELDS)}
    assert len(fields(asking(**many))) == MOST_FIELDS
    with pytest.raises(InvalidInput) as caught:
        fields_of(asking(**many, more=TEXT), "input", "schema")
    assert caught.value.path == ("input", "schema")
    assert caught.value.message == "A schema may have at most 200 fields."
