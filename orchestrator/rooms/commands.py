"""What people can ask the craft of rooms for, beside what ``closing`` offers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from orchestrator.documents.declared import Documents
from orchestrator.i18n import N_
from orchestrator.model.effects import AnyEffect
from orchestrator.model.feature import Call, Command, Example, Now, Role, Tx

from .people import leaving, removing
from .people.parting import Way


def membership_commands(documents: Documents) -> Sequence[Command]:
    """``!leave`` for everybody; ``!remove``, ``!ban`` and ``!unban`` for leads."""

    def leave(tx: Tx, call: Call, now: Now) -> list[AnyEffect]:
        return list(leaving.ask(tx, documents, call, now))

    def change(way: Way, tx: Tx, call: Call, now: Now) -> list[AnyEffect]:
        return list(removing.ask(tx, documents, call, now, way))

    return (
        Command(
            name="leave",
            usage="[everything]",
            summary=N_("go quietly, from one room or from all; I ask you first, and tell nobody"),
            needs=Role.MEMBER,
            run=leave,
            examples=(
                Example("", N_("leave this room")),
                Example("everything", N_("leave all rooms of the community")),
            ),
        ),
        Command(
            name="remove",
            usage="@PERSON",
            summary=N_("take somebody out of all rooms; I show you first what it would do"),
            needs=Role.LEAD,
            run=partial(change, Way.REMOVE),
            examples=(Example("@bo:grove.example", N_("Bo can come back when a lead invites them")),),
        ),
        Command(
            name="ban",
            usage="@PERSON",
            summary=N_("take somebody out of all rooms and keep them out; I show you first what it would do"),
            needs=Role.LEAD,
            run=partial(change, Way.BAN),
            examples=(Example("@bo:grove.example", N_("Bo cannot come back by themself")),),
        ),
        Command(
            name="unban",
            usage="@PERSON",
            summary=N_("let somebody come in again who was banned"),
            needs=Role.LEAD,
            run=partial(change, Way.UNBAN),
            examples=(Example("@bo:grove.example", N_("Bo may come in again")),),
        ),
    )
