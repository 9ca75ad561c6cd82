"""What culture says to people, in the language spoken at the moment. Plain functions from facts to sentences.

Nothing here quotes anybody. Somebody whose message was removed is told first that they are not in trouble.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from babel.dates import format_datetime
from babel.units import format_unit

from orchestrator.documents.declared import Community
from orchestrator.documents.policy import Action, Mode, Policy, Rule
from orchestrator.i18n import _, current_locale, ngettext
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS

from .places import Place

MUTE_MS = HOUR_MS
"""How long a rule's own mute lasts; the steps of a ladder name their own times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """Something that happened to somebody, ``count`` times, last at ``at_ms``; ``action`` None: that is not known."""

    place: Place
    rule: str
    action: Action | None
    count: int
    at_ms: int


def why_it_happened(happened: Sequence[Happened]) -> str:
    """Tell somebody in private what was done and why; the first thing that some people ever hear from the bot."""
    community = happened[0].place.community
    return "\n\n".join(
        [
            _(
                "Hello. I'm the program that helps look after {community}. Only you and I are here, and you're not in"
                " trouble."
            ).format(community=community.name),
            *(_what_and_why(one) for one in happened),
            _("It ends by itself, and nothing more follows from it.")
            if any(one.action is Action.MUTE for one in happened)
            else _("This happens to many people, and nothing more follows from it."),
            _(
                "You need not answer. If you would rather talk about it with a person, write `{prefix}raise` to me here,"
                " and I'll ask one to get in touch. `{prefix}why` tells you this again."
            ).format(prefix=community.prefix),
        ]
    )


def what_was_done(happened: Sequence[Happened], more: int, prefix: str, keep_days: int, now_ms: int) -> str:
    """Answer ``!why``: everything that is kept about the one who asks."""
    if not happened:
        return _(
            "I have nothing noted about you: as far as I remember, I have not taken down or changed anything of yours."
            " If something troubles you all the same, write `{prefix}raise` to me and I'll ask a person to get in touch."
        ).format(prefix=prefix)
    lines = [_("This is what I have done that concerned you, and why:")]
    lines += [f"- {_moment(one.place.community, one.at_ms)}: {_what_and_why(one, now_ms)}" for one in happened]
    if more:
        lines.append(ngettext("- and one thing before that", "- and {n} things before that", more).format(n=more))
    lines += [
        "",
        _(
            "I forget this after {time}, and I never keep what you wrote. To talk about it with a person, write"
            " `{prefix}raise` to me."
        ).format(time=length(keep_days * DAY_MS), prefix=prefix),
    ]
    return "\n".join(lines)


def _what_and_why(one: Happened, now_ms: int | None = None) -> str:
    rule, until_ms = _rule(one), one.at_ms + MUTE_MS
    room, community = one.place.room.name, one.place.community
    because = (
        _("It did not fit what we have agreed on there; `{prefix}norms` shows it.").format(prefix=community.prefix)
        if rule is None or not rule.because
        else rule.because
    )
    match one.action:  # as it was done: the rule may be another by now, or gone
        case Action.NUDGE:
            what = _("In {room}, about something you wrote. It stays where it is.")
        case Action.MUTE if now_ms is not None and now_ms >= until_ms:
            what = _("In {room} you could read along but not write until {until}. That is over.")
        case Action.MUTE:
            what = _("In {room} you can read along but not write until {until}.")
        case Action.REMOVE:
            what = ngettext(
                "In {room} I took down a message of yours.", "In {room} I took down {n} messages of yours.", one.count
            )
        case _:
            what = _("In {room}, something you wrote met a rule that we have there.")
    return what.format(room=room, n=one.count, until=_moment(community, until_ms)) + " " + because


def _rule(one: Happened) -> Rule | None:
    return next((rule for rule in one.place.policy.rules if rule.id == one.rule), None)


# -- for the control room ----------------------------------------------------------------------------------------------


def would_have(rule: Rule, place: Place, count: int, *, first: bool) -> str:
    """Tell the control room what a rule that only watches would have done."""
    if first:
        seen = _("The rule `{rule}` is only watching. Just now, in {room}, it would have acted.")
    else:
        seen = ngettext(
            "The rule `{rule}` is only watching. Since I last told you it would have acted once more.",
            "The rule `{rule}` is only watching. Since I last told you it would have acted {n} more times.",
            count,
        )
    said = seen.format(rule=rule.id, room=place.room.name, n=count)
    if rule.then is Action.OBSERVE:
        return said
    how = _(
        "I have done nothing. If that rule looks right to you, a lead can switch it on with `{prefix}rule {rule} enforce`."
    )
    then = _("What it does then: {what}").format(what=_does(rule))
    return f"{said} {how.format(prefix=place.community.prefix, rule=rule.id)} {then}"


