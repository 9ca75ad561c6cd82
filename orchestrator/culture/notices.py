"""What the control room hears of culture: what a watching rule would have done, what needs a look, what failed.

A storm is one line and later one more; nobody is quoted, and whom a watching rule would have hit is not said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from orchestrator.documents.declared import Documents
from orchestrator.documents.policy import Rule
from orchestrator.i18n import speaking
from orchestrator.model import content
from orchestrator.model.clock import HOUR_MS, MINUTE_MS
from orchestrator.model.content import permalink
from orchestrator.model.effects import AnyEffect, Priority, Send
from orchestrator.model.feature import Now, Role, Timer, Tx
from orchestrator.model.ids import CommunityKey, EventId, JsonObject, RoomId, RoomKey, UserId

from . import words
from .pace import say_now, say_rest
from .places import Place, control_room, place_of

OBSERVED: Final = "observed:"
LOOK: Final = "look:"
POWERLESS: Final = "powerless:"
MUTED: Final = "muted:"
OBSERVED_MS: Final = HOUR_MS
LOOK_MS: Final = 10 * MINUTE_MS
POWERLESS_MS: Final = HOUR_MS


class Duty(Protocol):
    """Tells who answers for what, and who is on duty. Facilitation knows."""

    def role(self, tx: Tx, user: UserId, community: CommunityKey, room: RoomKey | None, now: Now) -> Role:
        """Tell what a user is in a room (None: in the community as a whole), now."""
        ...

    def on_duty(self, tx: Tx, community: CommunityKey, room: RoomKey | None, now: Now) -> tuple[UserId, ...]:
        """List who is on duty in a room (None: anywhere in the community), now."""
        ...

    def in_turn(self, tx: Tx, community: CommunityKey, room: RoomKey, now: Now) -> tuple[UserId, ...]:
        """List everybody who keeps a room, in the order in which they are asked when something comes up."""
        ...

    def cover(self, tx: Tx, user: UserId, community: CommunityKey, room: RoomKey | None, until_ms: int, now: Now) -> None:
        """Put somebody on duty for a while, because they took something."""
        ...


def observed(tx: Tx, place: Place, rule: Rule, now: Now) -> Sequence[AnyEffect]:
    """Tell the control room that a watching rule would have acted: at once, then once an hour how often."""
    key = f"{OBSERVED}{place.community.key}/{place.policy.document}/{rule.id}"
    about = {"room": place.id, "rule": rule.id}
    if not say_now(tx, key, now, every_ms=OBSERVED_MS, about=about):
        return ()
    with speaking(place.community.locale):
        return _say(tx, place, f"observed:{rule.id}", words.would_have(rule, place, 1, first=True))


def look(tx: Tx, duty: Duty, place: Place, rule: Rule, event: EventId, now: Now) -> Sequence[AnyEffect]:
    """Ask the control room to look at a message, by link, never by its words."""
    about = {"room": place.id, "rule": rule.id}
    if not say_now(tx, f"{LOOK}{place.id}/{rule.id}", now, every_ms=LOOK_MS, about=about):
        return ()
    people = whom_to_ask(tx, duty, place.community.key, place.room.key, now) or place.community.leads
    with speaking(place.community.locale):
        said = words.please_look(rule, place, 0, permalink(place.id, event), people)
    return _say(tx, place, f"look:{rule.id}", said, people, priority=Priority.REPLY)


def muted(tx: Tx, place: Place, rule: str, user: UserId, now: Now) -> Sequence[AnyEffect]:
    """Tell the control room that somebody was muted; once a mute."""
    if not say_now(tx, f"{MUTED}{place.id}/{user}", now, every_ms=words.MUTE_MS, about={}):
        return ()
    with speaking(place.community.locale):
        return _say(tx, place, f"muted:{rule}", words.was_muted(rule, place, user), named=[user])


def powerless(tx: Tx, place: Place, now: Now) -> Sequence[AnyEffect]:
    """Tell the control room that a removal was refused; once an hour a room."""
    if not say_now(tx, f"{POWERLESS}{place.id}", now, every_ms=POWERLESS_MS, about={"room": place.id}):
        return ()
    with speaking(place.community.locale):
        return _say(tx, place, "powerless", words.could_not_remove(place))


def not_muted(tx: Tx, place: Place, rule: str, now: Now) -> Sequence[AnyEffect]:
    """Tell the control room that a mute cannot be; once an hour a room and rule."""
    about: JsonObject = {"room": place.id, "rule": rule, "mute": True}
    if not say_now(tx, f"{POWERLESS}{place.id}/{rule}", now, every_ms=POWERLESS_MS, about=about):
        return ()
    with speaking(place.community.locale):
        return _say(tx, place, f"powerless:{rule}", words.could_not_mute(rule, place))


def due(tx: Tx, documents: Documents, duty: Duty, timer: Timer, now: Now) -> Sequence[AnyEffect]:
    """Say how often something happened since it was last said."""
    kind = timer.key.partition(":")[0] + ":"
    every_ms = {OBSERVED: OBSERVED_MS, LOOK: LOOK_MS, POWERLESS: POWERLESS_MS}[kind]
    count = say_rest(tx, timer, now, every_ms=every_ms)
    place = place_of(tx, documents, RoomId(str(timer.payload.get("room"))))
    if not count or place is None:
        return ()
    rule = next((rule for rule in place.policy.rules if rule.id == timer.payload.get("rule")), None)
    with speaking(place.community.locale):
        if timer.payload.get("mute") is True:
            named = str(timer.payload.get("rule"))
            return _say(tx, place, f"powerless:{named}", words.could_not_mute(named, place))
        if kind == POWERLESS:
            return _say(tx, place, "powerless", words.could_not_remove(place))
        if rule is None:
            return ()
        if kind == OBSERVED:
            return _say(tx, place, f"observed:{rule.id}", words.would_have(rule, place, count, first=False))
        people = whom_to_ask(tx, duty, place.community.key, place.room.key, now) or place.community.leads
        return _say(tx, place, f"look:{rule.id}", words.please_look(rule, place, count, "", people), people)


def whom_to_ask(tx: Tx, duty: Duty, community: CommunityKey, room: RoomKey | None, now: Now) -> tuple[UserId, ...]:
    """List who is on duty in a room, or, where nobody is, anywhere in the community."""
    here = duty.on_duty(tx, community, room, now) if room is not None else ()
    return here or duty.on_duty(tx, community, None, now)


def _say(
    tx: Tx,
    place: Place,
    step: str,
    said: str,
    people: Sequence[UserId] = (),
    *,
    named: Sequence[UserId] = (),
    priority: Priority = Priority.ROUTINE,
) -> Sequence[AnyEffect]:
    room = control_room(tx, place.community)
    if room is None:
        return ()
    # A notice never rings, mention or not (push rule .m.rule.suppress_notices); who is asked for should hear it.
    said_to = content.text(said, mentions=people) if people else content.notice(said, people=named)
    return (Send(step=step, room=room, priority=priority, content=said_to),)
