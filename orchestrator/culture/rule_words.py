"""Rules in plain words: what each looks for, in whom, and what it does; the words that it looks for are told to nobody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from babel.lists import format_list

from orchestrator.documents.policy import Action, Files, Links, Mentions, Mode, Names, Rule, When
from orchestrator.i18n import _, current_locale, ngettext
from orchestrator.model.cadence import QuietHours

from .places import Place
from .words import length


def looks_for(rule: Rule) -> str:
    """Say what a rule looks for, in whom and when."""
    when = rule.when
    found = list(_found(when))
    said = [_("It looks for {what}.").format(what=_listed(found, style="standard"))] if found else []
    return " ".join([*said, *_conditions(when)])


def _found(when: When) -> Iterator[str]:
    if when.words:
        yield ngettext("a word of its list", "any of {n} words of its list", len(when.words)).format(n=len(when.words))
    if when.patterns:
        count = len(when.patterns)
        yield ngettext("a pattern of its list", "any of {n} patterns of its list", count).format(n=count)
    if when.links is not None:
        yield _links(when.links)
    if when.invitations:
        yield _("invitations into rooms or servers elsewhere")
    if when.files is not None:
        yield _files(when.files)
    if when.mentions is not None:
        yield _mentions(when.mentions)
    if when.repeats is not None:
        often = _("the same said {n} times within {time}")
        yield often.format(n=when.repeats.times, time=length(when.repeats.within_ms))
    if when.rate is not None:
        often = _("{n} messages within {time}")
        yield often.format(n=when.rate.times, time=length(when.rate.within_ms))
    if when.names is not None:
        yield _names(when.names)


def _links(links: Links) -> str:
    if links.deny and links.allow is None:
        return _("links that lead to {places}").format(places=_listed(list(links.deny)))
    if links.allow:
        return _("links that lead elsewhere than to {places}").format(places=_listed(list(links.allow)))
    return _("links")


def _files(files: Files) -> str:
    kinds = {
        "image": _("pictures"),
        "video": _("videos"),
        "audio": _("sounds"),
        "file": _("files"),
        "sticker": _("stickers"),
    }
    named = [kinds[kind] for kind in sorted(files.kinds)] + [f"`{one}`" for one in files.types]
    return _listed(named) if named else _("files of any kind")


def _mentions(mentions: Mentions) -> str:
    parts = [_("calls to the whole room")] if mentions.room else []
    if mentions.at_least is not None:
        parts.append(_("calls to {n} people or more at once").format(n=mentions.at_least))
    return _listed(parts)


def _names(names: Names) -> str:
    if names.like_staff and not (names.words or names.patterns):
        return _("names that look like those of the people who keep these rooms")
    if names.like_staff:
        return _("names on its list, and names that look like those of the people who keep these rooms")
    return _("names on its list")


def _conditions(when: When) -> Iterator[str]:
    if when.member_for_less_than_ms is not None:
        time = length(when.member_for_less_than_ms)
        yield _("Only for people who joined less than {time} ago.").format(time=time)
    if when.for_staff and not when.for_members:
        yield _("Only for those who keep these rooms.")
    if when.rooms:
        yield _("Only in: {rooms}.").format(rooms=_listed([f"`{room}`" for room in when.rooms]))
    if when.between is not None:
        yield _between(when.between)
    if when.outside_spoiler:
        yield _("What stands in a spoiler is left alone.")
    if when.unless_reacted is not None:
        unless = when.unless_reacted
        said = _("It waits for {time}, and lets it be if somebody reacts with {signs}.")
        yield said.format(time=length(unless.within_ms), signs=_listed(list(unless.keys)))


def _between(hours: QuietHours) -> str:
    return _("Only from {start} to {end}.").format(start=f"{hours.start:%H:%M}", end=f"{hours.end:%H:%M}")


def _listed(parts: list[str], style: Literal["or", "standard"] = "or") -> str:
    return str(format_list(parts, style=style, locale=current_locale().replace("-", "_")))


def rule_in_words(rule: Rule) -> str:
    """Say what a rule looks for, what it does and whether it does it, as one line of a list."""
    parts = [f"- `{rule.id}`:", looks_for(rule), _does(rule)]
    if rule.then is not Action.OBSERVE:
        parts.append(mode_in_words(rule.mode))
    return " ".join(part for part in parts if part)


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
