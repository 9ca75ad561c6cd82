"""Where somebody can turn, in words that a person in distress can read."""

from __future__ import annotations

from orchestrator.i18n import _

from .languages import distance
from .policy import Care, Resource


def nearest_first(care: Care, locale: str) -> tuple[Resource, ...]:
    """Order the resources for readers of a locale: theirs, then those for everyone, then the rest."""
    return tuple(sorted(care.resources, key=lambda resource: distance(resource.locale, locale)))


def in_words(care: Care | None, locale: str) -> str:
    """Say where to turn now, and that this is no crisis service; Markdown, in the language spoken at the moment."""
    lines = []
    if care is not None and care.resources:
        lines.append(_("You can turn to these, whoever you are:"))
        lines += [f"- {resource.text}" for resource in nearest_first(care, locale)]
        lines.append("")
    lines.append(
        _(
            "This is not a crisis service, and nobody here is always awake. If you are in danger right now, please"
            " don't wait for us: call your local emergency number, or go to someone near you."
        )
    )
    return "\n".join(lines)
