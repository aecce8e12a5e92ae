"""The permission matrix: every operation of the schema for every kind of caller.

It holds the expected outcomes. `test_permissions.py` and `test_permissions_live.py` check them on a
`World`, which has one object of every kind.
"""

import json
from collections.abc import Mapping
from enum import Enum
from string import Template
from typing import Any

import httpx
import pytest


class Outcome(Enum):
    """How an operation can end."""

    OK = "It succeeds, and the response contains data of the tenant."
    EMPTY = "It succeeds, and the response contains no data of the tenant."
    UNAUTHENTICATED = "The server cannot authenticate the caller."
    NOT_FOUND = "The object does not exist for the caller."
    FORBIDDEN = "The caller may see the object, but may not do this to it."


OK, EMPTY, FORBIDDEN = Outcome.OK, Outcome.EMPTY, Outcome.FORBIDDEN
UNAUTHENTICATED, NOT_FOUND = Outcome.UNAUTHENTICATED, Outcome.NOT_FOUND
DONE, REFUSED = (OK, EMPTY), (NOT_FOUND, FORBIDDEN)
ERROR_TYPES = {NOT_FOUND: "NotFoundError", FORBIDDEN: "PermissionError"}

# The reader has a key with ADMIN permission; so has the owner unless another one is named.
COLUMNS = ("nobody", "stranger", "reader", "owner", "owner READ", "owner WRITE")
# fmt: off
#           nobody           stranger   reader     owner  READ key   WRITE key
SELF     = (UNAUTHENTICATED, EMPTY,     OK,        OK,    OK,        OK)
SEE      = (UNAUTHENTICATED, NOT_FOUND, OK,        OK,    OK,        OK)
SEE_ALL  = (UNAUTHENTICATED, NOT_FOUND, FORBIDDEN, OK,    OK,        OK)
SEE_KEYS = (UNAUTHENTICATED, NOT_FOUND, NOT_FOUND, OK,    OK,        OK)
ASK      = (UNAUTHENTICATED, NOT_FOUND, OK,        OK,    FORBIDDEN, OK)
WRITE    = (UNAUTHENTICATED, NOT_FOUND, FORBIDDEN, OK,    FORBIDDEN, OK)
MANAGE   = (UNAUTHENTICATED, NOT_FOUND, FORBIDDEN, OK,    FORBIDDEN, FORBIDDEN)
OWN      = (UNAUTHENTICATED, EMPTY,     OK,        OK,    FORBIDDEN, FORBIDDEN)
OWN_HERE = (UNAUTHENTICATED, NOT_FOUND, OK,        OK,    FORBIDDEN, FORBIDDEN)
# Of the invitation of the stranger.
INVITES  = (UNAUTHENTICATED, OK,        EMPTY,     EMPTY, EMPTY,     EMPTY)
INVITED  = (UNAUTHENTICATED, OK,        NOT_FOUND, OK,    OK,        OK)
CONSENT  = (UNAUTHENTICATED, OK,        NOT_FOUND, NOT_FOUND, FORBIDDEN, FORBIDDEN)
WITHDRAW = (UNAUTHENTICATED, FORBIDDEN, NOT_FOUND, OK,    FORBIDDEN, FORBIDDEN)
OWNERS   = (UNAUTHENTICATED, NOT_FOUND, NOT_FOUND, OK,    FORBIDDEN, FORBIDDEN)

