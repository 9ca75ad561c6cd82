"""``!rota add``, ``remove``, ``order`` and ``effective-from``: read, checked, asked back where somebody goes, written down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, Community, Documents, Room
from orchestrator.errors import Refusal
from orchestrator.i18n import _, speaking
from orchestrator.model import content
from orchestrator.model.effects import Amend, AnyEffect, AskDirect, Priority, Result, Send
from orchestrator.model.feature import Answer, Call, Now, Role, Tx
from orchestrator.model.ids import CommunityKey, EventId, Json, JsonObject, RoomId, RoomKey, UserId
from orchestrator.schedule import local_at
from orchestrator.store import bindings, mirror
from orchestrator.store.rows import dump, load_object

from . import asked, people, words
from .asked import Asked
from .people import People
from .written import DOCUMENT, path_of, people_in

PREFIX: Final = "roster:"
"""How the subjects and tags of this desk begin."""

WORDS: Final = ("add", "remove", "order", "effective-from")
"""What stands after ``!rota`` when this desk is meant."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """A change that somebody wants: which of ``WORDS``, or ``shadow``; of whom; from when on (None: now)."""

    do: str
    users: tuple[UserId, ...]
    at: datetime | None

    @property
    def user(self) -> UserId:
        return self.users[0]

    def applied(self, before: People, now: datetime) -> People:
        match self.do:
            case "add":
                return people.add(before, self.user, self.at, now)
            case "shadow":
                return people.add_shadow(before, self.user, now)
            case "remove":
                return people.remove(before, self.user, self.at, now)
            case "order":
                return people.order(before, self.users)
            case _:
                return people.since(before, self.user, self.at)


class Roster:
    """Changes who is on a rota, as leads ask for it.

    Args:
        documents: what the authors wrote.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def run(self, tx: Tx, call: Call, now: Now) -> Iterator[AnyEffect]:
        """Answer ``!rota`` with one of ``WORDS`` after it.

        Raises:
            Refusal: it may not be done, or it is not plain what is meant.
        """
        wanted = asked.read(tx, self._documents, call, now)
        wish = _wish(call, wanted, now)
        if wish.do in {"add", "shadow"}:
            _check_there(tx, wanted.community, wanted.room, wish.user, now)
        wall = local_at(now.at_ms, wanted.community.zone)
        before = people_in(tx, wanted.community, wanted.room)
        after = wish.applied(before, wall)
        question = _question(wanted.community, wanted.room, wish, before, after)
        if question:
            yield _asked_back(call, wanted, question, _written(wanted.community, wanted.room, wish), wish, now)
            return
        place = {"where": call.event.room, "event": call.event.id, "thread": call.event.thread}
        yield from _amends(wanted.community, wanted.room, wish, before, after, call.event.sender, place)

    def answered(self, tx: Tx, answer: Answer, now: Now) -> Iterable[AnyEffect] | None:
        """Do what was asked back, or leave it; None where another desk asked."""
        if not answer.subject.startswith(PREFIX):
            return None
        about = load_object(answer.subject.removeprefix(PREFIX))
        community, room = self._place(about)
        if community is None or answer.by is None or answer.choice is None:
            return ()
        with speaking(community.locale):
            if answer.choice != "yes":
                return (content.conclusion(answer, words.stays(), now),)
            if room is None or answer.role < Role.LEAD:
                return (content.conclusion(answer, _("Only a lead of that room can decide that."), now),)
            wish, before = _read(about), people_in(tx, community, room)
            try:
                after = wish.applied(before, local_at(now.at_ms, community.zone))
            except Refusal as refusal:  # somebody else was quicker
                return (content.conclusion(answer, refusal.message, now, people=wish.users),)
            place: dict[str, Json] = {"where": answer.room, "event": answer.question, "thread": answer.thread}
            return tuple(_amends(community, room, wish, before, after, answer.by, place))

    def done(self, tx: Tx, result: Result, now: Now) -> Iterable[AnyEffect] | None:
        """Say what came of it, under what was asked; None where it is another desk's."""
        del tx
        if not result.tag.startswith(PREFIX):
            return None
        about = load_object(result.tag.removeprefix(PREFIX))
        community, room = self._place(about)
        if community is None or room is None or about.get("last") is not True:
            return ()
        wish = _read(about)
        with speaking(community.locale):
            said = words.not_written() if result.outcome != "done" else _said(community, room, wish)
        thread = about.get("thread")
        return (
            Send(
                step=f"{PREFIX}said",
                room=RoomId(str(about.get("where"))),
                priority=Priority.REPLY,
                expires_ms=now.at_ms + content.ANSWER_MS,
                content=content.reply(
                    content.notice(said, people=wish.users),
                    to=EventId(str(about.get("event"))),
                    thread=EventId(thread) if isinstance(thread, str) else None,
                ),
            ),
        )

    def _place(self, about: JsonObject) -> tuple[Community | None, Room | None]:
        community = self._documents.community(CommunityKey(str(about.get("community"))))
        return community, None if community is None else community.room(RoomKey(str(about.get("room"))))


