"""The tour: what a newcomer is shown, step by step, on a real homeserver with real encryption.

Each step waits for something that a member's own client can see. What did not come to pass is said and counted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from orchestrator.errors import CirclekeeperError, NotFound, Unreachable
from orchestrator.model.events import Event, Member, Message, Redaction, State
from orchestrator.model.ids import EventId, RoomId, UserId

from .homeserver import LocalHomeserver
from .member import PretendMember

ROOMS_WITHIN_S: Final = 45.0
WITHIN_S: Final = 30.0

SAD_WORDS: Final = "i don't see the point of anything any more. nobody would notice if i was gone"


@dataclass(frozen=True, slots=True)
class Cast:
    """Who and what the tour is about, as the documents name them.

    Attributes:
        keeper: the bot.
        lead: switches a rule on.
        others: further people the documents name.
        newcomers: two who are made up for the tour.
        space, control, circle: the rooms, once they exist.
        names: how each room is called.
        rule: the link rule; None where the circle's policy has none.
        prompts: the questions that may be asked.
    """

    keeper: UserId
    lead: UserId
    others: tuple[UserId, ...]
    newcomers: tuple[UserId, UserId]
    space: RoomId
    control: RoomId
    circle: RoomId
    names: Mapping[RoomId, str]
    rule: str | None
    norms: str
    prompts: Sequence[str]
    on_duty: tuple[UserId, ...]
    prefix: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the tour and what became of it."""

    name: str
    title: str
    done: bool
    seconds: float
    detail: str = ""


class Show(Protocol):
    """Shows the tour while it happens."""

    def step(self, step: Step) -> None:
        """A step is over."""
        ...

    def heard(self, where: str, who: str, what: str) -> None:
        """Somebody said something."""
        ...


