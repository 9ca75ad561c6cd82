"""What keepers are told about the questions of a room, in the language that is spoken just now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time

from orchestrator.documents.declared import Community, Prompt, Room
from orchestrator.i18n import _
from orchestrator.schedule import local_at
from orchestrator.schedule.when import day_in_full, moment_in_full, moment_in_short

from .gates import reason
from .slots import Filled


def moment(community: Community, at_ms: int) -> str:
    """Say a moment in full, on the community's clock."""
    return moment_in_full(local_at(at_ms, community.zone), community.locale)


def short(community: Community, at_ms: int) -> str:
    """Say a moment in a list."""
    return moment_in_short(local_at(at_ms, community.zone), community.locale)


def until(community: Community, at_ms: int) -> str:
    """Say until when; a day where it ends as the day begins."""
    local = local_at(at_ms, community.zone)
    if local.time() == time():
        return day_in_full(local.date(), community.locale)
    return moment_in_full(local, community.locale)


# -- what is, and what was -----------------------------------------------------------------------------------------------


def quoted(prompt: Prompt) -> str:
    """Write a question as it stands in its deck, with what one ought to know before."""
    lines = [f"> {line}" if line.strip() else ">" for line in prompt.text.strip().splitlines()]
    if prompt.note:
        lines += ["", _("(A word goes before it: {note}.)").format(note=prompt.note)]
    return "\n".join(lines)


def upcoming(room: Room, due_ms: int, prompt: Prompt, community: Community) -> str:
    """Say what is asked next."""
    said = _("Next in {room}, on {when}:").format(room=room.name, when=moment(community, due_ms))
    return f"{said}\n\n{quoted(prompt)}"


def will_pass(room: Room, due_ms: int, community: Community) -> str:
    """Say that the next slot asks nothing, because somebody wanted that."""
    return _(
        "Nothing is asked in {room} on {when}: somebody let it pass. To have it asked after all, write"
        " `{prefix}prompt resume`."
    ).format(room=room.name, when=moment(community, due_ms), prefix=community.prefix)


def none_then(room: Room, due_ms: int, community: Community) -> str:
    """Say that the deck holds nothing for the next slot."""
    return _("The next question in {room} is due on {when}, but its deck holds none for that day.").format(
        room=room.name, when=moment(community, due_ms)
    )


def nothing_planned(room: Room) -> str:
    """Say that nothing comes."""
    return _("Nothing is planned to be asked in {room}.").format(room=room.name)


def line(at_ms: int, prompt: Prompt, community: Community) -> str:
    """Write a question of a list."""
    text = " ".join(prompt.text.split())
    return _("- {when}: {question}").format(when=short(community, at_ms), question=text)


def coming(room: Room, lines: Sequence[str]) -> str:
    """List what comes."""
    said = _("Coming up in {room}, as far as I can tell now:").format(room=room.name)
    return "\n".join([said, "", *lines])


def what_became(room: Room, filled: Sequence[Filled], community: Community) -> str:
    """Say what became of the last few slots."""
    if not filled:
        return _("Nothing has been due in {room} yet.").format(room=room.name)
    lines = [
        _("- {when}: {outcome}").format(when=short(community, one.due_ms), outcome=_outcome(one.outcome))
        for one in filled
    ]
    return "\n".join([_("What became of the last questions in {room}:").format(room=room.name), "", *lines])


def _outcome(outcome: str) -> str:
    kind, _colon, why = outcome.partition(":")
    match kind:
        case "done":
            return _("asked")
        case "claimed":
            return _("on its way")
        case "passed":
            because = reason(why.strip())
            return _("not asked: {reason}").format(reason=because) if because else _("not asked")
        case "expired":
            return _("not asked: the homeserver did not take it in time")
        case _:
            return _("not asked: the homeserver did not take it")


# -- what was changed ----------------------------------------------------------------------------------------------------


def asked_now(room: Room, following_ms: int | None, community: Community) -> str:
    """Say that a question is on its way, and that the next one comes all the same."""
    said = _("I am asking it in {room}.").format(room=room.name)
    if following_ms is None:
        return said
    then = _("The next one comes by itself on {when}; `{prefix}prompt skip` lets that one pass.")
    return f"{said} {then.format(when=moment(community, following_ms), prefix=community.prefix)}"


