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
from orchestrator.model.clock import HOUR_MS
from orchestrator.model.effects import AnyEffect, Send
from orchestrator.model.feature import Now, Role, Timer, Tx
from orchestrator.model.ids import CommunityKey, RoomId, RoomKey, UserId

from . import rule_words, words
from .pace import say_now, say_rest
from .places import Place, control_room, place_of

OBSERVED: Final = "observed:"
POWERLESS: Final = "powerless:"
OBSERVED_MS: Final = HOUR_MS
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

    def cover(
        self, tx: Tx, user: UserId, community: CommunityKey, room: RoomKey | None, until_ms: int, now: Now
    ) -> None:
        """Put somebody on duty for a while, because they took something."""
        ...


def observed(tx: Tx, place: Place, rule: Rule, now: Now) -> Sequence[AnyEffect]:
    """Tell the control room that a watching rule would have acted: at once, then once an hour how often."""
    key = f"{OBSERVED}{place.community.key}/{place.policy.document}/{rule.id}"
    about = {"room": place.id, "rule": rule.id}
    if not say_now(tx, key, now, every_ms=OBSERVED_MS, about=about):
        return ()
    with speaking(place.community.locale):
        return _say(tx, place, f"observed:{rule.id}", rule_words.would_have(rule, place, 1, first=True))


def powerless(tx: Tx, place: Place, now: Now) -> Sequence[AnyEffect]:
    """Tell the control room that a removal was refused; once an hour a room."""
    if not say_now(tx, f"{POWERLESS}{place.id}", now, every_ms=POWERLESS_MS, about={"room": place.id}):
        return ()
    with speaking(place.community.locale):
        return _say(tx, place, "powerless", words.could_not_remove(place))


def due(tx: Tx, documents: Documents, timer: Timer, now: Now) -> Sequence[AnyEffect]:
    """Say how often something happened since it was last said."""
    kind = timer.key.partition(":")[0] + ":"
    count = say_rest(tx, timer, now, every_ms={OBSERVED: OBSERVED_MS, POWERLESS: POWERLESS_MS}[kind])
    place = place_of(tx, documents, RoomId(str(timer.payload.get("room"))))
    if not count or place is None:
        return ()
    with speaking(place.community.locale):
        if kind == POWERLESS:
            return _say(tx, place, "powerless", words.could_not_remove(place))
        rule = next((rule for rule in place.policy.rules if rule.id == timer.payload.get("rule")), None)
        said = () if rule is None else rule_words.would_have(rule, place, count, first=False)
        return _say(tx, place, f"observed:{timer.payload.get('rule')}", said) if said else ()


def whom_to_ask(tx: Tx, duty: Duty, community: CommunityKey, room: RoomKey | None, now: Now) -> tuple[UserId, ...]:
    """List who is on duty in a room, or, where nobody is, anywhere in the community."""
    here = duty.on_duty(tx, community, room, now) if room is not None else ()
    return here or duty.on_duty(tx, community, None, now)


def _say(tx: Tx, place: Place, step: str, said: str) -> Sequence[AnyEffect]:
    room = control_room(tx, place.community)
    return () if room is None else (Send(step=step, room=room, content=content.notice(said)),)
