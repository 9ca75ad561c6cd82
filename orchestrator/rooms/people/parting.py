"""Somebody is taken out of rooms: each once, never repeated when a person undoes it, and told about once.

It does not matter here whether they asked for it or others did, and nothing that is kept afterwards tells the one from the
other: what it is for stands beside the effects while they wait, and is gone with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from orchestrator.documents.declared import CONTROL_KEY, SPACE_KEY, Community, Documents, Room
from orchestrator.errors import Refusal
from orchestrator.i18n import _, speaking
from orchestrator.model import content
from orchestrator.model.effects import AnyEffect, AskDirect, Choice, Priority, Result, Send, SendDirect, SetMembership
from orchestrator.model.events import MembershipName
from orchestrator.model.feature import Answer, Call, Now, Tx
from orchestrator.model.ids import CommunityKey, EventId, JsonObject, RoomId, UserId
from orchestrator.rooms.asking import CRAFT, written
from orchestrator.rooms.report import is_lost
from orchestrator.store import bindings, journal, mirror

from . import parting_words

PART: Final = "part"
LIFTED: Final = "unban"
"""The rule under which a ban is lifted: whom it lets back in was not taken out by it."""

PRIVATE: Final = "private"
PRESENT: Final = frozenset({"join", "invite", "knock"})


class Way(StrEnum):
    """How somebody's place in the rooms changes."""

    LEAVE = "leave"
    REMOVE = "remove"
    BAN = "ban"
    UNBAN = "unban"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A room of a community that the bot is in. ``declared`` is None for one that the files do not name any more."""

    room: RoomId
    declared: Room | None

    @property
    def name(self) -> str:
        """What people call it."""
        return self.declared.name if self.declared is not None else _("a room that is in no file any more")


def places(tx: Tx, community: Community) -> list[Place]:
    """List a community's rooms: where confidences are read first, then the spaces, which are the way into the others."""
    found = [
        Place(room=binding.room, declared=community.room(binding.key))
        for binding in bindings.bindings(tx)
        if binding.community == community.key and not is_lost(tx, binding.room)
    ]
    return sorted(found, key=_order)


def _order(place: Place) -> tuple[int, str]:
    declared = place.declared
    if declared is None or (declared.kind == "room" and declared.key != CONTROL_KEY):
        return (3, place.room)
    return ((CONTROL_KEY, SPACE_KEY).index(declared.key) if declared.key in {CONTROL_KEY, SPACE_KEY} else 2, place.room)


def is_in(tx: Tx, place: Place, user: UserId) -> bool:
    """Tell whether somebody is in a room, asked into it, or at its door, as far as we know."""
    seen = mirror.member(tx, place.room, user)
    return seen is not None and seen.membership in PRESENT


def part(
    found: Sequence[Place], user: UserId, way: Way, answer: Answer, communities: Sequence[Community], *, tell: bool
) -> Iterator[SetMembership]:
    """Take somebody out of rooms, or lift bans; where they turn out not to be in, nothing is done.

    Args:
        found: the rooms, in the order in which it is to be done.
        user: whom it is about.
        way: how.
        answer: by which it was confirmed; what came of it is said there.
        communities: whose rooms they are.
        tell: they are to be told.
    """
    membership: Literal["leave", "ban"] = "ban" if way is Way.BAN else "leave"
    only_from: tuple[MembershipName, ...] = ("join", "invite", "knock")
    if way in {Way.BAN, Way.UNBAN}:
        only_from = ("ban",) if way is Way.UNBAN else ()
    for place in found:
        yield SetMembership(
            step=f"{PART}:{answer.question}:{place.room}",
            priority=Priority.REPLY if way is Way.LEAVE else Priority.SAFETY,
            room=place.room,
            user=user,
            membership=membership,
            only_from=only_from,
            # All can read it there. It is the same for whoever goes and whoever is sent, and so says neither.
            reason="" if way is Way.UNBAN else _("Is not in this room any more."),
            rule=LIFTED if way is Way.UNBAN else PART,
            tag=written(
                PART,
                way=way.value,
                user=user,
                communities=[community.key for community in communities],
                question=answer.question,
                where=answer.room,
                thread=answer.thread,
                tell=tell,
            ),
        )


