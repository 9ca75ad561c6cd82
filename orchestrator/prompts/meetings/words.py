"""What is said about meetings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from orchestrator.documents.declared import CALL, Meeting, Prompt, Room
from orchestrator.i18n import _, current_locale
from orchestrator.model.cadence import Span
from orchestrator.model.tally import MARK
from orchestrator.schedule.when import When, in_full

from .timetable import Session

YES = "✅"
MAYBE = "🤔"


def title(meeting: Meeting, room: Room) -> str:
    """Name a meeting: by its own title, or like its room."""
    return meeting.title or room.name


def when(session: Session, zone: tzinfo) -> str:
    """Say from when to when, in full."""
    return in_full(When(Span(session.start_ms, session.end_ms)), zone, current_locale())


def where(meeting: Meeting) -> str:
    """Say where people meet."""
    if not meeting.where:
        return _("Where: here in the room, in writing.")
    if meeting.where == CALL:
        return _("Where: in a call, here in the room.")
    # A full stop behind a link would be taken for a part of it.
    return _("Where: {place}").format(place=meeting.where)


def announced(session: Session, room: Room, zone: tzinfo) -> str:
    """Announce a meeting, and say how people can tell whether they come."""
    invitation = _(
        "If you like, tap {yes} if you are coming, or {maybe} if you might. You don't have to say: just coming is fine,"
        " and so is not coming."
    ).format(yes=YES, maybe=MAYBE)
    said = _("You are invited: **{title}**, {when}.").format(
        title=title(session.meeting, room), when=when(session, zone)
    )
    return "\n\n".join([said, where(session.meeting), invitation])


def reminder(session: Session, room: Room, zone: tzinfo, *, counted: bool = False) -> str:
    """Remind people of a meeting; ``counted``: with the place for how many are coming."""
    said = _("A little reminder: **{title}**, {when}.").format(
        title=title(session.meeting, room), when=when(session, zone)
    )
    return "\n\n".join([said, where(session.meeting), *([so_far()] if counted else [])])


def so_far() -> str:
    """Say how many are coming; the numbers are put in when it is sent."""
    # Translators: signs and numbers follow, such as: ✅ 4, 🤔 1
    return _("So far: {numbers}").format(numbers=MARK)


def opening(session: Session, room: Room, prompt: Prompt | None) -> str:
    """Begin a meeting, with its first question if there is one."""
    said = _("**{title}** begins now. It is good to have you here.").format(title=title(session.meeting, room))
    return "\n\n".join([said, where(session.meeting), *([] if prompt is None else [_question(prompt)])])


def closing(session: Session, room: Room, prompt: Prompt) -> str:
    """End a meeting with its last question."""
    said = _("**{title}** is coming to its end. One last question, for whoever likes:").format(
        title=title(session.meeting, room)
    )
    return f"{said}\n\n{_question(prompt)}"


def _question(prompt: Prompt) -> str:
    question = prompt.text.strip()
    # Stars around more than one line would be read as stars.
    asked = question if "\n" in question else f"**{question}**"
    if not prompt.note:
        return asked
    return _("_A word before: this one {note}._").format(note=prompt.note) + f"\n\n{asked}"


def cancelled(session: Session, room: Room, zone: tzinfo, following: Session | None) -> str:
    """Say that a meeting does not take place, and when the next one is."""
    said = _("**{title}**, {when}, does not take place.").format(
        title=title(session.meeting, room), when=when(session, zone)
    )
    return _and_next(said, following, zone)


def moved(name: str, at: str, zone: tzinfo, following: Session | None) -> str:
    """Say that there is no meeting at a time that people were told, and when the next one is."""
    said = _("The plan has changed: **{title}** is not on {when}.").format(title=name, when=at)
    return _and_next(said, following, zone)


def restored(session: Session, room: Room, zone: tzinfo) -> str:
    """Say that a meeting takes place after all."""
    said = _("**{title}**, {when}, takes place after all.").format(
        title=title(session.meeting, room), when=when(session, zone)
    )
    return f"{said}\n\n{where(session.meeting)}"


def _and_next(said: str, following: Session | None, zone: tzinfo) -> str:
    if following is None:
        return said
    return f"{said} " + _("The next one: {when}.").format(when=when(following, zone))


# -- answers -----------------------------------------------------------------------------------------------------------


def coming(name: str, lines: Sequence[tuple[Session, bool]], zone: tzinfo) -> str:
    """List the next sessions of a meeting, those that were called off as such."""
    said = []
    for session, off in lines:
        line = when(session, zone)
        said.append(_("- {when}: does not take place").format(when=line) if off else f"- {line}")
    return "\n\n".join([f"**{name}**", "\n".join(said), where(lines[0][0].meeting)])


def none_planned() -> str:
    """Say that nobody meets."""
    return _("No meeting is planned here.")


def for_keepers(prefix: str) -> str:
    """Say who may call a meeting off."""
    return _(
        "Whoever is keeping the room just now, or a lead, can call a meeting off. `{prefix}who` tells you who that is."
    ).format(prefix=prefix)


def which_room(prefix: str, keys: Sequence[str]) -> str:
    """Ask which room is meant."""
    return _(
        "Which room do you mean? Write its key first, like `{prefix}meeting {key} cancel`. There are: {keys}"
    ).format(prefix=prefix, key=keys[0], keys=", ".join(keys))


def which_one(sessions: Sequence[Session], zone: tzinfo) -> str:
    """Ask which meeting is meant, where none or several begin at what was said."""
    listed = "\n".join(f"- {when(one, zone)}" for one in sessions)
    return _("Which one do you mean? Please add its day and time. The next ones:") + f"\n\n{listed}"


def off_already(session: Session, zone: tzinfo, prefix: str) -> str:
    """Say that a meeting was called off before."""
    return _(
        "The one of {when} is called off already. For another one add its day, like `{prefix}meeting cancel 12 Dec`;"
        " `{prefix}meeting restore` brings this one back."
    ).format(when=when(session, zone), prefix=prefix)


def not_off() -> str:
    """Say that no meeting was called off that could be brought back."""
    return _("That meeting is not called off.")


def done(session: Session, room: Room, zone: tzinfo, *, off: bool) -> str:
    """Tell whoever called a meeting off, or brought it back, from elsewhere."""
    said = (
        _("Done: {title}, {when}, is called off, and I have said so in the room.")
        if off
        else _("Done: {title}, {when}, takes place after all, and I have said so in the room.")
    )
    return said.format(title=title(session.meeting, room), when=when(session, zone))


def how(prefix: str) -> str:
    """Say how the command is written."""
    return _(
        "Write `{prefix}meeting` for the next ones, `{prefix}meeting cancel` to call the next one off, or with its day, like"
        " `{prefix}meeting cancel 12 Dec`. `{prefix}meeting restore` brings it back."
    ).format(prefix=prefix)
