"""What people can ask about the rules that are checked; leads switch them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from orchestrator.documents.declared import Community, Documents, Room
from orchestrator.documents.policy import Action, Mode, Policy, Rule
from orchestrator.errors import Refusal
from orchestrator.i18n import _, speaking
from orchestrator.model import content
from orchestrator.model.effects import Amend, AnyEffect, Priority, Result, Send
from orchestrator.model.feature import Call, Now, Role, Tx
from orchestrator.model.ids import CommunityKey, EventId, JsonObject, RoomId
from orchestrator.store import bindings, mirror
from orchestrator.store.journal import amendment_waiting
from orchestrator.store.rows import dump

from . import rule_words
from .notices import Duty

DO_RULE: Final = "rule"


def rule(tx: Tx, documents: Documents, duty: Duty, call: Call, now: Now) -> Sequence[AnyEffect]:
    """List the rules, or switch one between watching and acting.

    In a direct room of somebody in several communities those of each are listed, and none is switched.

    Raises:
        Refusal: there is no such rule or mode, or the caller may not switch it, or it is not plain which is meant.
    """
    if call.direct and len(several := _with_rules(tx, documents, call)) > 1:
        return (content.answer(call, _of_each(tx, several, call), now),)
    community = None if call.community is None else documents.community(call.community)
    rules = {} if community is None else _rules(tx, community, call)
    if community is None or not rules:
        raise Refusal(_("There are no rules that I check here."))
    if not call.args:
        opening = _("These are the rules that I check; what they rest on is in `{prefix}norms`.")
        lines = [rule_words.rule_in_words(one) for _policy, one in rules.values()]
        return (content.answer(call, "\n".join([opening.format(prefix=community.prefix), "", *lines]), now),)
    args = call.args
    if len(args) == 2 and _mode(args[0]) is not None and _plain(args[0]) not in rules:
        args = (args[1], args[0])  # "enforce NAME" is as clear
    policy, one = _named(rules, args[0], community.prefix)
    if len(args) == 1:
        return (content.answer(call, rule_words.rule_in_words(one), now),)
    mode = _mode(args[1])
    if mode is None or len(args) > 2:
        usage = _("A rule can be switched to watching or to acting: `{prefix}rule {rule} observe` or `... enforce`.")
        raise Refusal(usage.format(prefix=community.prefix, rule=one.id))
    _check_may_switch(tx, documents, duty, call, community, policy, now)
    if one.then is Action.OBSERVE:
        raise Refusal(_("The rule `{rule}` is made to watch only; there is nothing to switch.").format(rule=one.id))
    path = ("rules", one.id, "mode")
    # Two switches may follow each other before the first is carried out; the last word counts.
    if (amendment_waiting(tx, policy.document, path) or one.mode.value) == mode.value:
        return (content.answer(call, rule_words.switched(one.id, mode, community.prefix, already=True), now),)
    tag = {
        "do": DO_RULE,
        "community": community.key,
        "room": call.event.room,
        "event": call.event.id,
        "thread": call.event.thread,
        "rule": one.id,
        "mode": mode.value,
    }
    return (
        Amend(
            step="amend",
            priority=Priority.REPLY,
            document=policy.document,
            path=path,
            value=mode.value,
            by=call.event.sender,
            tag=dump(tag),
            rule=one.id,
        ),
    )


def _with_rules(tx: Tx, documents: Documents, call: Call) -> list[Community]:
    mine = bindings.communities_of(tx, call.event.sender)
    return [community for community in documents.communities if community.key in mine and _rules(tx, community, call)]


def _of_each(tx: Tx, communities: Sequence[Community], call: Call) -> str:
    """Show the rules of several communities, each under its name."""
    if len(call.args) > 1:
        names = ", ".join(community.name for community in communities)
        raise Refusal(
            _(
                "We are both in more than one community: {names}. Please write that in a room of the one you mean, so that"
                " I switch the right rule."
            ).format(names=names)
        )
    parts = []
    for community in communities:
        rules = _rules(tx, community, call)
        shown = rules if not call.args else {key: rules[key] for key in (_plain(call.args[0]),) if key in rules}
        if shown:
            parts.append(
                f"**{community.name}**\n\n" + "\n".join(rule_words.rule_in_words(one) for _, one in shown.values())
            )
    if not parts:
        raise Refusal(
            _("I know no rule of that name. `{prefix}rule` lists those there are.").format(prefix=communities[0].prefix)
        )
    return "\n\n".join(parts)


def switched(documents: Documents, result: Result, tag: JsonObject, now: Now) -> Sequence[AnyEffect]:
    """Answer the lead who switched a rule, now that it is done or cannot be."""
    community = documents.community(CommunityKey(str(tag.get("community"))))
    prefix = community.prefix if community is not None else "!"
    with speaking(community.locale if community is not None else "en"):
        said = (
            rule_words.switched(str(tag.get("rule")), Mode(str(tag.get("mode"))), prefix, already=False)
            if result.outcome == "done"
            else rule_words.not_switched(str(tag.get("rule")))
        )
    thread = tag.get("thread")
    return (
        Send(
            step="answer",
            priority=Priority.REPLY,
            room=RoomId(str(tag.get("room"))),
            expires_ms=now.at_ms + content.ANSWER_MS,
            content=content.reply(
                content.notice(said),
                to=EventId(str(tag.get("event"))),
                thread=EventId(thread) if isinstance(thread, str) else None,
            ),
        ),
    )


def _rules(tx: Tx, community: Community, call: Call) -> dict[str, tuple[Policy, Rule]]:
    """List the rules of a community by id; where two policies use the same id, the room's own comes first.

    Whoever does not look after others hears only of rooms that they are in: that there are others is not theirs to learn.
    """
    here = community.room(call.room_key) if call.room_key is not None else None
    knows_all = call.event.sender in community.staff()
    rooms = [
        room
        for room in [*([here] if here is not None else []), *community.every_room()]
        if room == here or knows_all or _is_in(tx, community, room, call)
    ]
    known = {room.key for room in rooms}
    policies = {room.policy.document: room.policy for room in rooms if room.policy is not None}
    rules: dict[str, tuple[Policy, Rule]] = {}
    for policy in policies.values():
        for one in policy.rules:
            if knows_all or not one.when.rooms:
                rules.setdefault(one.id, (policy, one))
            elif only := tuple(room for room in one.when.rooms if room in known):
                rules.setdefault(one.id, (policy, replace(one, when=replace(one.when, rooms=only))))
    return rules


def _is_in(tx: Tx, community: Community, room: Room, call: Call) -> bool:
    where = bindings.bound_room(tx, community.key, room.key)
    seen = None if where is None else mirror.member(tx, where, call.event.sender)
    return seen is not None and seen.membership == "join"


def _mode(word: str) -> Mode | None:
    return next((mode for mode in Mode if mode.value == _plain(word)), None)


def _plain(word: str) -> str:
    return word.strip("`").casefold()


def _named(rules: Mapping[str, tuple[Policy, Rule]], word: str, prefix: str) -> tuple[Policy, Rule]:
    found = rules.get(_plain(word))
    if found is not None:
        return found
    near = difflib.get_close_matches(word.casefold()[:100], rules, 1, 0.5)
    if near:
        raise Refusal(_("I know no rule of that name. The nearest is `{rule}`.").format(rule=near[0]))
    raise Refusal(_("I know no rule of that name. `{prefix}rule` lists those there are.").format(prefix=prefix))


def _check_may_switch(
    tx: Tx, documents: Documents, duty: Duty, call: Call, community: Community, policy: Policy, now: Now
) -> None:
    if call.role < Role.LEAD:
        others = ", ".join(lead for lead in community.leads if lead != call.event.sender)
        said = (
            _("You are a lead, but where you wrote this you do not hold a lead's power just now, so I may not do that.")
            if call.event.sender in community.leads
            else _("Only a lead can switch a rule.")
        )
        ask = _("You can ask one of them: {leads}").format(leads=others) if others else ""
        raise Refusal(f"{said} {ask}".strip())
    for other in documents.communities:
        shares = any(room.policy is not None and room.policy.document == policy.document for room in other.every_room())
        if shares and duty.role(tx, call.event.sender, other.key, None, now) < Role.LEAD:
            raise Refusal(
                _(
                    "Another community lives by these norms too, so only somebody who leads both can switch this rule."
                    " Whoever writes the files can also give each its own."
                )
            )
