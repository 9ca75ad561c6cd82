"""A quiet way out: ``!leave everything`` to the bot in private, or ``!leave`` in a room.

Nobody is told, nothing is asked, nothing of it is kept, and whoever goes is not called back. A bot cannot make somebody
leave, only take them out, so that is said before it is done. Whoever answers for others just then is asked to hand over
first: their own client lets them go at any time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, SPACE_KEY, Community, Documents
from orchestrator.errors import Refusal
from orchestrator.i18n import _, current_locale
from orchestrator.model import content
from orchestrator.model.effects import AnyEffect
from orchestrator.model.feature import Answer, Call, Now, Role, Tx
from orchestrator.model.ids import CommunityKey, JsonObject, RoomId, UserId
from orchestrator.rooms.asking import written
from orchestrator.store import bindings, claims

from . import members, parting_words
from .parting import Place, Way, is_in, part, places, privately

LEAVE: Final = "leave"
DUTY: Final = "duty"
"""Whose claim gives somebody the power of their shift."""


def ask(tx: Tx, documents: Documents, call: Call, now: Now) -> Iterator[AnyEffect]:
    """Say what leaving means, and ask whether it is meant.

    Raises:
        Refusal: it is not clear from where, or they look after others just now.
    """
    user = call.event.sender
    wanted = " ".join(call.args).strip("`'\"“”.").casefold()
    communities = [
        community
        for key in _keys(tx, call)
        if (community := documents.community(key)) is not None and _rooms(tx, community, user)
    ]
    if not communities:
        raise Refusal(_("I do not see you in any room that I look after."))
    if wanted in {"everything", "all", _("everything").casefold()}:
        _check_free(tx, communities, None, user)
        words = parting_words.leave_everything(communities)
        subject = written(LEAVE, user=user, communities=[community.key for community in communities])
    else:
        community, place = _one(tx, communities, call, wanted)
        _check_free(tx, [community], place, user)
        words = parting_words.leave_one(community, place.name)
        subject = written(LEAVE, user=user, communities=[community.key], room=place.room)
    if call.direct:
        yield content.question(call, words, now, subject=subject, needs=None, asker_needs=Role.MEMBER)
    else:
        yield privately(call, words, now, subject=subject)


def language(documents: Documents, about: JsonObject) -> str:
    """Tell which language is spoken where somebody leaves: that of the first of their communities."""
    return next((community.locale for community in _named(documents, about)), current_locale())


def answered(tx: Tx, documents: Documents, about: JsonObject, answer: Answer, now: Now) -> Iterator[AnyEffect]:
    """Let them go.

    Raises:
        Refusal: they look after others by now.
    """
    user, room = UserId(str(about.get("user"))), about.get("room")
    if answer.choice is None or answer.by != user:
        return
    if answer.choice != "yes":
        yield content.conclusion(answer, _("All right, everything stays as it is."), now)
        return
    communities = _named(documents, about)
    found = [place for community in communities for place in places(tx, community)]
    one = next((place for place in found if place.room == room), None)
    _check_free(tx, communities, one, user)
    leaving = [place for place in found if room is None or place.room == room]
    for community in communities if room is None else ():
        members.forget(tx, community, user)
    yield from part(leaving, user, Way.LEAVE, answer, communities, tell=False)


def _named(documents: Documents, about: JsonObject) -> list[Community]:
    named = about.get("communities")
    keys = [CommunityKey(str(key)) for key in named] if isinstance(named, list) else []
    return [community for key in keys if (community := documents.community(key)) is not None]


def _keys(tx: Tx, call: Call) -> Sequence[CommunityKey]:
    if call.direct:
        return bindings.communities_of(tx, call.event.sender)
    return [] if call.community is None else [call.community]


def _rooms(tx: Tx, community: Community, user: UserId) -> list[Place]:
    return [place for place in places(tx, community) if is_in(tx, place, user)]


def _one(tx: Tx, communities: Sequence[Community], call: Call, wanted: str) -> tuple[Community, Place]:
    """Find the one room that is meant: where it is typed, or one that they are in and name."""
    user = call.event.sender
    mine = [(community, place) for community in communities for place in _rooms(tx, community, user)]
    if not wanted and not call.direct:
        named = [(community, place) for community, place in mine if place.room == call.room]
    else:
        named = [(community, place) for community, place in mine if wanted and wanted in _names(place)]
    if len(named) == 1:
        return named[0]
    raise Refusal(
        _(
            "From where? `{prefix}leave everything` takes you out of all rooms. For one room write `{prefix}leave` there, or"
            " its name after it: {rooms}."
        ).format(prefix=communities[0].prefix, rooms=", ".join(place.name for _community, place in mine))
        if call.direct
        else _(
            "To leave this room, write `{prefix}leave`. To leave all of them, write `{prefix}leave everything`, best to me in"
            " private."
        ).format(prefix=communities[0].prefix)
    )


def _names(place: Place) -> set[str]:
    return set() if place.declared is None else {place.name.casefold(), place.declared.key.casefold()} - {""}


def _check_free(tx: Tx, communities: Sequence[Community], one: Place | None, user: UserId) -> None:
    """Check that somebody does not look after others where they want to go from.

    Raises:
        Refusal: they do.
    """
    for community in communities:
        if user in community.leads and (one is None or _is_key(one)):
            raise Refusal(parting_words.lead_first(community))
        kept = [
            place.name
            for place in places(tx, community)
            if _is_on_duty(tx, place.room, user) and (one is None or one.room == place.room)
        ]
        if kept:
            raise Refusal(parting_words.hand_over_first(kept))


def _is_key(place: Place) -> bool:
    return place.declared is not None and place.declared.key in {SPACE_KEY, CONTROL_KEY}


def _is_on_duty(tx: Tx, room: RoomId, user: UserId) -> bool:
    return any(
        claim.room == room and claim.path == ("users", user) and claim.type == "m.room.power_levels"
        for claim in claims.claims_of(tx, DUTY)
    )
