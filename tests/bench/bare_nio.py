"""The least that an encrypting bot on matrix-nio can do: its own sync loop, one encrypted reply for every command.

Run as a process of its own, it reads what it needs as JSON from standard input (``url``, ``user``, ``password``,
``store``, ``filter``) and writes ``ready``.
"""

from __future__ import annotations

import asyncio
import json
import sys

import nio


async def run(url: str, user: str, password: str, store: str, sync_filter: str) -> None:
    """Answer every ``!norms``, for ever."""
    config = nio.AsyncClientConfig(encryption_enabled=True, store_sync_tokens=False)
    client = nio.AsyncClient(url, user, store_path=store, config=config)
    await client.login(password)

    async def answer(room: nio.MatrixRoom, event: nio.RoomMessageText) -> None:
        if event.body == "!norms" and event.sender != user:
            content = {
                "msgtype": "m.notice",
                "body": "Be kind to each other, and to yourself.",
                "m.relates_to": {"m.in_reply_to": {"event_id": event.event_id}},
            }
            await client.room_send(room.room_id, "m.room.message", content, ignore_unverified_devices=True)

    chosen = json.loads(sync_filter)
    await client.sync(0, chosen)
    await client.keys_upload()
    client.add_event_callback(answer, nio.RoomMessageText)
    print("ready", flush=True)  # noqa: T201 - whoever started us waits for it
    await client.sync_forever(30_000, chosen, set_presence="offline")


if __name__ == "__main__":
    told = json.load(sys.stdin)
    asyncio.run(run(told["url"], told["user"], told["password"], told["store"], told["filter"]))
