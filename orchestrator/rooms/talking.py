"""``!plan``, ``!apply``, ``!drift`` and ``!room create``: rooms as the files say, from the control room.

Only a lead may, and each is confirmed by a reaction. What lets more people in, can never be undone, needs a new room or was
never ours is left to the command line of whoever runs the bot: there it is asked for by name. A craft reads nothing from
the homeserver, so what is not in the rows (words that somebody changed by hand) cannot be seen from here, and that is said.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from pathlib import PurePath
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, SPACE_KEY, Community, Documents
from orchestrator.errors import Refusal
from orchestrator.i18n import N_, _, ngettext, speaking
from orchestrator.model import content
from orchestrator.model.clock import DAY_MS
from orchestrator.model.effects import Amend, AnyEffect, Choice, Priority, Result, Send
from orchestrator.model.feature import Answer, Call, Command, Now, Role, Timer, Tx
from orchestrator.model.ids import CommunityKey, EventId, Json, JsonObject, RoomId, RoomKey
from orchestrator.store import bindings, drifts, mirror, timers

from . import drift
from .asking import read, written
from .changes import EXISTS, Change, Plan, Slot, State
from .closing import shutting
from .planning.applying import apply_community
from .planning.choices import Choices
from .planning.plan import plan_community
from .report import CRAFT

APPLY: Final = "apply"
PUT_BACK: Final = "put-back"
MAKE: Final = "make-room"
WANTED: Final = "wanted-room:"
"""How the keys of timers begin that remember who waits for a room."""

CONFIG: Final = "config.yaml"

SHOWN: Final = 12
"""How many rooms a summary names; it is read on a telephone."""

DIGEST_SHOWN: Final = 6

_HERE: Final = frozenset({State.CREATE, State.UPDATE, State.CONVERGED})
"""What may be applied from here."""

_ELSEWHERE: Final = frozenset(
    {State.EXPOSES, State.ONE_WAY, State.UPGRADE, State.ADOPT, State.CONFLICT, State.ORPHAN, State.BLOCKED}
)
_WORDS: Final = {
    State.EXPOSES: N_("would let in or show more"),
    State.ONE_WAY: N_("can never be undone"),
    State.UPGRADE: N_("needs a new room"),
    State.ADOPT: N_("was never mine to change"),
    State.CONFLICT: N_("changed both in the files and by hand"),
    State.ORPHAN: N_("no longer in the files"),
    State.BLOCKED: N_("cannot be done"),
    State.DRIFT: N_("changed by hand"),
}
_NO_LETTERS: Final = re.compile(r"[^a-z0-9]+")


class Talking:
    """The commands, and what becomes of what they ask.

    Args:
        documents: what the authors wrote.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    @property
    def commands(self) -> Sequence[Command]:
        """All of them, for leads."""
        return (
            Command(
                name="plan",
                usage="",
                summary=N_("what the files would change in our rooms"),
                needs=Role.LEAD,
                run=self._plan,
            ),
            Command(
                name="apply",
                usage="DIGEST",
                summary=N_("make our rooms what the files say, as `plan` showed it"),
                needs=Role.LEAD,
                run=self._apply,
            ),
            Command(
                name="drift",
                usage="",
                summary=N_("what somebody changed by hand, and whether to put it back"),
                needs=Role.LEAD,
                run=self._drift,
            ),
            Command(
                name="room",
                usage="create TEMPLATE NAME | archive ROOM | restore ROOM",
                summary=N_("make a new room like the others of its kind, close one for good, or open it again"),
                needs=Role.LEAD,
                run=self._room,
            ),
        )

    # -- plan and apply ------------------------------------------------------------------------------------------------

    def _plan(self, tx: Tx, call: Call, now: Now) -> Iterator[AnyEffect]:
        community = self._community(tx, call)
        plan, blind = _look(tx, community, now)
        if plan.is_empty:
            yield content.answer(call, _("Everything is as the files say."), now)
            return
        yield content.answer(call, "\n".join(_summary(community, plan, blind)), now)

    def _apply(self, tx: Tx, call: Call, now: Now) -> Iterator[AnyEffect]:
        community = self._community(tx, call)
        plan, _blind = _look(tx, community, now)
        given = call.args[0].strip("`.").casefold() if call.args else ""
        if plan.is_empty:
            raise Refusal(_("Everything is as the files say already."))
        if len(given) < 4 or not plan.digest.startswith(given):
            said = (
                _("Something has changed since that plan was made, so I did nothing. Please look again: `{prefix}plan`")
                if given
                else _("Please look at `{prefix}plan` first; it ends with what to write here.")
            )
            raise Refusal(said.format(prefix=community.prefix))
        chosen = [change for change in plan.differences if change.state in _HERE]
        if not chosen:
            raise Refusal(_("Nothing of that can be done from here. Whoever runs the bot can: `circlekeeper apply`"))
        lines = [_("I would do this:"), *_rooms(community, chosen)]
        rest = [change for change in plan.differences if change.state not in _HERE]
        if rest:
            lines += ["", _("These stay as they are for now:"), *_rooms(community, rest)]
        lines += ["", _("Shall I?")]
        yield content.question(
            call,
            "\n".join(lines),
            now,
            subject=written(APPLY, community=community.key, digest=plan.digest),
            needs=Role.LEAD,
            asker_needs=Role.LEAD,
        )

    def _applied(
        self, tx: Tx, community: Community, about: JsonObject, answer: Answer, now: Now
    ) -> Iterator[AnyEffect]:
        plan, _blind = _look(tx, community, now)
        names = frozenset(change.name for change in plan.differences if change.state in _HERE)
        # A refusal of a stale plan is said by whoever called us, and nothing is written.
        applied = apply_community(
            tx, community, now, str(about.get("digest")), Choices(only=names), None, _unseen(tx, community, now)
        )
        if not applied.done:
            said = [_("I could do none of it.")]
        elif all(change.state is State.CREATE for change in applied.done):
            said = [_("All right, I am at it.")]
        else:
            said = [
                ngettext(
                    "All right, {n} change is on its way.",
                    "All right, {n} changes are on their way.",
                    len(applied.done),
                ).format(n=len(applied.done))
            ]
        said += [one.reason for one in applied.refused]
        kept = [left for left in applied.left if left.change.name in names]
        said += [f"{_room_name(community, left.change)}: {left.reason}" for left in kept[:SHOWN]]
        yield content.conclusion(answer, "\n\n".join(dict.fromkeys(said)), now)

    # -- drift ---------------------------------------------------------------------------------------------------------

    def _drift(self, tx: Tx, call: Call, now: Now) -> Iterator[AnyEffect]:
        community = self._community(tx, call)
        found = _by_hand(tx, community, now)
        if not found:
            yield content.answer(call, _("Nobody changed anything by hand that the files have otherwise."), now)
            return
        lines = [_("Changed by hand, and otherwise in the files:"), *_rooms(community, found)]
        lines += ["", _("Shall it all stay as it is, or shall I put all of it back?")]
        events: dict[str, Json] = {_slot_name(change.slot): change.based_on for change in found if change.slot}
        yield content.question(
            call,
            "\n".join(lines),
            now,
            # By their digest: more, or others, may have come meanwhile.
            subject=written(PUT_BACK, community=community.key, seen=mirror.digest_of(events)),
            choices=(Choice("👍", _("keep"), "keep"), Choice("↩️", _("put back"), "revert")),
            needs=Role.LEAD,
            asker_needs=Role.LEAD,
        )

    def _settled(
        self, tx: Tx, community: Community, about: JsonObject, answer: Answer, now: Now
    ) -> Iterator[AnyEffect]:
        found = _by_hand(tx, community, now)
        events: dict[str, Json] = {_slot_name(change.slot): change.based_on for change in found if change.slot}
        if mirror.digest_of(events) != about.get("seen"):
            raise Refusal(
                _("That was changed again meanwhile, so I did nothing. Please look again: `{prefix}drift`").format(
                    prefix=community.prefix
                )
            )
        slots = {change.slot: change.based_on for change in found if change.slot is not None}
        for slot, event in slots.items():
            there = [change for change in found if change.slot == slot]
            if answer.choice == "keep":
                drift.keep_as_is(tx, community, slot, there, EventId(event))
            else:
                drift.put_back(tx, community, slot, EventId(event), [change.claim_path for change in there], now)
        if answer.choice == "keep":
            said = _("All right, it stays as it is now. `plan` no longer counts it.")
        else:
            said = _("All right, I am putting it back as the files say.")
        yield content.conclusion(answer, said, now)

    # -- a new room ----------------------------------------------------------------------------------------------------

    def _room(self, tx: Tx, call: Call, now: Now) -> Iterator[AnyEffect]:
        community = self._community(tx, call)
        if call.args and call.args[0].casefold() in shutting.WORDS:
            yield shutting.ask(tx, community, call, now)
            return
        template, name = (call.args[1] if len(call.args) > 1 else ""), " ".join(call.args[2:]).strip()
        if not call.args or call.args[0].casefold() != "create" or not template or not name:
            raise Refusal(
                _(
                    "Write it like this: `{prefix}room create circle Thursday evening`. Rooms here are made from: {kinds}."
                ).format(prefix=community.prefix, kinds=", ".join(f"`{kind}`" for kind in _kinds(community)) or "-")
            )
        key = new_key(name, {room.key for room in community.every_room()}, template)
        question = _(
            "I would make a new room “{name}” from `{template}`, and write it down as `{key}`. Shall I?"
        ).format(name=name, template=template, key=key)
        yield content.question(
            call,
            question,
            now,
            subject=written(
                MAKE,
                community=community.key,
                key=key,
                template=template,
                name=name[:100],
                room=call.event.room,
                event=call.event.id,
            ),
            needs=None,
            asker_needs=Role.LEAD,
        )

    def _wanted(self, tx: Tx, community: Community, about: JsonObject, answer: Answer, now: Now) -> Iterator[AnyEffect]:
        if answer.by is None:
            return
        key = new_key(str(about.get("key")), {room.key for room in community.every_room()}, str(about.get("template")))
        name = f"{community.key}/{key}"
        yield Amend(
            step=f"room:{name}",
            priority=Priority.REPLY,
            document=CONFIG,
            path=("communities", community.key, "rooms", key),
            value={"template": str(about.get("template")), "name": str(about.get("name"))},
            by=answer.by,
            tag=written(MAKE, community=community.key, key=key, room=answer.room, event=answer.question),
        )
        timers.set_timer(
            tx,
            Timer(
                craft=CRAFT,
                key=f"{WANTED}{name}",
                due_ms=now.at_ms + DAY_MS,
                payload={"room": answer.room, "event": answer.question, "thread": answer.thread},
            ),
        )

    def settle(self, tx: Tx, community: Community) -> Iterator[AnyEffect]:
        """Tell whoever asked for a room that it is there."""
        for timer in timers.timers_of(tx, CRAFT, f"{WANTED}{community.key}/"):
            key = RoomKey(timer.key.rpartition("/")[2])
            where, room = bindings.bound_room(tx, community.key, key), community.room(key)
            if where is None or room is None:
                continue
            timers.clear_timer(tx, CRAFT, timer.key)
            said = _("“{name}” is there: {link}").format(name=room.name, link=f"https://matrix.to/#/{where}")
            yield _under(timer.payload, said, step=f"{timer.key}:there")

    def done(self, tx: Tx, result: Result) -> Iterator[AnyEffect]:
        """Say when a room could not be written down."""
        about = read(result.tag)
        community = self._documents.community(CommunityKey(str(about.get("community"))))
        if about.get("do") != MAKE or result.outcome != "refused" or community is None:
            return
        timers.clear_timer(tx, CRAFT, f"{WANTED}{community.key}/{about.get('key')}")
        with speaking(community.locale):
            said = _(
                "I could not write that room down: the files would be wrong with it. Is there a template of that name, "
                "and does it ask for nothing more than a name? Rooms here are made from: {kinds}."
            ).format(kinds=", ".join(f"`{kind}`" for kind in _kinds(community)) or "-")
            yield _under(about, said, step=f"not-written:{result.cause}")

    # -- all of them ---------------------------------------------------------------------------------------------------

    def answered(self, tx: Tx, answer: Answer, now: Now) -> Iterator[AnyEffect]:
        """Act on what was confirmed; what is not ours to hear of leads to nothing."""
        about = read(answer.subject)
        community = self._documents.community(CommunityKey(str(about.get("community"))))
        if community is None:
            return
        match about.get("do"), answer.choice:
            case shutting.SHUT, _:
                yield from shutting.answered(tx, community, about, answer, now)
            case drift.DRIFT, _:
                yield from drift.answered(tx, community, about, answer, now)
            case "apply" | "make-room", "no":
                yield content.conclusion(answer, _("All right, I leave it."), now)
            case "apply" | "put-back" | "make-room", None:
                return
            case "apply", _:
                yield from self._applied(tx, community, about, answer, now)
            case "put-back", _choice:
                yield from self._settled(tx, community, about, answer, now)
            case "make-room", _choice:
                yield from self._wanted(tx, community, about, answer, now)

    def _community(self, tx: Tx, call: Call) -> Community:
        """Find the community that is meant, where it may be talked about.

        Raises:
            Refusal: others read along here, or it is not clear which one is meant.
        """
        community = None if call.community is None else self._documents.community(call.community)
        if community is None or (call.direct and len(bindings.communities_of(tx, call.event.sender)) > 1):
            raise Refusal(_("I do not know which community you mean. Please ask me that in its control room."))
        if not call.direct and call.room_key != CONTROL_KEY:
            raise Refusal(
                _("Please ask me that in the control room, or in private: not everybody here has to read it.")
            )
        return community


