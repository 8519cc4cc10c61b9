"""Commands about API keys: who may ask by HTTP, and who was refused."""

import time
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from domain.errors import Invalid
from domain.names import shown
from interfaces.cli.commands import command, group
from interfaces.cli.doors import Door, Session
from interfaces.cli.output import many, moment, plain, table
from interfaces.cli.spans import end, span

if TYPE_CHECKING:
    from datetime import datetime

    from application.access import KeyState
    from application.ledger import Outcome
    from projections.access_records import Refusal
    from projections.api_keys import Key

keys = group("keys", "API keys: who may ask by HTTP, and for what.")

KeyId = Annotated[str, typer.Argument(help="The key's id, as `keys list` says it.", metavar="KEY")]
_SHOWN_ONCE = "This is the only time that it is shown; nobody can find it again."


@command(keys, "create", writes=True)
def create(
    door: Door,
    owner: Annotated[
        str, typer.Option(help="Whose key it is; every event says so.", metavar="NAME")
    ],
    scope: Annotated[
        list[str],
        typer.Option(
            help="`read` looks, `write` books, `staff` changes what was agreed; repeat it.",
            metavar="SCOPE",
        ),
    ],
    person: Annotated[
        str, typer.Option(help="The person whom it belongs to, if any.", metavar="ID")
    ] = "",
    on_behalf: Annotated[
        bool, typer.Option("--on-behalf", help="It may name others for whom it acts.")
    ] = False,
    expires: Annotated[
        str,
        typer.Option(help="When it ends: 90d, or 2027-01-01T00:00Z; else never.", metavar="WHEN"),
    ] = "",
) -> None:
    """Make a key, and show its secret once. From the first key on, HTTP asks everybody for one.

    **Example:** `capacity keys create --owner portal --scope read --scope write`
    """
    from domain.access.secrets import digest_of
    from interfaces.identity import fresh_id, fresh_secret

    secret, key_id = fresh_secret(), fresh_id()

    async def work(session: Session) -> "Outcome[KeyState]":
        asked = session.command()
        return await session.service.access.create(
            asked,
            key_id=key_id,
            secret_sha256=digest_of(secret.encode()),
            owner=owner,
            scopes=scope,
            person_id=person,
            may_act_on_behalf=on_behalf,
            expires_at=end("expires", expires, now=asked.at) if expires else None,
        )

    outcome = door.tell(work)
    _wait_until_in_force(door, outcome)
    did = "Would make" if door.dry_run else "Made"
    may = ", ".join(outcome.result.scopes)
    _answer_with_secret(door, outcome, secret, f"{did} key {key_id} of {owner} ({may}).")


@command(keys, "list")
def list_keys(door: Door) -> None:
    """List every key that was ever made, with its last use to the minute; secrets are not kept.

    **Example:** `capacity keys list`
    """
    from projections import access_records, api_keys

    async def work(session: Session) -> "tuple[list[Key], dict[str, datetime], datetime]":
        found = await session.service.read(api_keys.keys)
        used_at = await session.service.read(access_records.last_uses)
        return found, used_at, session.service.clock()

    found, used_at, now = door.ask(work)
    documents = [
        plain(each) | {"state": each.state(now), "used_at": plain(used_at.get(each.key_id))}
        for each in found
    ]
    rows = [
        (
            each.key_id,
            each.owner,
            ", ".join(each.scopes),
            each.state(now),
            moment(each.expires_at) if each.expires_at else "",
            moment(used_at[each.key_id]) if each.key_id in used_at else "",
        )
        for each in found
    ]
    columns = ("Key", "Owner", "May", "State", "Ends", "Last used")
    lines = [many(len(found), "key") + ".", *([table(columns, rows)] if rows else [])]
    door.answer({"keys": documents}, *lines)


@command(keys, "rotate", writes=True)
def rotate(
    door: Door,
    key: KeyId,
    overlap: Annotated[
        str, typer.Option(help="How long the secret before counts as well.", metavar="SPAN")
    ] = "24h",
) -> None:
    """Give a key a new secret, shown once; the one before ends after the overlap.

    **Example:** `capacity keys rotate 7f3c... --overlap 1h`
    """
    from domain.access.secrets import digest_of
    from interfaces.identity import fresh_secret

    key_id, secret, overlap_span = _id(key), fresh_secret(), span("overlap", overlap)

    async def work(session: Session) -> "Outcome[KeyState]":
        return await session.service.access.rotate(
            session.command(),
            key_id=key_id,
            secret_sha256=digest_of(secret.encode()),
            overlap=overlap_span,
        )

    outcome = door.tell(work)
    _wait_until_in_force(door, outcome)
    did = "Would give" if door.dry_run else "Gave"
    sentence = f"{did} key {key_id} of {outcome.result.owner} a new secret; the old one counts for "
    _answer_with_secret(door, outcome, secret, f"{sentence}{overlap}.")


@command(keys, "revoke", writes=True)
def revoke(door: Door, key: KeyId) -> None:
    """End a key for good; needs a `--reason`. When this returns, no server takes it any more.

    **Example:** `capacity keys revoke 7f3c... --reason "left in a public repository"`
    """
    key_id = _id(key)

    async def work(session: Session) -> "Outcome[KeyState]":
        return await session.service.access.revoke(session.command(), key_id=key_id)

    outcome = door.tell(work)
    _wait_until_in_force(door, outcome)
    did = "Would revoke" if door.dry_run else "Revoked"
    if not outcome.result.changed:
        did = "Nothing new: already revoked is"
    door.answer_command(outcome, outcome.result, f"{did} key {key_id} of {outcome.result.owner}.")


@command(keys, "refusals")
def refusals(
    door: Door,
    limit: Annotated[
        int, typer.Option(min=1, max=100_000, help="At most so many, the newest.")
    ] = 50,
) -> None:
    """List requests that were not let in, the newest first, and why.

    **Example:** `capacity keys refusals --limit 10`
    """
    from projections import access_records

    async def work(session: Session) -> "list[Refusal]":
        return await session.service.read(access_records.newest_refusals, limit=limit)

    found = door.run(work)
    rows = [
        (moment(each.refused_at), each.reason, each.route, each.key_id, each.client_address)
        for each in found
    ]
    columns = ("When", "Why", "What was asked", "Key", "From")
    lines = [many(len(found), "refusal") + ".", *([table(columns, rows)] if rows else [])]
    door.answer({"refusals": [plain(each) for each in found]}, *lines)


def _answer_with_secret(
    door: Door, outcome: "Outcome[KeyState]", secret: str, sentence: str
) -> None:
    document: dict[str, Any] = plain(outcome.result)
    if door.dry_run:  # it opens nothing, so nobody shall keep it
        return door.answer_command(outcome, document, sentence)
    door.answer_command(outcome, document | {"secret": secret}, sentence, secret, _SHOWN_ONCE)


def _wait_until_in_force(door: Door, outcome: "Outcome[KeyState]") -> None:
    """Wait out how long a server may go by what it knew before the read model showed this."""
    if outcome.result.changed and not door.dry_run:
        time.sleep(door.settings.keys_fresh_seconds)


def _id(key: str) -> UUID:
    try:
        return UUID(key)
    except ValueError:
        needed = "the id of a key is needed, as `capacity keys list` says it"
        raise Invalid(("/key", f"found {shown(key)}, {needed}")) from None
