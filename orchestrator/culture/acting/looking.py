"""What the control room is shown of what rules do to people, and what those who read it can do there, by reaction.

Nobody is quoted: there is a link to what was written. A storm is one line and later one more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from orchestrator.culture.notices import Duty, whom_to_ask
from orchestrator.culture.pace import say_now, say_rest
from orchestrator.culture.places import Place, any_place_of, control_room
from orchestrator.culture.reach import cannot_open, who_cannot_open
from orchestrator.documents.declared import Documents
from orchestrator.documents.policy import Rule
from orchestrator.i18n import speaking
from orchestrator.model import content
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS
from orchestrator.model.content import permalink
from orchestrator.model.effects import AnyEffect, Ask, Choice, Priority, Send
from orchestrator.model.feature import Now, Role, Timer, Tx
from orchestrator.model.ids import Json, RoomId, UserId
from orchestrator.store import questions
from orchestrator.store.rows import dump

from . import control_words, words
from .said import Said

AREA: Final = "acting"
LOOK: Final = "look"
MUTED: Final = "muted"
NOT_MUTED: Final = "unmuted"

LOOK_MS: Final = 10 * MINUTE_MS
NOT_MUTED_MS: Final = HOUR_MS
OPEN_MS: Final = 3 * DAY_MS
"""How long something can be done about a message from the control room."""


def subject(do: str, **about: Json) -> str:
    """Write what a question is about: ids."""
    return dump({"area": AREA, "do": do, **about})


def look(
    tx: Tx, duty: Duty, place: Place, rule: Rule, said: Said, now: Now, *, again: bool = False, removed: bool = False
) -> Sequence[AnyEffect]:
    """Ask the control room to look at a message, by link, never by its words.

    ``again``: it is not the first time; ``removed``: it is taken down already.
    """
    about = {"room": place.id, "rule": rule.id}
    if not say_now(tx, f"{LOOK}:{place.id}/{rule.id}", now, every_ms=LOOK_MS, about=about):
        return ()
    people = _people(tx, duty, place, now)
    with speaking(place.community.locale):
        parts = [control_words.please_look(rule, place, 0, permalink(place.id, said.event), people)]
        # Who was called by name and cannot open it would look for it in vain.
        parts.append(cannot_open(place, who_cannot_open(tx, place, people, now.at_ms)))
        parts += [control_words.met_again()] if again else []
        parts += [] if removed or again else [control_words.nothing_done()]
        removable = not removed and not rule.when.names
        choices = control_words.look_choices(removable=removable)
        asked = subject(LOOK, **said.written(), rule=rule.id)
        return _ask(
            tx,
            place,
            f"look:{rule.id}",
            " ".join(filter(None, parts)),
            choices,
            asked,
            open_ms=OPEN_MS,
            people=people,
            named=(),
        )


def muted(
    tx: Tx,
    place: Place,
    user: UserId,
    rule: str,
    by: UserId | None,
    until_ms: int,
    now: Now,
    *,
    everywhere: bool,
) -> Sequence[AnyEffect]:
    """Tell the control room that somebody can only read; from there it can be undone. Once a mute."""
    asked = subject(MUTED, room=place.id, user=user, rule=rule, everywhere=everywhere)
    for other in (asked, subject(MUTED, room=place.id, user=user, rule=rule, everywhere=False)):
        questions.withdraw(tx, "culture", other)  # a longer or wider one takes its place
    with speaking(place.community.locale):
        said = control_words.was_muted(rule, place, user, by, until_ms=until_ms, everywhere=everywhere)
        named = [user] if by is None else [user, by]
        open_ms = max(until_ms - now.at_ms, 1)
        return _ask(
            tx,
            place,
            f"muted:{rule}",
            said,
            control_words.lift_choice(),
            asked,
            open_ms=open_ms,
            people=(),
            named=named,
            all_rooms=everywhere,
        )


def not_muted(tx: Tx, place: Place, rule: str, now: Now) -> Sequence[AnyEffect]:
    """Tell the control room that a mute cannot be; once an hour a room and rule."""
    about = {"room": place.id, "rule": rule}
    if not say_now(tx, f"{NOT_MUTED}:{place.id}/{rule}", now, every_ms=NOT_MUTED_MS, about=about):
        return ()
    return _cannot(tx, place, rule)


def due(tx: Tx, documents: Documents, duty: Duty, timer: Timer, now: Now) -> Sequence[AnyEffect]:
    """Say how often something happened since it was last said."""
    looked = timer.key.startswith(f"{LOOK}:")
    count = say_rest(tx, timer, now, every_ms=LOOK_MS if looked else NOT_MUTED_MS)
    place = any_place_of(tx, documents, RoomId(str(timer.payload.get("room"))))
    if not count or place is None:
        return ()
    named = str(timer.payload.get("rule"))
    if not looked:
        return _cannot(tx, place, named)
    rule = words.rule_of(place, named)
    room = control_room(tx, place.community)
    if rule is None or room is None:
        return ()
    people = _people(tx, duty, place, now)
    with speaking(place.community.locale):
        said = control_words.please_look(rule, place, count, "", people)
    # A notice never rings, mention or not (push rule .m.rule.suppress_notices); who is asked for should hear it.
    return (Send(step=f"look:{rule.id}", room=room, content=content.text(said, mentions=people)),)


def _cannot(tx: Tx, place: Place, rule: str) -> Sequence[AnyEffect]:
    room = control_room(tx, place.community)
    if room is None:
        return ()
    with speaking(place.community.locale):
        said = content.notice(control_words.could_not_mute(rule, place))
    return (Send(step=f"powerless:{rule}", room=room, content=said),)


def _people(tx: Tx, duty: Duty, place: Place, now: Now) -> Sequence[UserId]:
    return whom_to_ask(tx, duty, place.community.key, place.room.key, now) or place.community.leads


def _ask(
    tx: Tx,
    place: Place,
    step: str,
    said: str,
    choices: tuple[Choice, ...],
    asked: str,
    *,
    open_ms: int,
    people: Sequence[UserId],
    named: Sequence[UserId],
    all_rooms: bool = False,
) -> Sequence[AnyEffect]:
    """Ask whoever keeps the room just then, and the leads; about all rooms at once only the leads."""
    room = control_room(tx, place.community)
    if room is None:
        return ()
    words_ = content.asking(said, choices, mentions=people, people=named)
    return (
        Ask(
            step=step,
            room=room,
            priority=Priority.REPLY if people else Priority.ROUTINE,
            content={**words_, "msgtype": "m.text"} if people else words_,  # a notice would not ring
            choices=choices,
            needs=Role.LEAD if all_rooms else Role.FACILITATOR,
            about=place.community.key,
            about_room=None if all_rooms else place.room.key,
            subject=asked,
            open_ms=open_ms,
        ),
    )
