"""``circlekeeper apply``: makes rooms what the files say, after it was shown and agreed to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal, TypeAlias

from orchestrator.changing.counting import remaining
from orchestrator.changing.order import Order
from orchestrator.changing.outcome import why_not
from orchestrator.errors import SetupError
from orchestrator.model.ids import CommunityKey, Json, JsonObject
from orchestrator.planning import Onlooker, Outlook, bot_runs, looking
from orchestrator.rooms import EXISTS, Change, Choices, State

from .adopt import take_declared
from .hands import Hands, OwnBot, RunningBot, own_bot
from .naming import find_rooms, phrase_for, phrase_of, said
from .showing import as_json, in_words
from .terminal import Screen, agrees, ask, can_ask, how_long

LOOK_S: Final = 0.5

Objects: TypeAlias = list[dict[str, Json]]

STALE: Final = (
    "Something has changed since that plan was made, so nothing was done. Look again with 'circlekeeper plan', and use"
    " the digest that it ends with."
)
NOT_AGREED: Final = (
    "Nothing was done, because nobody was asked. Look at 'circlekeeper plan' first and pass the digest that it ends with"
    " (--digest), or say --yes to apply whatever it is."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What was typed behind ``apply``.

    Attributes:
        digest: of the plan that was seen.
        yes: apply whatever the plan is.
        rooms: only these.
        phrases: what was said of changes that can never be undone.
        choices: everything else.
    """

    digest: str | None = None
    yes: bool = False
    rooms: Sequence[str] = ()
    phrases: Sequence[str] = ()
    choices: Choices = field(default_factory=Choices)
    as_json: bool = False


async def apply(config_path: Path, wishes: Wishes) -> int:
    """Show, ask, apply and wait; returns the exit code: 0 when all is done, 1 when something could not be."""
    screen = Screen(as_json=wishes.as_json)
    async with looking(config_path) as onlooker:
        data_dir = onlooker.loaded.config.data_dir
        running = await bot_runs(data_dir)
        only = find_rooms(onlooker.loaded.documents, wishes.rooms)
        outlook = await onlooker.plan(only)
        unfinished = not running and await _unfinished(onlooker)
    screen.event("plan", **as_json(outlook, only))
    if wishes.digest is not None and wishes.digest != outlook.digest:
        raise SetupError(STALE)
    if not outlook.changes(only) and not unfinished:
        screen.say("Everything is as your files say. There is nothing to do.")
        screen.event("result", ok=True, done=[], left=[], refused=[], failed=[])
        return 0
    order = await _agreed(outlook, only, wishes, screen)
    order, outlook, taken, kept_out = await _take_over(config_path, order, outlook, only, wishes, screen)
    if running:
        return await _carry_out(RunningBot(data_dir), order, screen, made=taken, missing=kept_out)
    async with own_bot(config_path) as bot:
        order, made, missing = await _anew(bot, order, outlook, screen)
        return await _carry_out(bot, order, screen, made=[*taken, *made], missing=[*kept_out, *missing])


async def _take_over(
    config_path: Path, order: Order, outlook: Outlook, only: frozenset[str] | None, wishes: Wishes, screen: Screen
) -> tuple[Order, Outlook, Objects, Objects]:
    """Take over the rooms that somebody else made and of which the files say so; they stay as they are.

    Returns:
        what else was agreed to, in the plan as it is by then; the rooms that were taken over, and what could not be done.
    """

    def seen_in(one: Outlook) -> dict[tuple[str, str], Change]:
        return {(community.key, change.name): change for community, change in one.changes(only)}

    agreed = seen_in(outlook)
    others = {name for name, change in agreed.items() if (change.path, change.state) == (EXISTS, State.ADOPT)}
    if not others:
        return order, outlook, [], []
    rooms = frozenset(f"{community}/{agreed[community, name].room}" for community, name in others)
    taken = await take_declared(config_path, rooms, screen.say, yes=wishes.yes or wishes.digest is not None)
    done: Objects = []
    left: Objects = []
    for community, name in sorted(others):
        change = agreed[community, name]
        why = taken.left.get(f"{community}/{change.room}")
        if why is None:
            done.append(dict(change.as_json()))
        else:
            left.append({**change.as_json(), "why": why})
    async with looking(config_path) as onlooker:
        later = await onlooker.plan(only)
    now = seen_in(later)
    names: dict[str, set[str]] = {key: set() for key in order.communities or ()}
    for community, name in agreed.keys() - others:
        names[community].add(name)
        if (community, name) in now and now[community, name].as_json() != agreed[community, name].as_json():
            names[community].discard(name)
            why = "It is another change by now. Look again with 'circlekeeper plan'."
            left.append({**agreed[community, name].as_json(), "why": why})
    rest = replace(order, digest=None, names={key: frozenset(chosen) for key, chosen in names.items()})
    return rest, later, done, left


