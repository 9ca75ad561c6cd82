"""The desk where those who look after rooms see what members suggested, and throw out what was taken in: ``!suggestions``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.documents.declared import CONTROL_KEY, Community, Documents, Prompt, Room
from orchestrator.errors import Refusal
from orchestrator.i18n import N_, _, ngettext
from orchestrator.model import content
from orchestrator.model.content import permalink
from orchestrator.model.effects import AnyEffect
from orchestrator.model.feature import Call, Command, Example, Now, Role, Tx
from orchestrator.store import bindings

from . import records
from .taken import take_out, taken_in


class Keeping:
    """Shows what was suggested to whoever decides.

    Args:
        documents: what the authors wrote.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    @property
    def commands(self) -> Sequence[Command]:
        """``!suggestions``."""
        return (
            Command(
                name="suggestions",
                usage="[remove 2]",
                summary=N_("in the control room: which questions members suggested, and which were taken in"),
                needs=Role.MEMBER,
                run=self._suggestions,
                examples=(
                    Example("", N_("what waits for you, and what was taken in")),
                    Example("remove 2", N_("throw out the second one that was taken in")),
                ),
                for_staff=True,
            ),
        )

    def _suggestions(self, tx: Tx, call: Call, now: Now) -> Iterator[AnyEffect]:
        community = self._community(tx, call)
        taken = [(room, one) for room in community.rooms for one in taken_in(tx, room)]
        if call.args[:1] == ("remove",):
            yield content.answer(call, _removed(tx, community, taken, call.args[1:]), now)
            return
        yield content.answer(call, _listed(tx, community, taken), now)

    def _community(self, tx: Tx, call: Call) -> Community:
        """Find whose control room it is; only there, and by those who belong there, is it spoken of."""
        for community in self._documents.communities:
            here = bindings.bound_room(tx, community.key, CONTROL_KEY) == call.event.room
            if here and call.event.sender in community.staff():
                return community
        raise Refusal(_("That is for the control room, where those who look after the rooms decide about it."))


def _listed(tx: Tx, community: Community, taken: Sequence[tuple[Room, Prompt]]) -> str:
    waiting = [one for one in records.in_community(tx, community.key) if one.state in records.SHOWN and one.copy]
    control = bindings.bound_room(tx, community.key, CONTROL_KEY) or ""
    parts = [_("No suggestion waits for you.")]
    if waiting:
        said = ngettext("{n} suggestion waits for you:", "{n} suggestions wait for you:", len(waiting))
        parts = [
            "\n".join([said.format(n=len(waiting)), *(f"- {permalink(control, one.copy or '')}" for one in waiting)])
        ]
    if taken:
        lines = [
            _("{number}. {room}, tier {tier}: {text}").format(
                number=n, room=room.name, tier=one.tier, text=_bare(one.text)
            )
            for n, (room, one) in enumerate(taken, 1)
        ]
        parts.append("\n".join([_("Taken in from members:"), "", *lines]))
        parts.append(_("To throw one out: `{prefix}suggestions remove 1`").format(prefix=community.prefix))
    return "\n\n".join(parts)


def _removed(tx: Tx, community: Community, taken: Sequence[tuple[Room, Prompt]], args: Sequence[str]) -> str:
    number = int(args[0]) if len(args) == 1 and args[0].isdecimal() else 0
    if not 1 <= number <= len(taken):
        raise Refusal(
            _("Which one? `{prefix}suggestions` shows them with their numbers.").format(prefix=community.prefix)
        )
    room, one = taken[number - 1]
    take_out(tx, room, one.id)
    return _("It is thrown out, and not asked in {room} any more.").format(room=room.name)


def _bare(text: str) -> str:
    """Keep what somebody wrote from being read as marks of ours."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>&~#" else sign for sign in text)