def done(tx: Tx, documents: Documents, about: JsonObject, result: Result) -> list[AnyEffect]:
    """Tell whom it is about, once, and when all is done those who asked for it."""
    named = about.get("communities")
    keys = [CommunityKey(str(key)) for key in named] if isinstance(named, list) else []
    communities = [community for key in keys if (community := documents.community(key)) is not None]
    if not communities:
        return []
    way, user, question = Way(str(about.get("way"))), UserId(str(about.get("user"))), str(about.get("question"))
    steps = f"{PART}:{question}:"
    effects: list[AnyEffect] = []
    with speaking(communities[0].locale):
        told = f"told:{question}"
        if about.get("tell") is True and result.outcome == "done" and not journal.was_said(tx, CRAFT, told):
            alone = len(documents.communities) == 1
            words = parting_words.you_were_taken_out(communities[0], banned=way is Way.BAN, can_raise=alone)
            said = content.text(words, people=() if alone else communities[0].leads)
            effects.append(SendDirect(step=told, priority=Priority.REPLY, user=user, content=said))
        if not journal.any_waits(tx, CRAFT, steps):
            refused = [_name(tx, communities, room) for room in journal.rooms_refused(tx, CRAFT, steps)]
            effects += _conclude(about, way, user, communities, refused)
    return effects


def _conclude(
    about: JsonObject, way: Way, user: UserId, communities: Sequence[Community], refused: Sequence[str]
) -> Iterator[AnyEffect]:
    question, thread = EventId(str(about.get("question"))), about.get("thread")
    if way is Way.LEAVE:
        words = parting_words.you_are_out(refused)
        yield SendDirect(step=f"told:{question}", priority=Priority.REPLY, user=user, content=content.notice(words))
        return
    words = parting_words.it_is_done(user, communities[0], way.value, refused)
    said = content.notice(words, people=[user])
    yield Send(
        step=f"concluded:{question}",
        priority=Priority.REPLY,
        room=RoomId(str(about.get("where"))),
        content=content.reply(said, to=question, thread=EventId(thread) if isinstance(thread, str) else None),
    )


def _name(tx: Tx, communities: Sequence[Community], room: RoomId) -> str:
    found = (place.name for community in communities for place in places(tx, community) if place.room == room)
    return next(found, _("a room that I am not in any more"))


def privately(
    call: Call, words: str, now: Now, *, subject: str, choices: Sequence[Choice] = (), people: Sequence[UserId] = ()
) -> AskDirect:
    """Ask whoever gave a command whether they mean it, so that nobody else reads of it."""
    offered = tuple(choices) or content.yes_or_no()
    user = call.event.sender
    return AskDirect(
        step="ask",
        user=user,
        priority=Priority.REPLY,
        person=user,
        expires_ms=now.at_ms + content.CONFIRM_MS,
        merge=f"ask:{call.name}:{user}",
        content=content.asking(words, offered, people=people),
        choices=offered,
        subject=subject,
        open_ms=content.CONFIRM_MS,
        about=call.community,
        tag=written(PRIVATE, room=call.event.room, event=call.event.id, community=call.community),
    )


def unheard(about: JsonObject, result: Result, now: Now) -> Iterator[AnyEffect]:
    """Say where a command was given that its question could not be asked in private; and no more than that."""
    if result.outcome == "refused":
        words = _(
            "I tried to answer you in private and could not. You can open a private chat with me and ask again there."
        )
        yield Send(
            step="unheard",
            priority=Priority.REPLY,
            room=RoomId(str(about.get("room"))),
            expires_ms=now.at_ms + content.ANSWER_MS,
            content=content.reply(content.notice(words), to=EventId(str(about.get("event")))),
        )


def the_community(tx: Tx, documents: Documents, call: Call) -> Community:
    """Find which community a command is about.

    Raises:
        Refusal: that is not clear.
    """
    community = None if call.community is None else documents.community(call.community)
    if community is None:
        raise Refusal(_("I do not know which community you mean. Please write that in one of its rooms."))
    if call.direct and len(bindings.communities_of(tx, call.event.sender)) > 1:
        raise Refusal(_("You are in more than one community. Please write that in a room of the one you mean."))
    return community


__all__ = [
    "PART",
    "PRIVATE",
    "Place",
    "Way",
    "done",
    "is_in",
    "part",
    "places",
    "privately",
    "the_community",
    "unheard",
]
