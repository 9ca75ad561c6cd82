"""A ban that a lead set by hand in one room, in whatever client, is offered to the keepers for the others.

Nothing follows from it by itself: whoever answers is a lead, and it is done as by ``!ban``.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.documents.declared import CONTROL_KEY, Community, Room
from orchestrator.i18n import _
from orchestrator.model import content
from orchestrator.model.clock import DAY_MS
from orchestrator.model.effects import AnyEffect
from orchestrator.model.events import Member
from orchestrator.model.feature import Now, Role, Tx
from orchestrator.model.ids import UserId
from orchestrator.rooms.asking import CRAFT, ask_keepers, can_ask, written
from orchestrator.store import mirror, questions

from .parting import Way, places
from .removing import REMOVE

OPEN_MS = 7 * DAY_MS


def heard(tx: Tx, community: Community, room: Room, event: Member, now: Now) -> Iterator[AnyEffect]:
    """Ask whether a ban by a lead is meant for the other rooms too; once, however many rooms they go through by hand."""
    # A ban of somebody who knocks answers the knock.
    if event.membership != "ban" or event.before in {"ban", "knock"} or event.sender not in community.leads:
        return
    if event.user in community.staff() or event.user == now.me or not can_ask(tx, community):
        return
    subject = written(REMOVE, community=community.key, user=event.user, way=Way.BAN.value)
    if not _is_there_more(tx, community, event.user):
        questions.withdraw(tx, CRAFT, subject)  # they went through all the rooms themselves
        return
    if questions.is_asked(tx, CRAFT, subject):
        return
    words = _(
        "{lead} banned {user} from “{room}”. Shall I keep them out of the other rooms of {community} as well? They are told"
        " in private, kindly and once."
    ).format(lead=event.sender, user=event.user, room=room.name, community=community.name)
    yield from ask_keepers(
        tx,
        community,
        words,
        content.yes_or_no(yes=_("ban everywhere"), no=_("leave it at that")),
        step=f"spread:{event.id}",
        subject=subject,
        needs=Role.LEAD,
        open_ms=OPEN_MS,
        people=[event.user, event.sender],
    )


def _is_there_more(tx: Tx, community: Community, user: UserId) -> bool:
    """Tell whether a room is left that they are not banned from; the control room is closed to them anyway."""
    banned = (
        (seen := mirror.member(tx, place.room, user)) is not None and seen.membership == "ban"
        for place in places(tx, community)
        if place.declared is None or place.declared.key != CONTROL_KEY
    )
    return not all(banned)
