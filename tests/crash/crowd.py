"""The people of the community, who go on talking whatever becomes of the bot, and who remember what it owes them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from orchestrator.model.ids import EventId, RoomId, UserId
from tests.crash.grove import SPARE_RULE, Grove
from tests.real.bot import PASSWORD, come_in
from tests.real.encrypted_person import EncryptedPerson
from tests.real.people import People

NAMES = ("cy", "dee", "eli", "fay")
TALKING = ("plain", "sealed")
COMMANDS = ("!norms", "!help", "!who")
ASK_EVERY_S = 8.0
"""A person who asks more often than that is asked to wait, which would not be a lost answer."""

SYNC_MS = 2_000


@dataclass(slots=True)
class Said:
    """What was said that the bot owes something for. ``stretch`` names the part of the run, for the report.

    Attributes:
        links: messages to be removed, and the stretch in which each was said.
        questions: commands to be answered once, in their room.
        hands: who raised a hand, once each.
        mode: what the spare rule was last switched to.
        whispers: direct rooms that members opened, to say more than once, and in one breath, that they are sad.
    """

    links: dict[EventId, str] = field(default_factory=dict)
    questions: dict[EventId, str] = field(default_factory=dict)
    hands: set[UserId] = field(default_factory=set)
    whispers: dict[RoomId, EncryptedPerson] = field(default_factory=dict)
    rooms: dict[EventId, RoomId] = field(default_factory=dict)
    chatter: int = 0
    mode: str = "enforce"
    stretch: str = "the start"


class Crowd:
    """A lead and some members, all with clients that encrypt.

    Args:
        lead: answers for the community.
        members: the others.
        grove: where they live.
        rooms: its rooms by key.
        rng: what they say, where and when.
    """

    def __init__(
        self,
        lead: EncryptedPerson,
        members: Sequence[EncryptedPerson],
        grove: Grove,
        rooms: Mapping[str, RoomId],
        rng: random.Random,
    ) -> None:
        self.lead = lead
        self.members = list(members)
        self.grove = grove
        self.rooms = rooms
        self.said = Said()
        self._rng = rng
        self._over = asyncio.Event()
        self._number = self._newcomers = self._asked = 0
        self._asked_s: dict[UserId, float] = {}

    @property
    def everybody(self) -> list[EncryptedPerson]:
        """The lead and the members."""
        return [self.lead, *self.members]

    # -- what they say -------------------------------------------------------------------------------------------------

    async def link(self, person: EncryptedPerson, key: str) -> EventId:
        """Post a link, which is to be removed."""
        self._number += 1
        event = await person.say(self.rooms[key], f"look at https://spam.example/{self._number}")
        self.said.links[event] = self.said.stretch
        self.said.rooms[event] = self.rooms[key]
        return event

    async def chat(self, person: EncryptedPerson, key: str) -> EventId:
        """Say something harmless."""
        self._number += 1
        self.said.chatter += 1
        return await person.say(self.rooms[key], f"This is sentence number {self._number}.")

    async def ask(self, person: EncryptedPerson, key: str, command: str) -> EventId:
        """Give a command, which is to be answered."""
        event = await person.say(self.rooms[key], command)
        self.said.questions[event] = self.said.stretch
        self.said.rooms[event] = self.rooms[key]
        return event

    async def raise_hand(self, person: EncryptedPerson, key: str) -> None:
        """Ask to be contacted."""
        await person.say(self.rooms[key], "!raise 2")
        self.said.hands.add(person.user_id)

    async def whisper(self) -> None:
        """Let a member who has not yet done so open a direct room and say there how it is; then it is the next one's turn.

        The bot may not be there to come in. Whoever whispered before goes on.
        """
        for room, person in self.said.whispers.items():
            await person.say(room, "I still feel so alone.")
        if len(self.said.whispers) < len(self.members):
            person = self.members[len(self.said.whispers)]
            room = await person.create_room(
                invite=[self.grove.keeper], preset="trusted_private_chat", is_direct=True, encrypted=True
            )
            self.said.whispers[room] = person
            await person.say(room, "I feel so alone today.")

    async def switch(self) -> EventId:
        """Let the lead switch the spare rule to the other mode; what she says last counts."""
        self.said.mode = "observe" if self.said.mode == "enforce" else "enforce"
        return await self.ask(self.lead, "plain", f"!rule {SPARE_RULE} {self.said.mode}")

    def next_newcomer(self) -> EncryptedPerson:
        """Choose somebody who has not said anything yet that the bot would write to them for."""
        self._newcomers += 1
        return self.members[-self._newcomers]

    def next_to_ask(self) -> EncryptedPerson:
        """Choose who asks next: of five answers that wait for one person, a sixth is dropped, and rightly so."""
        self._asked += 1
        return self.members[self._asked % len(NAMES)]

    async def name_facilitator(self) -> None:
        """Let the files name somebody new as a facilitator, for the bot to read when it starts."""
        name = f"vee-{len(self.grove.facilitators)}-{self.lead.user_id[5:13]}"
        self.grove.facilitators.append(await self.grove.homeserver.register(name, PASSWORD))
        self.grove.write()

    async def burst(self, key: str, count: int) -> int:
        """All talk at once in a room; one message in five calls for a removal. Returns how many messages it was."""

        async def one(number: int) -> None:
            person = self.members[number % len(self.members)]
            await (self.link if number % 5 == 0 else self.chat)(person, key)

        await asyncio.gather(*(one(number) for number in range(count)))
        return count

    # -- how they live -------------------------------------------------------------------------------------------------

    async def come_in(self) -> None:
        """Enter the community."""
        await come_in(self.lead, self.rooms, self.everybody, *TALKING)
        control = self.rooms["control"]
        await self.lead.until(lambda: control in self.lead.rooms or None, "the control room")
        await self.lead.join(control)

    @asynccontextmanager
    async def living(self, *, talking: bool = True) -> AsyncIterator[None]:
        """Let everybody listen, and the members talk, while the context lasts; they finish what they are at."""
        self._over.clear()
        async with asyncio.TaskGroup() as tasks:
            for person in self.everybody:
                tasks.create_task(self._listen(person))
            for member in self.members if talking else ():
                tasks.create_task(self._talk(member))
            yield
            self._over.set()

    async def catch_up(self) -> None:
        """Let everybody's client see everything there is, keys included."""
        for person in self.everybody:
            while await person.sync() or await self._accept(person):
                pass

    async def _talk(self, person: EncryptedPerson) -> None:
        while not self._over.is_set():
            key = self._rng.choice(TALKING)
            chance = self._rng.random()
            if chance < 0.45:
                await self.link(person, key)
            elif chance < 0.6 and self._may_ask(person):
                if person.user_id not in self.said.hands and self._rng.random() < 0.2:
                    await self.raise_hand(person, key)
                else:
                    await self.ask(person, key, self._rng.choice(COMMANDS))
            else:
                await self.chat(person, key)
            # People do not speak without a pause.
            await self._pause(self._rng.uniform(0.2, 1.2))

    def _may_ask(self, person: EncryptedPerson) -> bool:
        now_s = asyncio.get_running_loop().time()
        if now_s - self._asked_s.get(person.user_id, -ASK_EVERY_S) < ASK_EVERY_S:
            return False
        self._asked_s[person.user_id] = now_s
        return True

    async def _listen(self, person: EncryptedPerson) -> None:
        while not self._over.is_set():
            await person.sync(SYNC_MS)
            await self._accept(person)

    async def _accept(self, person: EncryptedPerson) -> bool:
        """Come where the bot asks one to."""
        asked = [room for room, known in person.rooms.items() if known.membership == "invite"]
        for room in asked:
            await person.join(room)
            person.rooms[room].membership = "join"
        return bool(asked)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._over.wait()
        except TimeoutError:
            return


async def gather_crowd(
    people: People, grove: Grove, lead: EncryptedPerson, rng: random.Random, names: Sequence[str] = NAMES
) -> Crowd:
    """Bring the lead and some members into a community, as soon as its rooms are there."""
    members = [await people.encrypted(grove.homeserver, name) for name in names]
    crowd = Crowd(lead, members, grove, await grove.until_rooms(), rng)
    # Who comes at the very moment at which something is said in a sealed room cannot read it; that is nobody's fault.
    await grove.until_settled()
    await crowd.come_in()
    return crowd
