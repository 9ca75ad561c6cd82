"""A room's topic, put together from what the template, the norms and the rota have to say."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from orchestrator.model.ids import Json, JsonObject
from orchestrator.model.topic import IN_ORDER

_ORDER: Final = tuple(part.name for part in IN_ORDER)

MOST_LETTERS: Final = 500
"""How long one part may be: a topic is a few lines above a room, the norms themselves are pinned."""

_KEYS: Final = frozenset({"topic", "m.topic", "org.matrix.msc3765.topic"})


def topic_content(parts: Mapping[str, str]) -> dict[str, Json]:
    """Write the ``m.room.topic`` content for these parts, by slot; {} when they say nothing.

    Source: client-server API, ``m.room.topic`` (MSC3765): the richest text comes first.
    """
    texts = [clipped for slot in slots(parts) if (clipped := clip(parts[slot]))]
    if not texts:
        return {}
    plain = "\n".join(texts)
    versions: list[Json] = [{"body": plain}]
    if len(texts) > 1:
        rich = "".join(f"<p>{html.escape(text, quote=False).replace(chr(10), '<br>')}</p>" for text in texts)
        versions.insert(0, {"body": rich, "mimetype": "text/html"})
    return {"topic": plain, "m.topic": {"m.text": versions}}


def merge_topic(live: JsonObject | None, parts: Mapping[str, str]) -> JsonObject | None:
    """Put the parts in the place of what stands there; keys that are not the topic's own are kept."""
    kept = {key: value for key, value in (live or {}).items() if key not in _KEYS}
    content = topic_content(parts)
    if not content:
        return live if live is None or not live.get("topic") else {**kept, "topic": ""}
    return {**kept, **content}


def slots(parts: Iterable[str]) -> Sequence[str]:
    """Order the slots of a topic: the known ones first."""
    return sorted(parts, key=lambda slot: (_ORDER.index(slot) if slot in _ORDER else len(_ORDER), slot))


def clip(text: str) -> str:
    """Shorten a part at a word, with an ellipsis."""
    text = text.strip()
    if len(text) <= MOST_LETTERS:
        return text
    cut = text[: MOST_LETTERS - 1]
    return f"{cut[: cut.rfind(' ')] if ' ' in cut else cut}…"
