"""Words that somebody typed, read as a command, and answered with authority.

A command is ``!name words``, a mention of the bot with a name, or, in a direct room, a message that is clearly a command.
What is not clearly a command in a direct room belongs to ``belonging``, which listens.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.documents.declared import CONTROL_KEY, Community, Documents
from orchestrator.errors import Refusal
from orchestrator.i18n import N_, _, current_locale, speaking
from orchestrator.model import content, wording
from orchestrator.model.clock import DAY_MS, MINUTE_MS
from orchestrator.model.effects import AnyEffect, Priority, Send
from orchestrator.model.events import Message
from orchestrator.model.feature import Call, Command, Now, Role, Roster, Tx
from orchestrator.model.ids import CommunityKey, RoomKey
from orchestrator.store import bindings

from . import helping
from .authority import communities_of, role_of

STALE_MS = 2 * MINUTE_MS
"""After this long nobody waits for an answer any more."""

URGENT_MS = DAY_MS
"""So long somebody who asked for a person is still waiting for one."""

PER_MINUTE = 12
"""How many commands one person may give in a minute before the bot stops answering for a while."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A message read as a command: the name, and the words after it."""

    name: str = field(repr=False)
    args: tuple[str, ...] = field(repr=False)
    known: bool


class Commands:
    """The commands of all crafts, and ``!help``, which is the engine's own."""

    def __init__(self, documents: Documents, roster: Roster, commands: Iterable[tuple[str, Command]]) -> None:
        self._documents = documents
        self._roster = roster
        listed = list(commands)
        self._table: dict[str, tuple[str, Command]] = {c.name: (craft, c) for craft, c in listed if not c.in_reply}
        self._in_reply: dict[str, tuple[str, Command]] = {c.name: (craft, c) for craft, c in listed if c.in_reply}
        help_ = Command(
            name="help",
            usage="[COMMAND]",
            summary=N_("what you can ask me, or more about one command"),
            needs=Role.MEMBER,
            run=self._help,
        )
        self._table["help"] = ("engine", help_)

    @property
    def roster(self) -> Roster:
        """Who answers for what."""
        return self._roster

    @property
    def names(self) -> Sequence[str]:
        """Every command's name."""
        return sorted(self._table | self._in_reply)

    def read(self, tx: Tx, event: Message, now: Now) -> Words | None:
        """Read a message as a command; None when it is none, or stands where the bot takes no commands."""
        if event.kind != "m.text":
            return None
        direct = bindings.is_private(tx, event.room, event.sender, now.me)
        if not direct and bindings.binding_of(tx, event.room) is None:
            return None
        words = wording.read_command(
            event.body if event.reply_to is None else wording.without_quote(event.body),
            prefix=self.prefix_in(tx, event),
            names=self.names,
            direct=direct,
            mentioned=now.me in event.mentions,
            me=now.me,
        )
        if words is None:
            return None
        read = Words(name=words[0], args=words[1], known=words[0] in self.names)
        # What was corrected was asked before. But a misspelt call for a person was none yet.
        return None if event.edits is not None and not self._is_urgent(read) else read

    def patience_ms(self, words: Words) -> int:
        """Tell how late a command may be heard and still be wanted."""
        return URGENT_MS if self._is_urgent(words) else STALE_MS

    def answer(self, tx: Tx, event: Message, words: Words, now: Now) -> tuple[str, list[AnyEffect]]:
        """Decide what a command does; returns the craft that answers and its effects.

        A person who gives too many commands in a minute is told so once and then not answered for a while, so that
        the others are; but whoever asks for a person is heard.
        """
        call = self._call(tx, event, words, now)
        community = self._documents.community(call.community) if call.community is not None else None
        with speaking(community.locale if community is not None else current_locale()):
            if not words.known and not (near := self._near(words)):
                return "engine", []  # somebody else's bot, or a word with an exclamation mark: not ours to answer
            flood = ("command", event.sender)
            now.windows.stage(flood, now.at_ms, event.sender)
            recent = len(now.windows.since(flood, now.at_ms - MINUTE_MS))
            if recent > PER_MINUTE and not self._is_urgent(words):
                too_many = _("I can't keep up with so many at once. Please give me a minute, then ask me again.")
                return "engine", [self._say(event, too_many, now)] if recent == PER_MINUTE + 1 else []
            if not words.known:
                meant = _("Did you mean `{name}`?").format(name=f"{self._documents.prefix_in(call.community)}{near}")
                return "engine", [self._say(event, meant, now)]
            craft, command = self._meant(words, event)
            if call.role < command.needs and not (command.elsewhere and _names_another(call)):
                return "engine", [self._say(event, self._who_can(command, community), now, community)]
            try:
                effects = list(command.run(tx, call, now))
            except Refusal as refusal:
                return "engine", [self._say(event, refusal.message, now, community)]
            # Of a storm of calls for help each that is passed on is answered; the rest would say the same again.
            passed_on = any(effect.priority is Priority.SAFETY and effect.person is None for effect in effects)
            return craft, effects if recent <= PER_MINUTE or passed_on else []

    def _is_urgent(self, words: Words) -> bool:
        return words.known and words.name in self._table and self._table[words.name][1].urgent

    def _meant(self, words: Words, event: Message) -> tuple[str, Command]:
        """Find what a name means: alone under a message perhaps something about that message."""
        under = self._in_reply.get(words.name)
        if under is not None and (words.name not in self._table or (event.reply_to is not None and not words.args)):
            return under
        return self._table[words.name]

    def _call(self, tx: Tx, event: Message, words: Words, now: Now) -> Call:
        binding = bindings.binding_of(tx, event.room)
        community: CommunityKey | None
        key: RoomKey | None
        if binding is not None:
            community, key = binding.community, None if binding.key == bindings.SPACE_KEY else binding.key
        else:
            mine = communities_of(tx, self._documents, event.sender)
            community, key = (mine[0] if mine else None), None
        role = Role.MEMBER
        room = None
        if community is not None:
            role = role_of(tx, self._documents, self._roster, event.sender, community, key, now)
            room = bindings.bound_room(tx, community, bindings.SPACE_KEY if key is None else key)

        def role_at(other: RoomKey) -> Role:
            if community is None:
                return Role.MEMBER
            there = None if other == bindings.SPACE_KEY else other
            return role_of(tx, self._documents, self._roster, event.sender, community, there, now)

        return Call(
            name=words.name,
            args=words.args,
            event=event,
            direct=binding is None,
            role=role,
            community=community,
            room_key=key,
            room=room,
            role_at=role_at,
        )

    def _help(self, tx: Tx, call: Call, now: Now) -> list[AnyEffect]:
        del tx
        community = self._documents.community(call.community) if call.community is not None else None
        asker = self._asker(call)
        tables = (self._table, self._in_reply)
        named = helping.asked_about(call.args, asker.prefix, tables)
        if named:
            mine = [command for command in named if asker.can_use(command)]
            if mine:
                said = "\n\n".join(helping.explained(command, asker) for command in mine)
            elif named[0].needs <= call.role:
                said = helping.not_for_you(asker)
            else:
                said = self._who_can(named[0], community)
            return [self._say(call.event, said, now, community)]
        said = helping.listing([command for table in tables for _craft, command in table.values()], asker)
        if call.args:
            # Somebody may be asking for help, and not for a list.
            person = _(
                "If you would like a person to get in touch with you, write `{prefix}raise`, here or to me in private."
            )
            said = f"{person.format(prefix=asker.prefix)}\n\n{said}"
        return [self._say(call.event, said, now)]

    def _asker(self, call: Call) -> helping.Asker:
        user = call.event.sender
        staff = any(
            user in community.staff()
            for community in self._documents.communities
            if call.direct or community.key == call.community
        )
        return helping.Asker(
            role=call.role, staff=staff, prefix=self._documents.prefix_in(call.community), direct=call.direct
        )

    def _near(self, words: Words) -> str:
        return next(iter(difflib.get_close_matches(words.name.lower(), self.names, 1, 0.7)), "")

    def _who_can(self, command: Command, community: Community | None) -> str:
        if community is None:
            return _("I can do that only for someone who is in one of the rooms I look after.")
        if command.needs is Role.LEAD:
            leads = ", ".join(community.leads)
            return _("Only a lead can do that here. You can ask one of them: {leads}").format(leads=leads)
        said = _("Whoever is facilitating right now can do that. To see who it is, write `{prefix}who`.")
        return said.format(prefix=community.prefix)

    def _say(self, event: Message, text: str, now: Now, community: Community | None = None) -> AnyEffect:
        named = community.staff() if community is not None else ()
        return Send(
            step="answer",
            room=event.room,
            priority=Priority.REPLY,
            person=event.sender,
            expires_ms=now.at_ms + STALE_MS,
            content=content.reply(content.notice(text, people=named), to=event.id, thread=event.thread),
        )

    def prefix_in(self, tx: Tx, event: Message) -> str:
        """Tell what commands begin with where a message stands."""
        binding = bindings.binding_of(tx, event.room)
        return self._documents.prefix_in(binding.community if binding is not None else None)


def _names_another(call: Call) -> bool:
    """Tell whether a room has to be named that is not the one where a command was typed, or was named already."""
    return bool(call.args) or call.direct or call.room_key == CONTROL_KEY


def by_craft(crafts: Mapping[str, Sequence[Command]]) -> list[tuple[str, Command]]:
    """List every command with the craft that answers it."""
    return [(name, command) for name, commands in crafts.items() for command in commands]
