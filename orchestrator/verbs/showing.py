"""A plan for people to read: on a terminal of 80 columns, or as Markdown for a discussion. Plain text, no colours."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from textwrap import wrap
from typing import Final

from orchestrator.documents.declared import Community
from orchestrator.model.ids import Json
from orchestrator.planning import Outlook
from orchestrator.rooms import EXISTS, Change, State

from .naming import SPACE, phrase_of

WIDTH: Final = 80

_SIGNS: Final = {
    State.CREATE: "+",
    State.ADOPT: "<",
    State.UPDATE: "~",
    State.DRIFT: "!",
    State.CONFLICT: "?",
    State.CONVERGED: "=",
    State.ORPHAN: "-",
    State.ONE_WAY: "*",
    State.EXPOSES: "*",
    State.UPGRADE: "^",
    State.BLOCKED: "x",
    State.UNKNOWN: "?",
}
_BY_HAND: Final = frozenset({State.DRIFT})
_STANCES: Final = {
    "enforce": "Somebody changed it by hand; the bot puts it back.",
    "report": "It stays unless you say --take ours.",
    "accept": "Somebody changed it by hand, and may.",
}

Changes = Sequence[tuple[Community, Change]]


def as_json(outlook: Outlook, only: Collection[str] | None = None) -> dict[str, Json]:
    """Write the plans as JSON for programs; where there are several communities each change names its own."""
    several = len(outlook.plans) > 1
    changes: list[Json] = [
        {**({"community": community.key} if several else {}), **change.as_json()}
        for community, change in outlook.changes(only)
    ]
    return {"digest": outlook.digest, "changes": changes}


def in_words(outlook: Outlook, only: Collection[str] | None = None, *, hint: bool = True) -> list[str]:
    """Write the plans as lines of a terminal; ``hint``: with what to type next."""
    changes = outlook.changes(only)
    if not changes:
        return ["Everything is as your files say. There is nothing to do."]
    proposed = [one for one in changes if one[1].state not in _BY_HAND]
    by_hand = [one for one in changes if one[1].state in _BY_HAND]
    lines = [*_rooms(proposed)]
    if by_hand:
        lines += ["Changed by hand, not by your files", "=" * 34, "", *_rooms(by_hand)]
    return [*lines, *_wrapped(_count(changes), ""), *(_next(outlook, changes, only) if hint else ())]


def as_markdown(outlook: Outlook, only: Collection[str] | None = None) -> list[str]:
    """Write the plans as Markdown."""
    changes = outlook.changes(only)
    lines = [f"## Plan `{outlook.digest}`", ""]
    if not changes:
        return [*lines, "Everything is as the files say."]
    for title, states in (("", None), ("### Changed by hand", _BY_HAND)):
        part = [(c, change) for c, change in changes if (change.state in _BY_HAND) == (states is not None)]
        if not part:
            continue
        lines += [title, ""] if title else []
        lines += ["| Room | What | State | Now | Then | Why |", "|---|---|---|---|---|---|"]
        lines += [
            "| "
            + " | ".join(
                _cell(one)
                for one in (
                    _room(community, change),
                    change.path,
                    change.state.value,
                    value_in_words(change.live),
                    value_in_words(change.desired),
                    why(change),
                )
            )
            + " |"
            for community, change in part
        ]
        lines.append("")
    return [*lines, _count(changes)]


def line_of(change: Change) -> str:
    """Write one change on one line, without its room."""
    sign = _SIGNS.get(change.state, " ")
    if change.path == EXISTS:
        return f"{sign} {_EXISTS.get(change.state, change.state.value)}"
    if change.state in _BY_HAND:
        return f"{sign} {change.path}: {value_in_words(change.live)} (your files: {value_in_words(change.desired)})"
    if change.state is State.ORPHAN:
        return f"{sign} {change.path}: {value_in_words(change.live)}, no longer in your files"
    return f"{sign} {change.path}: {value_in_words(change.live)} -> {value_in_words(change.desired)}"


_EXISTS: Final = {
    State.CREATE: "will be made",
    State.ORPHAN: "no longer in your files; it stays as it is",
    State.BLOCKED: "cannot be reached",
    State.UNKNOWN: "cannot be seen",
    State.UPGRADE: "would have to be replaced by a new room",
    State.ADOPT: "is taken over",
}


def why(change: Change) -> str:
    """Say why a change is as it is, and what it needs."""
    said = change.reason.strip()
    needs = {
        State.ADOPT: "Needs --adopt.",
        State.CONFLICT: "Needs --take ours or --take theirs.",
        State.EXPOSES: "Needs --allow-expose.",
        State.UPGRADE: "Needs --allow-upgrade.",
        State.ONE_WAY: f'Needs --one-way "{phrase_of(change)}".',
    }.get(change.state, "")
    if change.path == EXISTS and change.state is State.ADOPT:
        needs = ""
    if change.state is State.DRIFT:
        needs = _STANCES[change.stance] if change.stance == "report" or not said else ""
    if needs and needs.split(" or ")[0].rstrip(".").removeprefix("Needs ") in said:
        needs = ""
    return " ".join(part for part in (said, needs) if part)


def _rooms(changes: Changes) -> Iterator[str]:
    for (community_key, key), group in groupby(changes, key=lambda one: (one[0].key, one[1].room)):
        part = list(group)
        room = part[0][0].room(key)
        heading = f"{community_key}/{key or SPACE}"
        yield heading if room is None else f"{heading}  {room.name}"
        known = [change for _community, change in part if change.state is State.CONVERGED]
        for _community, change in part:
            if change.state is State.CONVERGED:
                continue
            yield from _wrapped(line_of(change), "  ", "      ")
            told = " ".join(one for one in (why(change), _place(change)) if one)
            if told:
                yield from _wrapped(told, "      ")
        if known:
            paths = known[0].path if len(known) == 1 else f"{known[0].path} and {len(known) - 1} more"
            yield from _wrapped(f"= {paths}: already as your files say; it is only taken note of", "  ", "      ")
        yield ""


def _place(change: Change) -> str:
    origin = change.origin
    return f"[{origin.file}:{origin.line}]" if origin is not None and origin.file else ""


def _room(community: Community, change: Change) -> str:
    return f"{community.key}/{change.room or SPACE}"


def value_in_words(value: Json) -> str:
    """Write a value as a person would."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "yes" if value else "no"
        case str():
            written = value if value.isprintable() and value and value == value.strip() and " " not in value else None
            whole = json.dumps(value, ensure_ascii=False) if written is None else written
            return whole if len(whole) <= 120 else f"{whole[:117]}..."
        case list() | tuple():
            return ", ".join(value_in_words(one) for one in value) or "none"
        case int() | float():
            return str(value)
        case _:
            return json.dumps(value, ensure_ascii=False)


