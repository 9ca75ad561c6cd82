"""``!norms``: what is agreed on, whenever somebody asks, in the language they ask for if it is written in it."""

from __future__ import annotations

from collections.abc import Sequence

from babel import Locale, UnknownLocaleError

from orchestrator.culture import words
from orchestrator.documents.declared import Documents
from orchestrator.documents.languages import ANY, distance
from orchestrator.documents.policy import Norms, Policy
from orchestrator.errors import Refusal
from orchestrator.i18n import _
from orchestrator.model import content
from orchestrator.model.effects import AnyEffect
from orchestrator.model.feature import Call, Now, Tx
from orchestrator.model.ids import CommunityKey
from orchestrator.store import bindings


def norms(tx: Tx, documents: Documents, call: Call, now: Now) -> Sequence[AnyEffect]:
    """Answer with the norms of the room; in a direct room with those of every community the caller is in.

    Raises:
        Refusal: there are none, or they are not written in the language that was asked for.
    """
    found = _found(tx, documents, call)
    if not found:
        raise Refusal(_("Nothing has been written down here yet. Being kind to each other is a good beginning."))
    wanted = call.args[0] if call.args else ""
    said = [_in_words(policy, wanted) for policy in found]
    return (content.answer(call, "\n\n".join(said), now),)


def _found(tx: Tx, documents: Documents, call: Call) -> Sequence[Policy]:
    if call.direct:
        keys: Sequence[CommunityKey] = bindings.communities_of(tx, call.event.sender)
    else:
        keys = [] if call.community is None else [call.community]
    found: dict[str, Policy] = {}
    for key in keys:
        community = documents.community(key)
        room = None if community is None or call.direct or call.room_key is None else community.room(call.room_key)
        policy = (room.policy if room is not None else None) or (None if community is None else community.policy())
        if policy is not None:
            found[policy.document] = policy
    return list(found.values())


def _in_words(policy: Policy, wanted: str) -> str:
    tongues = [tongue for tongue in policy.norms.texts if tongue != ANY]
    if not wanted:
        told = words.norms_in_words(policy)
        if len(tongues) < 2:
            return told
        return f"{told}\n\n" + _("I also have this in: {languages}.").format(languages=_named(tongues))
    text = _text_in(policy.norms, wanted)
    if text is None:
        if not tongues:
            raise Refusal(_("This is written in one language only."))
        raise Refusal(_("I don't have it in that language. I have: {languages}.").format(languages=_named(tongues)))
    return f"**{policy.title}**\n\n{text}"


def _text_in(norms: Norms, wanted: str) -> str | None:
    """Find the text in a language that was asked for by its tag or its name."""
    for tongue, text in norms.texts.items():
        names = {tongue.casefold(), *(name.casefold() for name in _names(tongue))}
        if tongue != ANY and (wanted.casefold() in names or distance(tongue, wanted) <= 1):
            return text
    return None


def _named(tongues: Sequence[str]) -> str:
    return ", ".join(f"{next(iter(_names(tongue)), tongue)} (`{tongue}`)" for tongue in tongues)


def _names(tongue: str) -> Sequence[str]:
    """Give a language's own name and its English one."""
    try:
        locale = Locale.parse(tongue.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return ()
    return [name for name in (locale.get_display_name(), locale.get_display_name("en")) if name]
