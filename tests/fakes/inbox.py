"""To-device messages: kept until the device acknowledges them by syncing on."""

from __future__ import annotations

from dataclasses import dataclass, field

from .accounts import Accounts
from .values import Json, JsonObject, obj

# As many as Synapse hands out in one answer.
PER_SYNC = 100


@dataclass(frozen=True, slots=True)
class _Letter:
    stream: int
    event: JsonObject = field(repr=False)


class Inbox:
    """All devices' letters."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._letters: dict[tuple[str, str], list[_Letter]] = {}
        self._sent: set[tuple[str, str | None, str]] = set()
        self.stream = 0

    def send(self, sender: str, device_id: str | None, event_type: str, txn_id: str, messages: JsonObject) -> None:
        """Put letters into boxes; a transaction seen before does nothing. ``*`` is every device of the user."""
        if (sender, device_id, txn_id) in self._sent:
            return
        self._sent.add((sender, device_id, txn_id))
        self.stream += 1
        for user_id, by_device in messages.items():
            for named, content in obj(by_device).items():
                for target in self._devices(user_id, named):
                    event: JsonObject = {"type": event_type, "sender": sender, "content": content}
                    self._letters.setdefault((user_id, target), []).append(_Letter(self.stream, event))

    def acknowledge(self, user_id: str, device_id: str, upto: int) -> None:
        """Throw away what a device has received."""
        letters = self._letters.get((user_id, device_id), [])
        self._letters[user_id, device_id] = [letter for letter in letters if letter.stream > upto]

    def read(self, user_id: str, device_id: str) -> tuple[list[Json], int]:
        """Hand out the oldest letters, at most 100, and the position up to which they go."""
        letters = self._letters.get((user_id, device_id), [])
        if len(letters) <= PER_SYNC:
            return [letter.event for letter in letters], self.stream
        page = [letter for letter in letters if letter.stream <= letters[PER_SYNC - 1].stream]
        return [letter.event for letter in page], page[-1].stream

    def pending(self, user_id: str, device_id: str) -> int:
        """Count what waits for a device."""
        return len(self._letters.get((user_id, device_id), []))

    def _devices(self, user_id: str, named: str) -> list[str]:
        account = self._accounts.get(user_id)
        if account is None:
            return []
        return list(account.devices) if named == "*" else [named] if named in account.devices else []