async def _agreed(outlook: Outlook, only: frozenset[str] | None, wishes: Wishes, screen: Screen) -> Order:
    """Find out what is meant.

    Raises:
        SetupError: nobody agreed.
    """
    changes = outlook.changes(only)
    asks = can_ask() and not wishes.as_json
    if wishes.digest is None:
        screen.say(*in_words(outlook, only))
        if not wishes.yes and not (asks and await agrees("Shall this be done?")):
            raise SetupError(NOT_AGREED if not asks else "Nothing was done.")
    one_way: set[str] = set()
    for _community, change in changes:
        if change.state is State.ONE_WAY:
            phrase = phrase_of(change)
            agreed = said(phrase, wishes.phrases)
            if not agreed and asks:
                typed = await ask(f'{change.name} can never be undone. If you mean it, type "{phrase}":')
                agreed = said(phrase, [typed])
            if agreed:
                one_way.add(change.name)
    names: dict[str, frozenset[str]] | None = None
    if only is not None:
        names = {
            whole.community.key: frozenset(
                change.name for community, change in changes if community.key == whole.community.key
            )
            for whole in outlook.plans
        }
    return Order(
        digest=outlook.digest,
        communities=frozenset(whole.community.key for whole in outlook.plans),
        names=names,
        choices=replace(wishes.choices, one_way=frozenset(one_way)),
    )


async def _unfinished(onlooker: Onlooker) -> bool:
    """Tell whether something that was applied before is still on its way."""
    for community in onlooker.loaded.documents.communities:
        if await onlooker.rows(community).run(remaining, community):
            return True
    return False


async def _anew(bot: OwnBot, order: Order, outlook: Outlook, screen: Screen) -> tuple[Order, Objects, Objects]:
    """Begin with the rooms that are missing, which a bot makes by itself; what else was agreed to follows.

    With rooms that were made meanwhile, or with what /sync has told since, the plan has another digest. What is applied
    then is what was agreed to, and nothing that was not seen.

    Returns:
        what is to be applied, the rooms that were made, and those that could not be.

    Raises:
        SetupError: something else is planned by now than what was agreed to.
    """
    communities = order.communities or frozenset()
    first = Order(communities=communities, names=dict.fromkeys(communities, frozenset()))
    await _watch(bot, _begun(await bot.apply(first), screen), screen)
    seen = {(whole.community.key, change.name): change for whole in outlook.plans for change in whole.plan.differences}
    asked = {
        name for name in seen if order.names is None or name[1] in order.names.get(CommunityKey(name[0]), frozenset())
    }
    created = {name for name in seen if seen[name].state is State.CREATE}
    names: dict[str, set[str]] = {key: set() for key in communities}
    missing: Objects = []
    for community in bot.app.loaded.documents.communities:
        for change in await bot.beside(bot.app.changing.differences(community)) if community.key in communities else ():
            name = (community.key, change.name)
            if name in created and change.state is State.CREATE:
                missing.append({**change.as_json(), "why": why_not(change)})
                created.discard(name)
            elif name in asked and seen[name].as_json() == change.as_json():
                names[community.key].add(change.name)
            elif name in asked:
                raise SetupError(STALE)
    made: Objects = [dict(seen[name].as_json()) for name in sorted(created)]
    wanted = Order(
        communities=communities,
        names={key: frozenset(chosen) for key, chosen in names.items()},
        choices=order.choices,
    )
    return wanted, made, missing


