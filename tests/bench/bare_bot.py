"""The least that a bot can do: long-poll /sync, one PUT for every link. What Circlekeeper's latency is held against.

It keeps nothing, checks nothing, fills no gap and survives no crash: it is the floor, not a proposal. Run as a process of
its own, it reads what it needs as JSON from standard input (``url``, ``token``, ``filter``) and writes ``ready``.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from urllib.parse import quote

import aiohttp


async def run(url: str, token: str, sync_filter: str) -> None:
    """Remove every message with a link, for ever."""
    base, numbers = f"{url}/_matrix/client/v3", itertools.count()
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http:
        query = {"filter": sync_filter, "set_presence": "offline", "timeout": "0"}
        while True:
            async with http.get(f"{base}/sync", params=query) as answer:
                said = await answer.json()
            if "since" not in query:
                print("ready", flush=True)  # noqa: T201 - whoever started us waits for it
            else:
                for room, body in said.get("rooms", {}).get("join", {}).items():
                    for event in body["timeline"]["events"]:
                        if "https://" in event["content"].get("body", ""):
                            path = f"rooms/{quote(room, safe='')}/redact/{quote(event['event_id'], safe='')}/{next(numbers)}"
                            async with http.put(f"{base}/{path}", json={"reason": "No links here."}) as done:
                                await done.read()
            query |= {"since": said["next_batch"], "timeout": "30000"}


if __name__ == "__main__":
    told = json.load(sys.stdin)
    asyncio.run(run(told["url"], told["token"], told["filter"]))