def new_key(name: str, taken: Collection[RoomKey], template: str) -> RoomKey:
    """Find a key for a room from its name: small letters, digits and hyphens, and nobody else's."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().casefold()
    key = _NO_LETTERS.sub("-", plain).strip("-")[:48].strip("-") or template
    reserved = {*taken, CONTROL_KEY, "space"}
    return RoomKey(next(one for one in (key, *(f"{key}-{n}" for n in range(2, 10_000))) if one not in reserved))


def _look(tx: Tx, community: Community, now: Now) -> tuple[Plan, frozenset[Slot]]:
    """Plan from the rows alone; tells also what cannot be seen in them."""
    blind = _unseen(tx, community, now)
    return plan_community(tx, community, now.me, None, blind), blind


def _unseen(tx: Tx, community: Community, now: Now) -> frozenset[Slot]:
    return plan_community(tx, community, now.me).needed


def _by_hand(tx: Tx, community: Community, now: Now) -> list[Change]:
    """List what somebody changed by hand and nobody has chosen to keep; also where only a digest of it is known."""
    plan, _blind = _look(tx, community, now)
    noticed = {Slot(known.room, known.type, known.key) for known in drifts.all_known(tx) if known.state == "asked"}
    return [
        change
        for change in plan.changes
        if (change.state is State.DRIFT and change.stance != "enforce")
        or (change.state is State.UNKNOWN and change.slot in noticed)
    ]


def _summary(community: Community, plan: Plan, blind: Collection[Slot]) -> list[str]:
    shown = [change for change in plan.differences if change.state is not State.UNKNOWN]
    here = [change for change in shown if change.state in _HERE]
    lines: list[str] = []
    if here:
        lines += [_("The files would change this:"), *_rooms(community, here)]
    for states, title in (
        (_ELSEWHERE, _("Only whoever runs the bot can do these (`circlekeeper apply`):")),
        (frozenset({State.DRIFT}), _("Changed by hand (`{prefix}drift`):").format(prefix=community.prefix)),
    ):
        part = [change for change in shown if change.state in states]
        if part:
            lines += ["", title, *_rooms(community, part)]
    unseen = len({change.slot for change in plan.differences if change.state is State.UNKNOWN})
    if blind or unseen:
        lines += [
            "",
            ngettext(
                "{n} thing I cannot see from here; `circlekeeper plan` shows it.",
                "{n} things I cannot see from here; `circlekeeper plan` shows them.",
                max(unseen, len(blind)),
            ).format(n=max(unseen, len(blind))),
        ]
    if here:
        lines += [
            "",
            _("To make it so, write: `{prefix}apply {digest}`").format(
                prefix=community.prefix, digest=plan.digest[:DIGEST_SHOWN]
            ),
        ]
    return lines


def _rooms(community: Community, changes: Sequence[Change]) -> list[str]:
    """Write a line for each room: short, since it is read on a telephone."""
    lines = []
    for key, group in groupby(changes, key=lambda change: change.room):
        part = list(group)
        name = _room_name(community, part[0])
        things = [_thing(change) for change in part if change.path != EXISTS]
        if any(change.path == EXISTS and change.state is State.CREATE for change in part):
            things.insert(0, _("is made"))
        elif any(change.path == EXISTS for change in part):
            things.insert(0, _(_WORDS.get(part[0].state, part[0].state.value)))
        lines.append(f"- **{name}**: {', '.join(dict.fromkeys(things))}" if things else f"- **{name}**")
        del key
    more = len(lines) - SHOWN
    return lines if more <= 0 else [*lines[:SHOWN], _("- and {n} more rooms").format(n=more)]


def _thing(change: Change) -> str:
    about = drift.what(change)
    word = _WORDS.get(change.state, "")
    return f"{about} ({_(word)})" if word and change.state is not State.DRIFT else about


def _room_name(community: Community, change: Change) -> str:
    room = community.room(change.room)
    if room is None:
        return change.room or "space"
    return _("{name} (the space)").format(name=room.name) if change.room == SPACE_KEY else room.name


def _kinds(community: Community) -> list[str]:
    """List the templates that this community's rooms are made from."""
    files = {
        PurePath(origin.file).stem
        for room in community.rooms
        if room.kind == "room"
        for origin in room.origins.values()
        if origin.layer == "template" and origin.file
    }
    return sorted(files)


def _slot_name(slot: Slot) -> str:
    return " ".join(slot)


def _under(about: JsonObject, words: str, *, step: str) -> Send:
    """Say something under what somebody wrote or was asked."""
    thread = about.get("thread")
    return Send(
        step=step,
        room=RoomId(str(about.get("room"))),
        priority=Priority.REPLY,
        content=content.reply(
            content.notice(words),
            to=EventId(str(about.get("event"))),
            thread=EventId(thread) if isinstance(thread, str) else None,
        ),
    )