def _wish(call: Call, wanted: Asked, now: Now) -> _Wish:
    do, prefix = call.args[0].casefold(), wanted.community.prefix
    usage = {
        "add": f"`{prefix}rota add @name:example.org from 1 dec`",
        "remove": f"`{prefix}rota remove @name:example.org from 1 dec`",
        "order": f"`{prefix}rota order @name:example.org @other:example.org`",
        "effective-from": f"`{prefix}rota effective-from @name:example.org 1 dec`",
    }[do]
    if do == "order":
        if len(wanted.users) < 2:
            raise Refusal(_("Please write the ids in the order you would like: {usage}").format(usage=usage))
        return _Wish(do, wanted.users, None)
    user = asked.one_of(wanted, usage)
    shadow = {"shadow", _("shadow").casefold()}
    rest = tuple(word for word in wanted.rest if word.casefold() not in shadow)
    if do == "add" and len(rest) < len(wanted.rest):
        if "from" in {word.casefold() for word in rest}:
            raise Refusal(_("Somebody can shadow right away; there is no need for a day."))
        return _Wish("shadow", (user,), None)
    return _Wish(do, (user,), asked.beginning(replace(wanted, rest=rest), now, needed=do == "effective-from"))


def _check_there(tx: Tx, community: Community, room: Room, user: UserId, now: Now) -> None:
    """Make sure that somebody can come on: they are in the room."""
    if user == now.me:
        raise Refusal(_("That is me. Turns are for people."))
    bound = bindings.bound_room(tx, community.key, room.key)
    if bound is None:
        raise Refusal(_("{room} is not there yet. Please ask me again once it is.").format(room=room.name))
    seen = mirror.member(tx, bound, user)
    if seen is not None and seen.membership == "join":
        return
    if community.key in bindings.communities_of(tx, user):
        said = _("{person} is not in {room} yet. Please ask them in, and write that again once they are there.")
    else:
        said = _("I do not see {person} in any room of ours. Is the id just as they have it?")
    raise Refusal(said.format(person=user, room=room.name))


def _question(community: Community, room: Room, wish: _Wish, before: People, after: People) -> str:
    """Say what is asked back; "" where nobody goes."""
    if wish.do == "remove":
        shadow = wish.user in before.shadows
        return words.shall_i_remove(community, room, wish.user, wish.at, None if shadow else after)
    if wish.do == "effective-from" and wish.at is not None:
        return words.shall_i_begin_later(community, room, wish.user, wish.at)
    return ""


def _asked_back(call: Call, wanted: Asked, question: str, about: str, wish: _Wish, now: Now) -> AnyEffect:
    """Ask where it was written; in a room with members in private, since it is about one of them."""
    if call.direct or call.room_key == CONTROL_KEY:
        return replace(
            content.question(call, question, now, subject=about, needs=None, asker_needs=Role.LEAD, people=wish.users),
            about_room=wanted.room.key,
        )
    choices = content.yes_or_no()
    return AskDirect(
        step="ask",
        user=call.event.sender,
        priority=Priority.REPLY,
        person=call.event.sender,
        content=content.asking(question, choices, people=wish.users),
        choices=choices,
        open_ms=content.CONFIRM_MS,
        subject=about,
        about=wanted.community.key,
        about_room=wanted.room.key,
    )


def _amends(
    community: Community, room: Room, wish: _Wish, before: People, after: People, by: UserId, place: JsonObject
) -> Iterator[AnyEffect]:
    """Write down what has changed: whoever leaves one list goes before they come to the other."""
    changes: list[tuple[str, Json]] = []
    if before.keepers != after.keepers:
        changes.append(("facilitators", people.write_keepers(after)))
    if before.shadows != after.shadows:
        changes.append(("shadows", [*after.shadows]))
    if len(after.shadows) < len(before.shadows):
        changes.reverse()
    for position, (key, value) in enumerate(changes):
        yield Amend(
            step=f"{PREFIX}{key}",
            priority=Priority.REPLY,
            document=DOCUMENT,
            path=path_of(community, room, key),
            value=value,
            by=by,
            tag=_written(community, room, wish, last=position == len(changes) - 1, **place),
            rule="roster",
        )


def _written(community: Community, room: Room, wish: _Wish, **more: Json) -> str:
    return PREFIX + dump(
        {
            "community": community.key,
            "room": room.key,
            "do": wish.do,
            "users": [*wish.users],
            "at": None if wish.at is None else wish.at.isoformat(),
            **more,
        }
    )


def _read(about: JsonObject) -> _Wish:
    users, at = about.get("users"), about.get("at")
    return _Wish(
        str(about.get("do")),
        tuple(UserId(str(user)) for user in users) if isinstance(users, list) else (),
        datetime.fromisoformat(at) if isinstance(at, str) else None,
    )


def _said(community: Community, room: Room, wish: _Wish) -> str:
    match wish.do:
        case "add":
            return words.added(community, room, wish.user, wish.at)
        case "shadow":
            return words.shadowing(community, room, wish.user)
        case "remove":
            return words.removed(community, room, wish.user, wish.at)
        case "order":
            return words.ordered(room, wish.users)
        case _:
            return words.begins(community, room, wish.user, wish.at)
