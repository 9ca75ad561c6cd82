"""What culture says to people, in the language spoken at the moment. Plain functions from facts to sentences.

Nothing here quotes anybody. Somebody whose message was removed is told first that they are not in trouble.
"""

from __future__ import annotations

from datetime import UTC, datetime

from babel.dates import format_datetime
from babel.units import format_unit

from orchestrator.documents.declared import Community
from orchestrator.documents.policy import Action, Mode, Policy, Rule
from orchestrator.i18n import _, current_locale, ngettext
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS

from .places import Place

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
            return _("Its author can read but not write for {time}, and is told why.").format(time=length(rule.mute_ms))
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


def moment(community: Community, at_ms: int) -> str:
    """Say when, in the community's own time."""
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(community.zone)
    return format_datetime(local, "d MMMM, HH:mm", locale=current_locale().replace("-", "_"))
