"""``!help``: what somebody can ask, in short and by whom it is for; and one command with examples."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from orchestrator.i18n import N_, _
from orchestrator.model.feature import Command, Example
from orchestrator.model.roles import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks for help, and how commands begin where they ask.

    Attributes:
        role: what they may act as there, now.
        staff: they look after a room, on duty or not.
        direct: they ask in private.
    """

    role: Role
    staff: bool
    prefix: str
    direct: bool

    def can_use(self, command: Command) -> bool:
        """Tell whether a command would do something for them."""
        return command.needs <= self.role and (self.staff or not command.for_staff)


_GROUPS: Final = (
    N_("For everybody"),
    N_("For those who keep a room"),
    N_("While you are on duty"),
    N_("For leads"),
)


def listing(commands: Iterable[Command], asker: Asker) -> str:
    """List what somebody can ask, a line each."""
    mine = [one for one in commands if one.listed and one.name != "help" and asker.can_use(one)]
    if not mine:
        return _("There is nothing that you can ask me here.")
    groups: dict[str, list[Command]] = {}
    for command in sorted(mine, key=lambda one: (_place(one), not one.urgent, one.name)):
        groups.setdefault(_GROUPS[_place(command)], []).append(command)
    # The one of which there is most to say stands for all.
    fullest = max(mine, key=lambda one: len(_shown(one, asker)))
    intro = _("Here is what you can ask me. More about one of them: `{prefix}help {name}`")
    parts = [intro.format(prefix=asker.prefix, name=fullest.name)]
    for title, its in groups.items():
        lines = "\n".join(f"- `{_usage(one, asker)}`: {_(one.summary)}" for one in its)
        parts.append(lines if len(groups) == 1 else f"**{_(title)}**\n\n{lines}")
    if not asker.direct:
        parts.append(_("You can ask me all of this in private, too. I do not keep what you say."))
    return "\n\n".join(parts)


def explained(command: Command, asker: Asker) -> str:
    """Explain one command that somebody can use, with examples."""
    said = f"`{_usage(command, asker)}`: {_(command.summary)}"
    shown = _shown(command, asker)
    if not shown:
        return said
    lines = [f"- `{' '.join(filter(None, (asker.prefix + command.name, one.words)))}`: {_(one.does)}" for one in shown]
    return "\n\n".join([said, _("For example:"), "\n".join(lines)])


def not_for_you(asker: Asker) -> str:
    """Say of a command that it is for those who keep a room."""
    return _("That is for those who keep a room. `{prefix}help` shows what you can ask me.").format(prefix=asker.prefix)


def asked_about(
    args: Sequence[str], prefix: str, tables: Sequence[Mapping[str, tuple[str, Command]]]
) -> Sequence[Command]:
    """Find the commands that ``!help`` names; whoever writes behind it what belongs to none may be crying for help."""
    name = args[0].removeprefix(prefix).casefold() if args else ""
    found = [table[name][1] for table in tables if name in table]
    known = {
        word for one in found for said in (one.usage, *(each.words for each in one.examples)) for word in _words(said)
    }
    return found if known.issuperset(word.casefold() for word in args[1:]) else ()


def _words(said: str) -> list[str]:
    return re.findall(r"[\w@:.-]+", said.casefold())


def _shown(command: Command, asker: Asker) -> list[Example]:
    return [one for one in command.examples if one.needs <= asker.role]


def _place(command: Command) -> int:
    match command.needs:
        case Role.LEAD:
            return 3
        case Role.FACILITATOR:
            return 2
        case _:
            return int(command.for_staff)


def _usage(command: Command, asker: Asker) -> str:
    shown = command.usage if asker.role >= command.usage_for else ""
    return " ".join(filter(None, (asker.prefix + command.name, shown)))
