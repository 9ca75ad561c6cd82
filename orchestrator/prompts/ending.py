"""Keepers hear in time that a deck will soon begin anew."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orchestrator.i18n import _, ngettext, speaking
from orchestrator.model import content
from orchestrator.model.effects import AnyEffect, Send
from orchestrator.model.feature import Now, Tx
from orchestrator.schedule import local_at

from .bag import left
from .places import Place
from .slots import bag_of, this_round

LAST: Final = 3
"""With so many questions left they are told; of a small deck, with a quarter of it."""


def tell(tx: Tx, place: Place, now: Now) -> Iterator[AnyEffect]:
    """Tell keepers once a round that few questions of a deck are left; where it is small, nobody needs to know."""
    room, schedule = place.room, place.schedule
    round_, asked = this_round(tx, room, bag_of(schedule))
    day = local_at(now.at_ms, place.zone).date()
    whole = left(schedule.deck.prompts, (), tier_most=3, day=day)
    remaining = left(schedule.deck.prompts, asked, tier_most=3, day=day)
    control = place.control(tx)
    if control is None or not 0 < remaining <= min(LAST, whole // 4) or not _is_news(tx, place, round_):
        return
    with speaking(place.community.locale):
        said = ngettext(
            "In {room}, {n} question of “{deck}” is left. After it the deck begins anew, in another order.",
            "In {room}, {n} questions of “{deck}” are left. After them the deck begins anew, in another order.",
            remaining,
        ).format(room=room.name, n=remaining, deck=schedule.deck.title)
        how = _("New ones can be written into the deck, or come from members by `{prefix}suggest`.")
        body = content.notice(f"{said} {how.format(prefix=place.community.prefix)}")
    yield Send(step=f"ending:{room.community}/{room.key}:{bag_of(schedule)}:{round_}", room=control, content=body)


def _is_news(tx: Tx, place: Place, round_: int) -> bool:
    """Write down that keepers are told of a round; tells False where they were."""
    return (
        tx.run(
            "insert into ending (account, community, key, bag, round) values (:account, :community, :key, :bag, :round)"
            " on conflict (account, community, key, bag) do update set round = excluded.round"
            " where ending.round <> excluded.round",
            community=place.room.community,
            key=place.room.key,
            bag=bag_of(place.schedule),
            round=round_,
        )
        > 0
    )