def _begun(begun: JsonObject, screen: Screen) -> JsonObject:
    total, estimate_ms = _number(begun, "total"), _number(begun, "estimate_ms")
    screen.event("begun", digest=begun.get("digest"), total=total, estimate_ms=estimate_ms)
    if total:
        screen.say(f"{total} {'thing' if total == 1 else 'things'} to do, {how_long(estimate_ms)}.")
    return begun


async def _carry_out(
    hands: Hands, order: Order, screen: Screen, *, made: Objects | None = None, missing: Objects | None = None
) -> int:
    try:
        begun = _begun(await hands.apply(order), screen)
        ended = await _watch(hands, begun, screen)
    except asyncio.CancelledError:
        screen.say(
            "The bot goes on with it by itself."
            if hands.resumes
            else "Stopped. What was begun is kept; the next apply, or the bot, goes on with it."
        )
        raise
    return _report(begun, ended, hands, screen, made or [], missing or [], take=order.choices.take)


async def _watch(hands: Hands, begun: JsonObject, screen: Screen) -> JsonObject:
    while True:
        now = await hands.progress(str(begun.get("ticket")))
        screen.progress(
            _number(now, "left"),
            _number(now, "total"),
            _number(now, "estimate_ms"),
            reachable=now.get("reachable") is not False,
        )
        if now.get("finished") is True:
            return now
        await asyncio.sleep(LOOK_S)


def _report(  # everything that there is to say at the end
    begun: JsonObject,
    ended: JsonObject,
    hands: Hands,
    screen: Screen,
    made: Objects,
    missing: Objects,
    *,
    take: str | None,
) -> int:
    done, left, refused = (_gathered(begun, part) for part in ("done", "left", "refused"))
    done = [*made, *done]
    failed, waiting = [*missing, *_objects(ended.get("failed"))], _number(ended, "left")
    let_be = _LET_BE | ({State.CONFLICT.value} if take == "theirs" else frozenset())
    missed = [one for one in left if one.get("state") not in let_be]
    ok = not (missed or refused or failed or waiting)
    screen.event("result", ok=ok, done=done, left=left, refused=refused, failed=failed, waiting=waiting)
    kept = [one for one in done if not any(_name(one) == _name(other) for other in failed)]
    if kept:
        screen.say(f"Done: {len(kept)} {'change' if len(kept) == 1 else 'changes'}.")
    elif ok:
        screen.say("Done.")
    for one in refused:
        screen.say(f"Refused: {one.get('reason')}")
    for one in failed:
        screen.say(f"Not done: {_name(one)}: {one.get('why')}")
    for one in left:
        verdict = "Not done" if one.get("state") not in let_be else "Left as it is"
        screen.say(f"{verdict}: {_name(one)}: {_reason(one)}")
    if waiting:
        screen.say(
            f"{waiting} {'thing is' if waiting == 1 else 'things are'} still on the way: the homeserver has not taken"
            f" {'it' if waiting == 1 else 'them'} yet. "
            + ("The bot goes on trying." if hands.resumes else "It is kept; the next apply, or the bot, goes on.")
        )
    return 0 if ok else 1


_LET_BE: Final = frozenset({State.DRIFT.value, State.ORPHAN.value, State.NO_OP.value, State.CONVERGED.value})
"""What nobody asked to be done is no failure."""


def _gathered(begun: JsonObject, part: Literal["done", "left", "refused"]) -> Objects:
    communities = _objects(begun.get("communities"))
    several = len(communities) > 1
    return [
        {**({"community": one.get("community")} if several else {}), **entry}
        for one in communities
        for entry in _objects(one.get(part))
    ]


def _objects(value: Json) -> Objects:
    return [dict(one) for one in value if isinstance(one, Mapping)] if isinstance(value, list | tuple) else []


def _name(one: Mapping[str, Json]) -> str:
    return f"{one.get('room')}/{one.get('path')}"


def _reason(one: Mapping[str, Json]) -> str:
    if one.get("state") == State.ONE_WAY.value:
        phrase = phrase_for(str(one.get("room")), str(one.get("path")))
        return f'This can never be undone, and needs --one-way "{phrase}".'
    return str(one.get("why"))


def _number(answer: JsonObject, key: str) -> int:
    value = answer.get(key)
    return value if isinstance(value, int) else 0