# A selection starts with its root field. Several rows of one field are adjacent.
QUERIES = (
    ("viewer { account { id } organizations { nodes { id projects { nodes { id } } } } }", SELF),
    ('node(id: "$organization") { id }', SEE),
    ('node(id: "$project") { id }', SEE),
    ('node(id: "$entity") { id }', SEE),
    ('node(id: "$memory") { id }', SEE),
    ('node(id: "$event") { id }', SEE),
    ('node(id: "$account") { id }', SEE),
    ('node(id: "$reader_key") { id }', SEE),
    ('node(id: "$owner_key") { id }', SEE_KEYS),
    ('nodes(ids: ["$memory"]) { id }', SEE),
    ('organization(id: "$organization") { id projects { nodes { id } } }', SEE),
    ('organization(id: "$organization") { id members { nodes { account { id } } } }', SEE_ALL),
    ('organization(id: "$organization") { id auditLog { nodes { id targetId } } }', SEE_ALL),
    ('project(id: "$project") { id auditLog { nodes { id targetId } } }', SEE_ALL),
    ('node(id: "$audit_entry") { id }', SEE_KEYS),
    ("viewer { invitations { nodes { id } } }", INVITES),
    ('organization(id: "$organization") { id invitations { nodes { id } } }', SEE_ALL),
    ('project(id: "$project") { id invitations { nodes { id } } }', SEE_ALL),
    ('node(id: "$invitation") { id ... on Invitation { organization { id } } }',
     INVITED),
    ('organization(id: "$organization") { id erasures { nodes { id } } }', SEE_ALL),
    ('project(id: "$project") { id erasures { nodes { id } } }', SEE_ALL),
    ('node(id: "$receipt") { id }', SEE_KEYS),
    ('project(id: "$project") { id webhooks { nodes { id deliveries { nodes { id } } } } }',
     SEE_ALL),
    ('node(id: "$webhook") { id }', SEE_KEYS),
    ('node(id: "$delivery") { id }', SEE_KEYS),
    ("project { id }", SELF),
    ('project(id: "$project") { id members { nodes { account { id } } } }', SEE),
    ('project(id: "$project") { id memories { nodes { id } } history { nodes { id } } }', SEE),
    ('memory(id: "$memory") { id history { nodes { id } } }', SEE),
    ("memories { nodes { id } }", SELF),
    ('memories(projectId: "$project") { nodes { id } }', SEE),
    ('searchMemories(query: "hiking") { hits { memory { id } } }', SELF),
    ('searchMemories(query: "hiking", projectId: "$project") { hits { memory { id } } }', SEE),
    ('searchMemories(query: "hiking", explain: "$memory") { explained { memory { id } } }', SEE),
    ('node(id: "$operation") { id }', SEE),
    ('node(id: "$concept") { id }', SEE),
    ('node(id: "$export") { id }', SEE),
    ('export(id: "$export") { id operation { id } }', SEE),
    ('operation(id: "$operation") { id input results { id } }', SEE),
    ('project(id: "$project") { id operations { nodes { id } } concepts { nodes { id } } }', SEE),
    ('entity(type: USER, name: "alice") { id }', SELF),
    ('entity(type: USER, name: "alice", projectId: "$project") { id }', SEE),
    ("entities { nodes { id } }", SELF),
    ('entities(projectId: "$project") { nodes { id } }', SEE),
)
# Queries whose errors are those of a mutation.
PREVIEWS = (
    ('previewMemories(projectId: "$project", input: {infer: false, userId: "alice", messages:'
     ' [{role: "user", content: "I love hiking"}]}) { outcomes { affects { id } } $errors }',
     WRITE),
)
MUTATIONS = (
    ('createOrganization(input: {name: "Else"}) { organization { id } $errors }', OWN),
    ('updateOrganization(id: "$organization", input: {name: "Else"})'
     " { organization { id } $errors }", MANAGE),
    ('deleteOrganization(id: "$organization") { deletedId $errors }', MANAGE),
    ('addOrganizationMember(organizationId: "$organization", email: "$invited", role: READER)'
     " { invitation { role } secret $errors }", MANAGE),
    ('updateOrganizationMember(organizationId: "$organization", email: "$member", role: OWNER)'
     " { member { role } $errors }", MANAGE),
    ('removeOrganizationMember(organizationId: "$organization", email: "$member")'
     " { removedEmail $errors }", MANAGE),
    ('createProject(input: {organizationId: "$organization", name: "Else"})'
     " { project { id } $errors }", MANAGE),
    ('updateProject(id: "$project", input: {name: "Else"}) { project { id } $errors }', MANAGE),
    ('deleteProject(id: "$project") { deletedId $errors }', MANAGE),
    ('reindexProject(id: "$project") { operation { id } project { id } $errors }', MANAGE),
    ('addProjectMember(projectId: "$project", email: "$invited", role: READER)'
     " { invitation { role } secret $errors }", MANAGE),
    ('updateProjectMember(projectId: "$project", email: "$member", role: OWNER)'
     " { member { role } $errors }", MANAGE),
    ('removeProjectMember(projectId: "$project", email: "$member")'
     " { removedEmail $errors }", MANAGE),
    ('createServiceAccount(organizationId: "$organization", name: "Else")'
     " { organization { id } account { id } $errors }", MANAGE),
    ('acceptInvitation(id: "$invitation") { member { role } organization { id } $errors }',
     CONSENT),
    ('declineInvitation(id: "$invitation") { invitation { id } $errors }', CONSENT),
    ('revokeInvitation(id: "$invitation") { invitation { id } $errors }', WITHDRAW),
    ('createApiKey(input: {name: "Else"}) { apiKey { id } secret $errors }', OWN),
    ('createApiKey(input: {name: "Else", projectId: "$project"})'
     " { apiKey { id } secret $errors }", OWN_HERE),
    ('createApiKey(input: {name: "Else", projectId: "$project", email: "$member"})'
     " { apiKey { id } secret $errors }", MANAGE),
    ('createApiKey(input: {name: "Else", email: "$member"})'
     " { apiKey { id } secret $errors }", MANAGE),
    ('revokeApiKey(id: "$reader_key") { apiKey { id } $errors }', OWN_HERE),
    ('revokeApiKey(id: "$owner_key") { apiKey { id } $errors }', OWNERS),
    ('addMemories(projectId: "$project", input: {infer: false, userId: "alice", messages:'
     ' [{role: "user", content: "Else"}]}) { memories { id } $errors }', WRITE),
    ('updateMemory(id: "$memory", input: {text: "Else"}) { memory { id } $errors }', WRITE),
    ('updateMemories(inputs: [{id: "$memory", input: {text: "Else"}}])'
     " { results { memory { id } $errors } $errors }", WRITE),
    ('restoreMemory(id: "$memory", historyEventId: "$event") { memory { id } $errors }', WRITE),
    ('setMemoryFeedback(memoryId: "$memory", value: POSITIVE) { memory { id } $errors }', WRITE),
    ('retryOperation(id: "$failed") { operation { id } $errors }', WRITE),
    ('retryOperation(id: "$failed_export") { operation { id } $errors }', ASK),
    ('createExport(projectId: "$project", input: {}) { export { id } operation { id } $errors }',
     SEE),
    ('createExport(projectId: "$project", input: {schema: {type: "object", properties: {}}})'
     " { export { id } $errors }", ASK),
    ('summarizeMemories(projectId: "$project") { summary operation { id } $errors }', ASK),
    ('deleteMemory(id: "$memory") { deletedId $errors }', WRITE),
    ('deleteMemory(id: "$memory", deleteLinked: true, erase: true)'
     " { deletedIds receipt { id } $errors }", WRITE),
    ('deleteMemories(ids: ["$memory"]) { deletedIds count $errors }', WRITE),
    ('deleteMemories(projectId: "$project", ids: ["$memory"])'
     " { deletedIds count $errors }", WRITE),
    ('updateEntity(id: "$entity", input: {metadata: {else: true}}) { entity { id } $errors }',
     WRITE),
    ('deleteEntity(id: "$entity") { deletedId $errors }', WRITE),
    ('createWebhook(projectId: "$project", input: {name: "Else", url: "https://example.com",'
     " eventTypes: [MEMORY_CATEGORIZE]}) { webhook { id } secret $errors }", MANAGE),
    ('updateWebhook(id: "$webhook", input: {name: "Else"}) { webhook { id } $errors }', OWNERS),
    ('deleteWebhook(id: "$webhook") { deletedId $errors }', OWNERS),
    ('rotateWebhookSecret(id: "$webhook") { webhook { id } secret $errors }', OWNERS),
    ('testWebhook(id: "$webhook") { delivery { id } $errors }', OWNERS),
    ('redeliverWebhook(deliveryId: "$delivery") { delivery { id } $errors }', OWNERS),
)
# fmt: on
# Each subscription starts after the first event of the log.
SUBSCRIPTIONS = (
    ('memoryEvents(projectId: "$project", after: "$cursor") { id memoryId memory { id } }', SEE),
    ('operationUpdates(id: "$operation") { id results { id } }', SEE),
)
USER_ERRORS = "userErrors { __typename code path }"


