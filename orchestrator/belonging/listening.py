"""What somebody hears who writes to the bot as one writes to a person.

It may be the first thing they dared to say to anyone. So: what this is, plainly, before anything else; that nobody has read
it; how a person can be reached, and where to turn meanwhile; commands last. No advice, no promise, no question, and nothing
that sounds as if they had done something wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.documents import care
from orchestrator.documents.declared import Community
from orchestrator.i18n import _
from orchestrator.model.ids import UserId


def answer(communities: Sequence[Community], prefix: str) -> str:
    """Say that nobody is here who understands, and who would be.

    Args:
        communities: those that the person is in, in which somebody can be asked to get in touch; may be none.
        prefix: what commands begin with in a direct room.
    """
    said = [
        _(
            "Thank you for writing. I want to be honest with you: I am a program. I cannot understand what you wrote,"
            " nobody else reads it here, and I do not keep it. Whatever it is, it deserves to be heard by a person, and I"
            " am not one."
        )
    ]
    if communities:
        said.append(
            _(
                "If you would like a person to get in touch with you, write `{prefix}raise`. I will let the people who"
                " look after {community} know that you ask for it. They will see your name, if you let them, and nothing of what"
                " you wrote here. It can take a while until one of them is there."
            ).format(prefix=prefix, community=_named(communities))
        )
    said.append(_where_to_turn(communities))
    said.append(_("And should you only have wondered what I can do, `{prefix}help` shows it.").format(prefix=prefix))
    return "\n\n".join(said)


def answer_in_room(prefix: str) -> str:
    """Say to somebody who speaks to the bot in a room where a person can be asked for; everybody there reads it."""
    return _(
        "I am a program, and I cannot understand what you wrote; I do not keep it either. If you would like a person to get"
        " in touch with you, write `{prefix}raise` to me in a private chat, or here, where everybody can see it. Should you"
        " only want to know what I can do: `{prefix}help`"
    ).format(prefix=prefix)


def unreadable(communities: Sequence[Community], prefix: str) -> str:
    """Say that what somebody wrote could not even be opened, and how a person can be reached all the same."""
    said = [
        _(
            "Thank you for writing. I want to be honest with you: I am a program, and I could not open what you wrote."
            " It is encrypted, and its key has not reached me. That happens, and it is nothing you did wrong. Nobody else"
            " reads it here either. Whatever it is, it deserves to be heard by a person."
        )
    ]
    if communities:
        said.append(
            _(
                "If you would like a person to get in touch with you, try `{prefix}raise` once more here, or write it in"
                " one of the rooms of {community}. You can also write to one of these people yourself: {leads}"
            ).format(prefix=prefix, community=_named(communities), leads=", ".join(leads(communities)))
        )
    return "\n\n".join([*said, _where_to_turn(communities)])


def leads(communities: Sequence[Community]) -> Sequence[UserId]:
    """List who answers for these communities."""
    return tuple(dict.fromkeys(lead for community in communities for lead in community.leads))


def _where_to_turn(communities: Sequence[Community]) -> str:
    policy = communities[0].policy() if communities else None
    return care.in_words(policy.care if policy is not None else None, communities[0].locale if communities else "")


def _named(communities: Sequence[Community]) -> str:
    names = [community.name for community in communities]
    return names[0] if len(names) == 1 else _("{names} and {last}").format(names=", ".join(names[:-1]), last=names[-1])
