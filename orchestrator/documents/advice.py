"""What is allowed and should be thought about: said by ``check``, and no reason to stop."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from ipaddress import ip_address
from urllib.parse import urlsplit

from orchestrator.model.cadence import Rule
from orchestrator.model.ids import LOCATOR_TYPE

from .authored import Advice, Config, PromptSpec, Template
from .declared import Community, Room
from .meetings import begins_in
from .policy import Action, Policy
from .prompt_advice import advise_meetings, advise_prompts, advise_unattended
from .source import Path, Source

STALE_DAYS = 180

_GUARDED = {
    "m.room.join_rules": "who may join",
    "m.room.guest_access": "whether guests may look in",
    "m.room.history_visibility": "who may read back",
    "m.room.encryption": "encryption",
    "m.room.server_acl": "which servers may take part",
    "m.room.power_levels": "who holds which power",
    "m.room.canonical_alias": "the room's address",
    "m.space.child": "which rooms belong to the space",
    "m.space.parent": "which space the room belongs to",
    LOCATOR_TYPE: "how the bot finds its rooms again",
}


_NOT_YET_IN_TEMPLATES: tuple[Path, ...] = (("welcome",),)
_SHIPPED_RESOURCES = ("https://findahelpline.com", "https://befrienders.org", "In an emergency: 112 in Europe")
"""How the resources begin that come with the bot: true everywhere, and near nobody."""


def advise_config(config: Config, source: Source) -> Iterator[Advice]:
    """Look at addresses."""
    for key, account in config.accounts.items():
        if _travels_in_clear(account.homeserver):
            path: Path = ("accounts", key, "homeserver")
            yield _advice(source, path, "Over http the bot's password and token travel readable. Use https if you can.")


def advise_community(community: Community, source: Source) -> Iterator[Advice]:
    """Look at who keeps the rooms."""
    for room in community.rooms:
        if room.kind == "space" or room.archive:
            continue
        path: Path = ("communities", community.key, "rooms", room.key)
        yield from _advise_people(room, source, path)
        yield from advise_unattended(room, source, path)
        if room.policy is None:
            yield _advice(source, path, "This room has no policy: no norms to pin, and no rules.")
    for position, founder in enumerate(community.founders):
        if founder not in community.leads:
            path = ("communities", community.key, "founders", position)
            yield _advice(
                source, path, "Nobody can ever take a founder's power again. This one is not among the leads."
            )
    yield from _advise_rules(community, source)
    if len(community.leads) < 2:
        path = ("communities", community.key, "leads")
        yield _advice(source, path, "There is only one lead. A second one keeps the door open when the first cannot.")


def _advise_people(room: Room, source: Source, path: Path) -> Iterator[Advice]:
    if room.rota is not None and len(room.facilitators) < 2:
        message = "A rota of fewer than two people cannot rotate, and wears the one out. Add facilitators."
        yield _advice(source, (*path, "facilitators"), message)


def _advise_rules(community: Community, source: Source) -> Iterator[Advice]:
    """Look for rules that are for a room that is not there; said at the first room with their policy."""
    told = set()
    for room in community.rooms:
        for rule in room.policy.rules if room.policy is not None else ():
            unknown = [key for key in rule.when.rooms if community.room(key) is None]
            if unknown and rule.id not in told:
                told.add(rule.id)
                message = f"The rule {rule.id} of this room's policy is for a room that is not here: {unknown[0]}."
                yield _advice(source, ("communities", community.key, "rooms", room.key), message)


def advise_template(template: Template, source: Source, today: date) -> Iterator[Advice]:
    """Look at who gets in, who reads along and who may change that; what it takes from another is looked at there."""
    if "prompts" in source.value:
        yield from advise_prompts(template.prompts, source, ("prompts",), today)
    if "meetings" in source.value:
        yield from advise_meetings(template.meetings, source, ("meetings",), today)
    for path, message in _thoughts(template):
        if source.at(path) is not None:
            yield _advice(source, path, message)
    yield from _advise_not_yet(source, _NOT_YET_IN_TEMPLATES)


def _thoughts(template: Template) -> Iterator[tuple[Path, str]]:
    settings = template.settings
    private = template.kind == "room" and settings.join != "public"
    if private and settings.history in {"shared", "world_readable"}:
        message = "Whoever joins later, or anyone at all, could read what was said before. A private room has: joined"
        yield ("settings", "history"), message
    if private and settings.guests:
        message = "Guests have no account, and nobody knows who they are. A private room has: forbidden"
        yield ("settings", "guests"), message
    if private and not settings.encryption:
        message = "Without encryption every server in the room can read what is said. A private room has: required"
        yield ("settings", "encryption"), message
    if settings.join not in {"restricted", "knock_restricted"}:
        yield ("settings", "allow"), "This counts only where people come in from other rooms: join: restricted"
    if settings.join not in {"knock", "knock_restricted"}:
        yield (
            ("knock",),
            "Nobody can knock here, so nobody is asked: join: knock (or knock_restricted) lets people ask.",
        )
    for event_type, level in template.power.events.items():
        if event_type in _GUARDED and level < template.power.lead:
            message = (
                f"People who are no leads could change {_GUARDED[event_type]}. Leave this line out, or write: lead"
            )
            yield ("power", "events", event_type), message
    yield from _late_prompts(template.prompts, template)
    for position, meeting in enumerate(template.meetings):
        if begins_in(meeting, template.quiet):
            yield ("meetings", position, "at"), "This is in the quiet hours, in which nobody wants to be disturbed."


def _late_prompts(prompts: tuple[PromptSpec, ...], template: Template) -> Iterator[tuple[Path, str]]:
    quiet = template.quiet
    for position, prompt in enumerate(prompts):
        if quiet is None or "quiet_hours" not in prompt.gates:
            continue
        times = prompt.when.times if isinstance(prompt.when, Rule) else (prompt.when.at, *prompt.when.also)
        over_midnight = quiet.end <= quiet.start
        if any(
            (at >= quiet.start or at < quiet.end) if over_midnight else quiet.start <= at < quiet.end for at in times
        ):
            yield ("prompts", position, "at"), "This is in the quiet hours, so it would never be asked."


def advise_policy(policy: Policy, source: Source, today: date) -> Iterator[Advice]:
    """Look at what grows old: where people can turn, and what was agreed."""
    for position, resource in enumerate(policy.care.resources):
        path: Path = ("care", "resources", position, "verified_on")
        age_days = (today - resource.verified_on).days
        if age_days > STALE_DAYS:
            message = f"Nobody has checked this for {age_days} days. Try it, correct it, and write today's date."
            yield _advice(source, path, message)
        elif age_days < 0:
            yield _advice(source, path, "This day is still to come.")
    if all(resource.text.startswith(_SHIPPED_RESOURCES) for resource in policy.care.resources):
        message = (
            "All of these help everywhere, and none is near your people. Add some that are, once you have tried them."
        )
        yield _advice(source, ("care", "resources"), message)
    yield from _advise_hands(policy, source)
    for position, rule in enumerate(policy.rules):
        if rule.accept_misfires and rule.when.on_words and rule.then in {Action.REMOVE, Action.MUTE}:
            message = "This will be wrong at times, about people in distress too. Look at !journal now and then."
            yield _advice(source, ("rules", position, "accept_misfires"), message)
    if policy.norms.review_by is not None and policy.norms.review_by < today:
        message = "The day to look at these norms together has passed. Talk them over, and set a new one."
        yield _advice(source, ("norms", "review_by"), message)


def _advise_hands(policy: Policy, source: Source) -> Iterator[Advice]:
    """Look at ways to raise a hand that others could notice, or that nobody meant."""
    if policy.hands.reaction:
        message = (
            "A reaction is readable for every server in the room, in encrypted rooms too, and others may see it for a"
            " moment before it is taken away. !raise in private is seen by nobody."
        )
        yield _advice(source, ("hands", "by_reaction"), message)
    if policy.hands.words:
        message = "Words that raise a hand by themselves miss most of what people in distress say. Tell members of it."
        yield _advice(source, ("hands", "words"), message)


def _advise_not_yet(source: Source, paths: tuple[Path, ...]) -> Iterator[Advice]:
    """Say once a file what is read and checked and not acted on, so that nobody relies on it."""
    written = [path for path in paths if source.at(path) is not None]
    if written:
        names = ", ".join(".".join(map(str, path)) for path in written)
        yield _advice(source, written[0], f"This version of the bot does nothing with this yet: {names}")


def _advice(source: Source, path: Path, message: str) -> Advice:
    return Advice(*source.mark(path), message)


def _travels_in_clear(homeserver: str) -> bool:
    parts = urlsplit(homeserver)
    host = parts.hostname or ""
    if parts.scheme != "http" or "." not in host.replace(":", "."):
        return False  # a name without a dot is a neighbour, such as a container
    try:
        return not ip_address(host).is_private
    except ValueError:
        return not host.endswith((".localhost", ".local", ".internal"))
