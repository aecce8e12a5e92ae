"""Times in inputs: every one but those of messages needs a UTC offset.

The scalar accepts a time without an offset, because messages may have a time zone beside it, so
each other input must be read with `in_utc`.
"""

from typing import Any

import pytest
from graphql import GraphQLInputObjectType, build_schema, get_named_type

from schema.contract import print_schema
from tests.support.fixtures.factories import Tenant

LOCAL = "2026-03-01T10:00:00"
LIST = "query ($f: MemoryFilter, $t: DateTime) { memories(filter: $f, asOf: $t) { totalCount } }"
SEARCH = """
query ($t: DateTime) { searchMemories(query: "tea", referenceDate: $t) { operationId } }
"""
UPDATE = """
mutation ($t: DateTime) {
  updateMemory(id: "x", input: {timestamp: $t}) { userErrors { code } }
}
"""
CREATE_KEY = """
mutation ($t: DateTime) {
  createApiKey(input: {name: "k", expiresAt: $t}) { userErrors { code } }
}
"""
ADD = """
mutation ($t: DateTime) {
  addMemories(input: {userId: "a", messages: [{role: "user", content: "x", timestamp: $t}]}) {
    userErrors { code }
  }
}
"""
IN_INPUTS: dict[str, tuple[str, dict[str, Any]]] = {
    "AddMemoriesInput.timestamp": (ADD.replace("timestamp: $t}]", "}], timestamp: $t"), {}),
    "CreateApiKeyInput.expiresAt": (CREATE_KEY, {}),
    "MessageInput.timestamp": (ADD, {}),
    "UpdateMemoryInput.timestamp": (UPDATE, {}),
    "(asOf)": (LIST, {}),
    "(referenceDate)": (SEARCH, {}),
    **{
        f"DateTimeFilter.{name}": (
            LIST,
            {"f": {"createdAt": {name: [LOCAL] if name == "in" else LOCAL}}, "t": None},
        )
        for name in ("eq", "ne", "gt", "gte", "lt", "lte", "in")
    },
}


def test_all_inputs_of_times_are_known() -> None:
    found = set()
    for name, type in build_schema(print_schema()).type_map.items():
        for field_name, field in getattr(type, "fields", {}).items():
            is_input = isinstance(type, GraphQLInputObjectType)
            if is_input and get_named_type(field.type).name == "DateTime":
                found.add(f"{name}.{field_name}")
            for argument_name, argument in getattr(field, "args", {}).items():
                if get_named_type(argument.type).name == "DateTime":
                    found.add(f"({argument_name})")
    assert found == set(IN_INPUTS)


@pytest.mark.parametrize("place", IN_INPUTS)
async def test_a_time_without_an_offset_is_rejected(tenant: Tenant, place: str) -> None:
    document, variables = IN_INPUTS[place]
    error = await tenant.owner.error(document, **{"t": LOCAL, **variables})
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "must be an RFC 3339 date and time with a UTC offset" in error["message"]
