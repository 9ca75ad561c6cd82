"""What of an effect is recorded as its own: of which kind it is, whom it is about, what it waits behind, what it carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

from orchestrator.model.effects import (
    Amend,
    AnyEffect,
    CreateRoom,
    Enter,
    FindDevices,
    Recall,
    Redact,
    Send,
    SendDirect,
    SetMembership,
)
from orchestrator.model.ids import Json, RoomId

from .questions import packed

QUOTE: Final = "quote"
"""Where the payload of an outbox row says whose words its message is to hold."""


def taken_apart(effect: AnyEffect) -> tuple[str, RoomId | None, str, str, Mapping[str, Json]]:  # noqa: PLR0911 - one way out a kind
    """Take an effect apart: kind, room, target, lane, payload; see ``outbox.Waiting``."""
    match effect:
        case Send():
            return (
                "send",
                effect.room,
                "",
                f"say {effect.room}",
                {
                    "type": effect.type,
                    "content": effect.content,
                    **packed(effect),
                    **({} if effect.quote is None else {QUOTE: asdict(effect.quote)}),
                },
            )
        case SendDirect():
            return "direct", None, effect.user, f"direct {effect.user}", {"content": effect.content, **packed(effect)}
        case Redact():
            return "redact", effect.room, effect.target, f"redact {effect.room}", {"reason": effect.reason}
        case SetMembership():
            return (
                "member",
                effect.room,
                effect.user,
                f"member {effect.room} {effect.user}",
                {
                    "membership": effect.membership,
                    "reason": effect.reason,
                    "based_on": effect.based_on,
                    **({"only_from": list(effect.only_from)} if effect.only_from else {}),
                    **({"via": effect.via} if effect.via else {}),
                },
            )
        case CreateRoom():
            target = effect.user or f"{effect.community}/{effect.key}"
            return (
                "create",
                None,
                target,
                f"create {target}",
                {
                    "locator": effect.locator,
                    "body": effect.body,
                    "community": effect.community,
                    "key": effect.key,
                    "user": effect.user,
                },
            )
        case Enter():
            return "enter", None, effect.where, f"enter {effect.where}", {"via": list(effect.via)}
        case FindDevices():
            return "devices", None, effect.user, f"devices {effect.user}", {}
        case Recall():
            return "recall", effect.room, effect.event, f"recall {effect.event}", {}
        case Amend():
            payload: Mapping[str, Json] = {"path": list(effect.path), "value": effect.value, "by": effect.by}
            return "amend", None, effect.document, "amend", payload