def field_of(selection: str) -> str:
    return selection.replace("(", " ").split()[0]


def fields_of(rows: Any) -> set[str]:
    return {field_of(selection) for selection, _ in rows}


def permission_cases(rows: Any, *outcomes: Outcome) -> pytest.MarkDecorator:
    """Parametrize a test with all cells of the matrix that have one of the outcomes."""
    cases = [
        pytest.param(
            *(selection, column, outcome),
            id=f"{field_of(selection)} by {column}",
            # The smoke test of each operation.
            marks=[pytest.mark.every_database] if column == "owner" else [],
        )
        for selection, row in rows
        for column, outcome in zip(COLUMNS, row, strict=True)
        if outcome in outcomes
    ]
    return pytest.mark.parametrize(("selection", "column", "outcome"), cases)


def filled(selection: str, names: Mapping[str, str]) -> str:
    """Return a document that selects one root field, with `$` names replaced by values."""
    kinds = {"mutation": MUTATIONS, "subscription": SUBSCRIPTIONS}
    field = field_of(selection)
    kind = next((kind for kind, rows in kinds.items() if field in fields_of(rows)), "query")
    return f"{kind} {{ {Template(selection).substitute(names, errors=USER_ERRORS)} }}"


def with_names(text: str, names: Mapping[str, str]) -> str:
    """Return a text with every value of a name replaced by the name."""
    for name, value in names.items():
        text = text.replace(value, name)
    return text


def anonymous(answer: httpx.Response, names: Mapping[str, str]) -> Any:
    """Return a response without request ids, with every value of a name replaced by the name."""
    body = json.loads(with_names(answer.text, names))
    for error in body.get("errors", ()):
        del error["extensions"]["requestId"]
    return body


def is_empty(value: Any) -> bool:
    """Return whether a response is empty, or contains only empty lists and objects."""
    if isinstance(value, dict):
        return all(is_empty(item) for item in value.values())
    if isinstance(value, list):
        return all(is_empty(item) for item in value)
    return not value


def pop_user_errors(payload: dict[str, Any]) -> list[dict[str, Any]]:
    """Remove all user errors from a payload and from its results; return them."""
    errors: list[dict[str, Any]] = payload.pop("userErrors")
    for result in payload.get("results", ()):
        errors = errors + result.pop("userErrors")
    return errors