@dataclass(slots=True)
class Tour:
    """Walks through everything once.

    Args:
        homeserver: the private one.
        directory: where the pretend members' keys live.
        passwords: of everybody.
        show: shows what happens.
        ask_soon: brings a question forward.
    """

    homeserver: LocalHomeserver
    directory: Path
    passwords: Mapping[UserId, str]
    show: Show
    ask_soon: Callable[[], Awaitable[None]]
    steps: list[Step] = field(default_factory=list)
    _shown: set[EventId] = field(default_factory=set)
    _names: Mapping[RoomId, str] = field(default_factory=dict)

    async def walk(self, cast: Cast) -> bool:
        """Do every step; tells whether all came to pass."""
        self._names = cast.names
        async with AsyncExitStack() as stack:
            people: dict[UserId, PretendMember] = {}
            for user in (cast.lead, *cast.others, *cast.newcomers):
                people[user] = await stack.enter_async_context(self._member(user))
            lead = people[cast.lead]
            cy, dee = (people[user] for user in cast.newcomers)
            await self._step("join", "People come in", self._come_in(cast, people))
            await self._step("norms", "The norms are pinned, and everybody can read them", self._read_norms(cast, dee))
            await self._step("duty", "Whoever keeps the circle is announced and given power", self._see_duty(cast, cy))
            await self._step("prompt", "A question is asked", self._see_prompt(cast, cy))
            await self._talk(cast, cy, dee)
            if cast.rule is not None:
                await self._step("rule", "A lead lets the link rule act", self._switch_rule(cast, lead, cast.rule))
                await self._step("remove", "A newcomer's link is removed and they are told why", self._link(cast, dee))
            await self._step("listen", "Somebody writes to the bot in distress", self._distress(cast, cy))
            await self._step("help", "Help is asked for and given", self._ask(cast, dee))
        return all(step.done for step in self.steps)

    @asynccontextmanager
    async def _member(self, user: UserId) -> AsyncIterator[PretendMember]:
        place = self.directory / user[1:].partition(":")[0]
        async with PretendMember(self.homeserver.url, user, self.passwords[user], place, self._hear) as member:
            yield member

    async def _step(self, name: str, title: str, work: Awaitable[str]) -> None:
        began = time.monotonic()
        try:
            detail, done = await work, True
        except CirclekeeperError as error:
            detail, done = str(error), False
        step = Step(name, title, done, round(time.monotonic() - began, 2), detail)
        self.steps.append(step)
        self.show.step(step)

    def _hear(self, event: Event) -> None:
        if isinstance(event, State | Member) or event.id in self._shown:
            return
        self._shown.add(event.id)
        where = self._names.get(event.room, "in private")
        who = event.sender[1:].partition(":")[0]
        if isinstance(event, Message):
            self.show.heard(where, who, event.body)
        elif isinstance(event, Redaction):
            self.show.heard(where, who, "(removed a message)")

    # -- the steps -----------------------------------------------------------------------------------------------------

    async def _come_in(self, cast: Cast, people: Mapping[UserId, PretendMember]) -> str:
        lead = people[cast.lead]
        for member in people.values():
            if member.user not in cast.newcomers:
                await _accept_invitations(member, cast)
        for member in people.values():
            if cast.space not in member.joined:
                await lead.invite(cast.space, member.user)
                await member.until(lambda m=member: cast.space in m.invited, "an invitation")  # type: ignore[misc]
                await member.join(cast.space)
            if cast.circle not in member.joined:
                await member.join(cast.circle)
        return f"{len(people)} people are in the space and the circle"

    async def _read_norms(self, cast: Cast, member: PretendMember) -> str:
        async def readable() -> bool:
            pins = (await member.state(cast.circle, "m.room.pinned_events")).get("pinned")
            for pin in pins if isinstance(pins, list) else []:
                event = await _read(member, cast.circle, EventId(str(pin)))
                if isinstance(event, Message) and cast.norms[:40] in event.body:
                    return True
            return False

        await _until(readable, "norms that a newcomer can read")
        return "pinned, and read by somebody who came after they were first posted"

    async def _see_duty(self, cast: Cast, member: PretendMember) -> str:
        async def has_power() -> bool:
            users = (await member.state(cast.circle, "m.room.power_levels")).get("users")
            levels = users if isinstance(users, dict) else {}
            return all(int(levels.get(user, 0)) >= 50 for user in cast.on_duty)

        await _until(has_power, "power for whoever is on duty")
        await member.say(cast.circle, f"{cast.prefix}who")
        await member.until(lambda: member.said(cast.circle, cast.keeper, cast.on_duty[0]), "to hear who is on duty")
        return ", ".join(cast.on_duty)

    async def _see_prompt(self, cast: Cast, member: PretendMember) -> str:
        def asked() -> str | None:
            return next((prompt for prompt in cast.prompts if member.said(cast.circle, cast.keeper, prompt)), None)

        await self.ask_soon()
        await member.until(asked, "a question")
        return asked() or ""

    async def _talk(self, cast: Cast, cy: PretendMember, dee: PretendMember) -> None:
        await cy.say(cast.circle, "My neighbour waved at me this morning. That was it, really. It was nice.")
        await dee.until(lambda: dee.said(cast.circle, cy.user, "neighbour"), "to hear it")
        await dee.say(cast.circle, "Me too, sort of. A dog came up to me at the bus stop.")

    async def _switch_rule(self, cast: Cast, lead: PretendMember, rule: str) -> str:
        asked = await lead.say(cast.control, f"{cast.prefix}rule {rule} enforce")
        await lead.until(lambda: _answer(lead, cast.keeper, asked), "an answer to the lead")
        found = _answer(lead, cast.keeper, asked)
        return found.body if found is not None else ""

    async def _link(self, cast: Cast, member: PretendMember) -> str:
        link = await member.say(cast.circle, "look at this https://spam.example/win-a-prize")
        await member.until(
            lambda: any(isinstance(event, Redaction) and event.target == link for event in member.events),
            "the link to be removed",
        )
        told = await _private_word(member, cast)
        return told.body

    async def _distress(self, cast: Cast, member: PretendMember) -> str:
        room = await member.direct(cast.keeper)
        await member.say(room, SAD_WORDS)
        await member.until(lambda: member.said(room, cast.keeper), "an answer")
        found = member.said(room, cast.keeper)
        return found.body if found is not None else ""

    async def _ask(self, cast: Cast, member: PretendMember) -> str:
        asked = await member.say(cast.circle, f"{cast.prefix}help")
        await member.until(lambda: _answer(member, cast.keeper, asked), "an answer to help")
        found = _answer(member, cast.keeper, asked)
        return found.body if found is not None else ""


async def _accept_invitations(member: PretendMember, cast: Cast) -> None:
    """Come to the rooms that the bot asks its keepers into; not everybody is asked into every room."""
    for room in (cast.control, cast.space):
        if room in member.joined:
            continue
        try:
            await member.until(lambda r=room: r in member.invited, "an invitation", seconds=10)  # type: ignore[misc]
        except Unreachable:
            if room == cast.control or member.user == cast.lead:
                raise
            continue
        await member.join(room)


async def _private_word(member: PretendMember, cast: Cast) -> Message:
    await member.until(lambda: member.invited, "the bot's private invitation")
    room = min(member.invited)
    await member.join(room)
    await member.until(lambda: member.said(room, cast.keeper), "a private word")
    told = member.said(room, cast.keeper)
    if told is None:
        raise NotFound("The private word was there and is gone.")
    return told


def _answer(member: PretendMember, keeper: UserId, asked: EventId) -> Message | None:
    for event in member.events:
        if isinstance(event, Message) and event.sender == keeper and event.reply_to == asked:
            return event
    return None


async def _read(member: PretendMember, room: RoomId, event: EventId) -> Event | None:
    try:
        return await member.event(room, event)
    except NotFound:
        return None


async def _until(true: Callable[[], Awaitable[bool]], what: str, *, seconds: float = WITHIN_S) -> None:
    """Ask again and again until something is so."""
    until = time.monotonic() + seconds
    while not await true():
        if time.monotonic() > until:
            raise Unreachable(f"We waited {seconds:.0f} seconds for {what}, and it did not come.")
        await asyncio.sleep(0.2)