def sure(room: Room, why: str) -> str:
    """Ask whether a question is wanted at a moment that may not be a good one."""
    if why == "just_now":
        return _("A question was asked in {room} just now. Shall I ask another one?").format(room=room.name)
    if why == "paused":
        return _("Questions are paused in {room}. Shall I ask one all the same?").format(room=room.name)
    if why == "quiet_hours":
        return _("It is in the quiet hours of {room}. Shall I ask all the same?").format(room=room.name)
    # The same words whatever it is: who raised a hand about whom is not for everybody.
    return _("This may not be a good moment for a question in {room}. Shall I ask all the same?").format(room=room.name)


def left() -> str:
    """Say that nothing was done."""
    return _("All right, I leave it.")


def skipped(community: Community, room: Room, due_ms: int, following_ms: int | None) -> str:
    """Say that a slot passes, and when the next one comes."""
    said = _("Nothing will be asked in {room} on {when}.").format(room=room.name, when=moment(community, due_ms))
    if following_ms is not None:
        said += " " + _("The next question comes on {when}.").format(when=moment(community, following_ms))
    return said + " " + _("`{prefix}prompt resume` takes that back.").format(prefix=community.prefix)


def paused(room: Room, community: Community, until_ms: int) -> str:
    """Say that questions rest, and until when."""
    return _("No questions in {room} until {when}. `{prefix}prompt resume` takes that back.").format(
        room=room.name, when=until(community, until_ms), prefix=community.prefix
    )


def paused_now(room: Room, community: Community, until_ms: int) -> str:
    """Say that there is a pause."""
    return _("Questions are paused in {room} until {when}.").format(room=room.name, when=until(community, until_ms))


def resumed(room: Room, community: Community, following_ms: int | None) -> str:
    """Say that questions go on."""
    if following_ms is None:
        return _("Questions go on in {room}.").format(room=room.name)
    return _("Questions go on in {room}. The next one comes on {when}.").format(
        room=room.name, when=moment(community, following_ms)
    )


# -- what cannot be ------------------------------------------------------------------------------------------------------


def how(prefix: str) -> str:
    """Say what one can write."""
    return _(
        "You can write `{prefix}prompt` with one of these words behind it: next, list, why, now, skip, swap, pause 3d,"
        " resume. `{prefix}help prompt` says what each does."
    ).format(prefix=prefix)


def how_long(prefix: str) -> str:
    """Ask for how long."""
    return _(
        "For how long? Write for example `{prefix}prompt pause 3d`, or `{prefix}prompt pause until fri`; a year at most."
    ).format(prefix=prefix)


def for_keepers(prefix: str) -> str:
    """Say no to somebody who does not keep a room."""
    return _(
        "This is for the people who keep a room. If you have a question for the circle, you can write me"
        " `{prefix}suggest` in private."
    ).format(prefix=prefix)


def off_duty(prefix: str) -> str:
    """Say no to somebody who is not on duty."""
    return _(
        "Whoever is on duty there can change that, and the leads. If nobody else is there, `{prefix}take now` puts you on"
        " duty."
    ).format(prefix=prefix)


def which_community() -> str:
    """Ask which community is meant."""
    return _("You are in more than one community. Please write that in a room of the one you mean.")


def which_room(prefix: str, keys: Sequence[str]) -> str:
    """Ask which room is meant."""
    listed = ", ".join(f"`{key}`" for key in keys)
    return _("Which room do you mean: {rooms}? Add it at the end, such as `{prefix}prompt next {key}`.").format(
        rooms=listed, prefix=prefix, key=keys[0]
    )


def none_asked(community: Community) -> str:
    """Say that no room is asked anything."""
    return _("No room of {community} is asked questions.").format(community=community.name)


def none_asked_here() -> str:
    """Say that this room is not asked anything."""
    return _("I ask no questions in this room.")


def no_room_yet() -> str:
    """Say that there is no room yet."""
    return _("That room is not made yet.")


def locked(room: Room) -> str:
    """Say that a room is closed."""
    return _("{room} is closed for a while, and nobody could answer.").format(room=room.name)


def none_left(room: Room) -> str:
    """Say that there is nothing to ask."""
    return _("The deck of {room} holds no question that I could ask now.").format(room=room.name)


def no_other(room: Room) -> str:
    """Say that there is no other question."""
    return _("The deck of {room} holds no other question just now, so this one stays.").format(room=room.name)


def not_paused(room: Room) -> str:
    """Say that there is nothing to take back."""
    return _("Questions are not paused in {room}, and none is skipped.").format(room=room.name)
