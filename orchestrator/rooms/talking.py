"""``!plan``, ``!apply``, ``!drift`` and ``!room create``: rooms as the files say, from the control room.

Only a lead may, and each is confirmed by a reaction. What lets more people in, can never be undone, needs a new room or was
never ours is left to the command line of whoever runs the bot: there it is asked for by name. A craft reads nothing from
the homeserver, so what is not in the rows (words that somebody changed by hand) cannot be seen from here, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, Community, Documents
from orchestrator.errors import Refusal
from orchestrator.i18n import N_, _, ngettext, speaking
from orchestrator.model import content
from orchestrator.model.effects import AnyEffect, Choice, Result
from orchestrator.model.feature import Answer, Call, Command, Example, Now, Role, Tx
from orchestrator.model.ids import CommunityKey, EventId, Json, JsonObject
from orchestrator.store import bindings, drifts, mirror

from . import drift, new_room
from .asking import read, written
from .changes import Change, Plan, Slot, State
from .closing import shutting
from .plan_words import HERE, SHOWN, room_name, rooms, summary
from .planning.applying import apply_community
from .planning.choices import Choices
from .planning.plan import plan_community

APPLY: Final = "apply"
PUT_BACK: Final = "put-back"


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
                examples=(Example("7f3a91", N_("the plan that ended with this digest; I ask once more first")),),
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
                usage="create|archive|restore …",
                summary=N_("make a new room like the others of its kind, close one for good, or open it again"),
                needs=Role.LEAD,
                run=self._room,
                examples=(
                    Example("create circle Thursday evening", N_("a new room from the template `circle`")),
                    Example("archive tuesday", N_("close the room with that key for good; it can be read on")),
                    Example("restore tuesday", N_("open it again as it was")),
                ),
            ),
        )

    # -- plan and apply ------------------------------------------------------------------------------------------------

    def _plan(self, tx: Tx, call: Call, now: Now) -> Iterator[AnyEffect]:
        community = self._community(tx, call)
        plan, blind = _look(tx, community, now)
        if plan.is_empty:
            yield content.answer(call, _("Everything is as the files say."), now)
            return
        yield content.answer(call, "\n".join(summary(community, plan, blind)), now)

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
        chosen = [change for change in plan.differences if change.state in HERE]
        if not chosen:
            raise Refusal(_("Nothing of that can be done from here. Whoever runs the bot can: `circlekeeper apply`"))
        lines = [_("I would do this:"), *rooms(community, chosen)]
        rest = [change for change in plan.differences if change.state not in HERE]
        if rest:
            lines += ["", _("These stay as they are for now:"), *rooms(community, rest)]
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
        names = frozenset(change.name for change in plan.differences if change.state in HERE)
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
        said += [f"{room_name(community, left.change)}: {left.reason}" for left in kept[:SHOWN]]
        yield content.conclusion(answer, "\n\n".join(dict.fromkeys(said)), now)

    # -- drift ---------------------------------------------------------------------------------------------------------

    def _drift(self, tx: Tx, call: Call, now: Now) -> Iterator[AnyEffect]:
        community = self._community(tx, call)
        found = _by_hand(tx, community, now)
        if not found:
            yield content.answer(call, _("Nobody changed anything by hand that the files have otherwise."), now)
            return
        lines = [_("Changed by hand, and otherwise in the files:"), *rooms(community, found)]
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
            said = drift.stays(community)
        else:
            said = _("All right, I am putting it back as the files say.")
        yield content.conclusion(answer, said, now)

    # -- a new room, and one that is closed ------------------------------------------------------------------------------

    def _room(self, tx: Tx, call: Call, now: Now) -> Iterator[AnyEffect]:
        community = self._community(tx, call)
        closes = bool(call.args) and call.args[0].casefold() in shutting.WORDS
        yield shutting.ask(tx, community, call, now) if closes else new_room.ask(community, call, now)

    def settle(self, tx: Tx, community: Community) -> Iterator[AnyEffect]:
        """Tell whoever asked for a room that it is there."""
        yield from new_room.tell(tx, community)

    def done(self, tx: Tx, result: Result) -> Iterator[AnyEffect]:
        """Say when a room could not be written down."""
        about = read(result.tag)
        community = self._documents.community(CommunityKey(str(about.get("community"))))
        if about.get("do") == new_room.MAKE and result.outcome == "refused" and community is not None:
            with speaking(community.locale):
                yield from new_room.not_written(tx, community, about, result)

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
                yield from new_room.confirmed(tx, community, about, answer, now)

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


def _slot_name(slot: Slot) -> str:
    return " ".join(slot)
