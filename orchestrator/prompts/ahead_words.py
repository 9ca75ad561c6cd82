"""What keepers are shown of questions to come, in the language that is spoken just now."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.documents.declared import Community, Prompt, Room
from orchestrator.i18n import _
from orchestrator.model.ids import UserId

from .hand_words import moment, quoted, short


def coming(community: Community, room: Room, due_ms: int, prompt: Prompt, on_duty: UserId | None) -> str:
    """Show a question."""
    when = moment(community, due_ms)
    if on_duty is None:
        said = _("On {when} I will ask this in {room}:").format(when=when, room=room.name)
    else:
        said = _("On {when} I will ask this in {room}. {person} is there then.").format(
            when=when, room=room.name, person=on_duty
        )
    return f"{said}\n\n{quoted(prompt)}\n\n" + _("If nobody says otherwise, I ask it as it stands.")


def then_this(community: Community, due_ms: int, prompt: Prompt) -> str:
    """Show another question in place of one that was not wanted."""
    said = _("Then this one, on {when}:").format(when=moment(community, due_ms))
    return f"{said}\n\n{quoted(prompt)}"


def several(rooms: Sequence[Room], lines: Sequence[str], prefix: str) -> str:
    """List many questions."""
    if len(rooms) > 1:
        said = _("I will ask these:")
        how = _(
            "`{prefix}prompt swap {key}` puts another one in the place of the next there, `{prefix}prompt skip {key}`"
            " lets it pass; the other rooms in the same way: {keys}."
        )
        listed = ", ".join(f"`{room.key}`" for room in rooms)
        return "\n".join([said, "", *lines, "", how.format(prefix=prefix, key=rooms[0].key, keys=listed)])
    said = _("I will ask these in {room}:").format(room=rooms[0].name)
    how = _("`{prefix}prompt swap` puts another one in the place of the next, `{prefix}prompt skip` lets it pass.")
    return "\n".join([said, "", *lines, "", how.format(prefix=prefix)])


def line_of(community: Community, room: Room, due_ms: int, prompt: Prompt) -> str:
    """Write a question of a list of several rooms'."""
    return _("- {when}, {room}: {question}").format(
        when=short(community, due_ms), room=room.name, question=" ".join(prompt.text.split())
    )


def let_it_go() -> str:
    """Name the choice."""
    return _("let it go")


def another() -> str:
    """Name the choice."""
    return _("another one")


def skip_it() -> str:
    """Name the choice."""
    return _("skip it")


def goes(community: Community, due_ms: int) -> str:
    """Say that it is asked."""
    return _("Thank you. I ask it on {when}.").format(when=moment(community, due_ms))


def passes_already(prefix: str) -> str:
    """Say that nothing is asked then."""
    return _("Somebody let that one pass already. `{prefix}prompt resume` takes that back.").format(prefix=prefix)


def too_late() -> str:
    """Say that it cannot be changed any more."""
    return _("That time is past, so there is nothing to change any more.")
