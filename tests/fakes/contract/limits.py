"""Rate limits in the ratios of a stock Synapse, however much faster: ten at once, then slowly."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from tests.fakes.contract.client import Client, Site, path, people
from tests.fakes.values import Json

Act: TypeAlias = Callable[[int], Awaitable[tuple[int, Any, Mapping[str, str]]]]

# Between two requests some of what was used comes back, on a real server.
_PATIENCE = 40


async def after_ten_at_once_one_is_told_how_long_to_wait(site: Site) -> None:
    (ana,) = await people(site, "ana")
    room = await ana.create()
    sent, answer, headers = await _until_limited(ana, _saying(ana, room))
    assert sent >= 9, "making the room was one of the ten"
    assert answer["errcode"] == "M_LIMIT_EXCEEDED"
    assert answer["retry_after_ms"] > 0
    assert headers["Retry-After"] == str(math.ceil(answer["retry_after_ms"] / 1000))


async def what_was_done_is_answered_again_whatever_the_limits(site: Site) -> None:
    (ana,) = await people(site, "ana")
    room = await ana.create()
    first = await ana.say(room, "hello", txn="t1")
    await _until_limited(ana, _saying(ana, room))
    assert await ana.say(room, "hello", txn="t1") == first


async def state_removals_and_redactions_come_from_the_same_ten(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    room = await ana.create(preset="public_chat")
    message = await ana.say(room, "hello")
    ban = path("rooms", room, "state", "m.room.member", bo.user_id)

    def act(number: int) -> Awaitable[tuple[int, Any, Mapping[str, str]]]:
        match number % 3:
            case 0:
                return ana.ask("PUT", path("rooms", room, "state", "m.room.topic"), {"topic": str(number)})
            case 1:
                return ana.ask("PUT", path("rooms", room, "redact", message, f"r{number}"), {})
            case _:
                return ana.ask("PUT", ban, {"membership": "ban", "reason": str(number)})

    sent, *_ = await _until_limited(ana, act)
    assert sent >= 8, "making the room and the message were two of the ten"


async def a_room_costs_one_whatever_is_in_it(site: Site) -> None:
    (ana,) = await people(site, "ana")
    state: list[Json] = [{"type": "org.example.thing", "state_key": str(n), "content": {}} for n in range(30)]
    for _ in range(3):
        room = await ana.create(initial_state=state)
    sent, *_ = await _until_limited(ana, _saying(ana, room))
    assert sent >= 7


async def too_many_invitations_with_a_room_are_refused_whole(site: Site) -> None:
    (ana,) = await people(site, "ana")
    many: list[Json] = [f"@person{n}:{site.server_name}" for n in range(11)]
    answer = await ana.refused(400, "M_UNKNOWN", "POST", "/createRoom", {"invite": many})
    assert answer["error"] == "Cannot invite so many users at once"
    assert (await ana.ok("GET", "/joined_rooms"))["joined_rooms"] == []


async def _until_limited(client: Client, act: Act) -> tuple[int, Any, Mapping[str, str]]:
    """Act until it is refused; returns how often it was not, the refusal and its headers."""
    for number in range(_PATIENCE):
        status, answer, headers = await act(number)
        if status == 429:
            return number, answer, headers
        assert status == 200, answer
    raise AssertionError(f"{client.user_id} was never limited")


def _saying(client: Client, room: str) -> Act:
    def say(number: int) -> Awaitable[tuple[int, Any, Mapping[str, str]]]:
        where = path("rooms", room, "send", "m.room.message", f"m{number}")
        return client.ask("PUT", where, {"msgtype": "m.text", "body": "hello"})

    return say


CLAUSES = (
    after_ten_at_once_one_is_told_how_long_to_wait,
    what_was_done_is_answered_again_whatever_the_limits,
    state_removals_and_redactions_come_from_the_same_ten,
    a_room_costs_one_whatever_is_in_it,
    too_many_invitations_with_a_room_are_refused_whole,
)
