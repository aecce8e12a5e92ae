"""Entities: reading, changing and deleting the users, agents, apps and runs of a project."""

from typing import Any

from core.access import Permission
from core.enums import EntityType, OperationType
from core.paging import Order
from core.text_forms import canonical_name
from core.validation import LONGEST_NAME, check_metadata, check_storable, check_text, is_storable
from resolvers.access import writable_project
from resolvers.context import Context
from resolvers.erasure.receipts import erase_traces
from resolvers.loaders import Filters
from resolvers.operations.tracker import OperationTracker
from resolvers.pagination import Connected, PageArguments, connect
from storage.erasure.receipts import ReceiptRow
from storage.memories.entities import ENTITIES_OF_PROJECT, EntityRow
from storage.tenancy.projects import PROJECTS, ProjectRow
from storage.transaction import Transaction

ORDER_KEYS = ("name", "created_at", "updated_at", "total_memories")
_ORDERS = {
    (key, descending): Order(f"entities {key} {descending}", (key, "id"), descending)
    for key in ORDER_KEYS
    for descending in (False, True)
}


async def entity(
    ctx: Context, project_id: str | None, type: EntityType, name: str
) -> EntityRow | None:
    """Return an entity by type and name, or None if it does not exist.

    Raises `NotFound` if the actor cannot see the project.
    """
    project = await ctx.loaders.row(PROJECTS, ctx.project_id(project_id))
    if not is_storable(name):
        return None
    found: EntityRow | None = await ctx.loaders.entity(project.id, type, name)
    return found


async def entities(
    ctx: Context,
    project_id: str | None,
    type: EntityType | None,
    name_contains: str | None,
    order: tuple[str, bool] | None,
    page: PageArguments,
) -> Connected:
    """Return the entities of a project, optionally of one type or with a text in their name.

    `order` is (key, descending), by default by name. Raises `NotFound`, and `InvalidInput` for an
    invalid text.
    """
    project = await ctx.loaders.row(PROJECTS, ctx.project_id(project_id))
    filters: Filters = ()
    if type is not None:
        filters += (("type", type),)
    if name_contains:
        check_storable(name_contains, "nameContains", longest=LONGEST_NAME)
        filters += (("name_contains", name_contains),)
    return await connect(
        ctx, ENTITIES_OF_PROJECT, _ORDERS[order or ("name", False)], project.id, page, filters
    )


async def create_entity(
    ctx: Context, project_id: str | None, type: EntityType, name: str, metadata: Any
) -> EntityRow:
    """Create an entity before a memory names it, or return the existing one.

    Metadata replaces existing metadata unless it is None. Raises `NotFound`, `PermissionDenied`,
    and `InvalidInput` for an invalid name or metadata.
    """
    target = ctx.project_id(project_id)
    check_text(name, "name", longest=LONGEST_NAME)
    name = canonical_name(name)
    if metadata is not None:
        check_metadata(metadata, "metadata")

    def work(tx: Transaction) -> EntityRow:
        writable_project(tx, ctx, target)
        id = tx.entities.get_or_create(target, {type: name}, ctx.now())[type]
        if metadata is not None:
            tx.entities.set_metadata(id, metadata, ctx.now())
        return tx.entities.get(id, ctx.actor, "id")

    return await ctx.write(work)


async def update_entity(ctx: Context, id: str, metadata: Any) -> EntityRow:
    """Replace the metadata of an entity.

    Raises `NotFound`, `PermissionDenied`, and `InvalidInput` for invalid metadata.
    """
    check_metadata(metadata, "input", "metadata")

    def work(tx: Transaction) -> EntityRow:
        _writable(tx, ctx, id)
        tx.entities.set_metadata(id, metadata, ctx.now())
        return tx.entities.get(id, ctx.actor, "id")

    return await ctx.write(work)


async def delete_entity(ctx: Context, id: str) -> tuple[ReceiptRow, str]:
    """Delete an entity with all its memories.

    The history of the memories and the requests that quote them are erased. Returns the receipt and
    the id of the operation. Raises `NotFound` and `PermissionDenied`.
    """
    tracker = OperationTracker(ctx, OperationType.DELETE, {"entityId": id})
    # The record of a search that is written afterwards would keep the name of the entity.
    await ctx.services.search_recorder.flush()

    def work(tx: Transaction) -> ReceiptRow:
        entity, project = _writable(tx, ctx, id)
        tx.memories.lock_order(project.id)
        tx.entities.lock(id)
        # Read again: the log may have grown while this waited for the locks.
        entity, project = _writable(tx, ctx, id)
        author = ctx.author(tracker.id_of(project.id))
        erased = tx.memory_erasure.erase_entity(entity.type, id, project.id, author, ctx.now())
        subject, named = f"{entity.type.value} {id}", (entity.type, entity.name)
        receipt = erase_traces(tx, ctx, project, subject, erased, named)
        tx.entities.delete(id)
        tracker.record(tx, [project.id], 1.0)
        return receipt

    receipt = await tracker.write(work)
    ctx.services.search_cache.forget(id)
    ctx.services.token_cache.forget(receipt.project_id)
    return receipt, tracker.id_of(receipt.project_id)


def _writable(tx: Transaction, ctx: Context, id: str) -> tuple[EntityRow, ProjectRow]:
    entity = tx.entities.get(id, ctx.actor, "id")
    project = tx.projects.get(entity.project_id, ctx.actor)
    ctx.actor.require(Permission.WRITE_MEMORIES, project.viewer_role)
    return entity, project