def _count(changes: Changes) -> str:
    states = [change.state for _community, change in changes]
    parts = [
        f"{states.count(state)} {words}"
        for state, words in (
            (State.CREATE, "to make"),
            (State.UPDATE, "to change"),
            (State.ADOPT, "to take over"),
            (State.EXPOSES, "that would expose"),
            (State.ONE_WAY, "that can never be undone"),
            (State.UPGRADE, "that need a new room"),
            (State.CONFLICT, "in conflict"),
            (State.DRIFT, "changed by hand"),
            (State.CONVERGED, "to take note of"),
            (State.ORPHAN, "no longer in your files"),
            (State.BLOCKED, "that cannot be done"),
            (State.UNKNOWN, "that cannot be seen"),
        )
        if state in states
    ]
    return f"Plan: {', '.join(parts)}."


def _next(outlook: Outlook, changes: Changes, only: Collection[str] | None) -> Iterable[str]:
    states = {change.state for _community, change in changes}
    if states <= {State.BLOCKED, State.UNKNOWN}:
        return ["There is nothing that can be applied."]
    words = ["circlekeeper apply", f"--digest {outlook.digest}"]
    words += [f"--room {name if name.rpartition('/')[2] else name + SPACE}" for name in sorted(only or ())]
    return ["To make it so:", f"  {' '.join(words)}"]


def _wrapped(text: str, indent: str, after: str | None = None) -> list[str]:
    return wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent if after is None else after,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