def please_look(rule: Rule, place: Place, count: int, link: str, people: Sequence[str]) -> str:
    """Ask the control room to look at something; the words themselves are only where they were written."""
    if count:
        said = ngettext(
            "The rule `{rule}` was met once more in {room} since I last asked you to look.",
            "The rule `{rule}` was met {n} more times in {room} since I last asked you to look.",
            count,
        )
    else:
        said = _("Please have a look at {room}: {link} (the rule `{rule}` was met). I have done nothing about it.")
    text = said.format(rule=rule.id, room=place.room.name, n=count, link=link)
    return f"{', '.join(people)}: {text}" if people else text


def was_muted(rule: str, place: Place, user: str) -> str:
    """Tell the control room that somebody can read but not write for a while."""
    return _(
        "{person} can read but not write in {room} for {time}, because of the rule `{rule}`. I have told them why."
    ).format(person=user, room=place.room.name, time=length(MUTE_MS), rule=rule)


def could_not_mute(rule: str, place: Place) -> str:
    """Tell the control room that a mute was refused; whom it was for is nobody's business then."""
    return _(
        "I could not do what the rule `{rule}` says in {room}: somebody was to read but not write for {time}. Nothing was"
        " done to them. Please check that I still have the power to change what people may do there."
    ).format(room=place.room.name, time=length(MUTE_MS), rule=rule)


def could_not_remove(place: Place) -> str:
    """Tell the control room that a removal was refused."""
    return _(
        "I was not allowed to take down a message in {room}. Please check that I still have the power to remove messages"
        " there."
    ).format(room=place.room.name)


# -- rules in plain words ----------------------------------------------------------------------------------------------


def rule_in_words(rule: Rule) -> str:
    """Say what a rule looks for, what it does and whether it does it, as one line of a list."""
    parts = [f"- `{rule.id}`:"]
    links = rule.when.links
    if links is not None and links.allow:
        parts.append(_("looks for links that lead elsewhere than to {places}.").format(places=", ".join(links.allow)))
    elif links is not None:
        parts.append(_("looks for links."))
    if rule.when.member_for_less_than_ms is not None:
        new = length(rule.when.member_for_less_than_ms)
        parts.append(_("Only for people who joined less than {time} ago.").format(time=new))
    parts.append(_does(rule))
    if rule.then is not Action.OBSERVE:
        parts.append(mode_in_words(rule.mode))
    return " ".join(parts)


def mode_in_words(mode: Mode) -> str:
    """Say whether a rule acts."""
    return _("**It is on.**") if mode is Mode.ENFORCE else _("**For now it only watches.**")


def switched(rule: str, mode: Mode, prefix: str, *, already: bool) -> str:
    """Tell a lead that a rule acts, or only watches, from now on."""
    if already:
        said = (
            _("The rule `{rule}` is on already.")
            if mode is Mode.ENFORCE
            else _("The rule `{rule}` only watches already.")
        )
    elif mode is Mode.ENFORCE:
        said = _(
            "Done. From now on the rule `{rule}` acts, and everyone it concerns is told why in private. If it turns out"
            " wrong, `{prefix}rule {rule} observe` switches it back."
        )
    else:
        said = _("Done. From now on the rule `{rule}` only watches and does nothing to anybody.")
    return said.format(rule=rule, prefix=prefix)


def not_switched(rule: str) -> str:
    """Tell a lead that a rule could not be switched."""
    return _(
        "I could not switch the rule `{rule}`; it stays as it was. Whoever runs me can see why: `circlekeeper check` says"
        " what is wrong with the files."
    ).format(rule=rule)


def norms_in_words(policy: Policy) -> str:
    """Give the norms with their title."""
    return f"**{policy.title}**\n\n{policy.norms.text}"


def _does(rule: Rule) -> str:
    match rule.then:
        case Action.OBSERVE:
            return _("It tells the facilitators how often that happens, and does nothing else.")
        case Action.NUDGE:
            return _("It sends a private word to the author; the message stays.")
        case Action.REMOVE:
            return _("It takes the message down and tells its author why, in private.")
        case Action.MUTE:
            return _("Its author can read but not write for {time}, and is told why.").format(time=length(MUTE_MS))
        case Action.RAISE:
            return _("It asks the facilitators to look.")


def length(ms: int) -> str:
    """Say a length of time in the largest unit that makes it a whole number."""
    for unit, unit_ms in (("day", DAY_MS), ("hour", HOUR_MS), ("minute", MINUTE_MS)):
        if ms % unit_ms == 0:
            return _unit(ms // unit_ms, unit)
    return _unit(round(ms / 1000), "second")


def _unit(count: int, unit: str) -> str:
    return format_unit(count, f"duration-{unit}", "long", locale=current_locale().replace("-", "_"))


def _moment(community: Community, at_ms: int) -> str:
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(community.zone)
    return format_datetime(local, "d MMMM, HH:mm", locale=current_locale().replace("-", "_"))
