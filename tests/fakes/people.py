"""People whom a test lets act directly, without HTTP: by the rooms' rules, without rate limits."""

from __future__ import annotations

from . import membership, sending
from .accounts import Requester, Stored
from .creation import create_room
from .problems import MatrixProblem
from .room import Room
from .values import Json, JsonObject
from .world import World


class Person:
    """A user, local or of another server.

    Everything happens at once, before the method returns; what is not allowed raises MatrixProblem.
    """

    def __init__(self, world: World, user_id: str) -> None:
        self._world = world
        self._who = Requester(user_id)
        self.user_id = user_id

    def __repr__(self) -> str:
        return f"Person({self.user_id!r})"

    def create_room(self, **body: Json) -> Room:
        """Make a room, as ``/createRoom`` with these members."""
        return create_room(self._world, self._who, dict(body))

    def direct_room(self, other: Person | str, **body: Json) -> Room:
        """Make a direct room and invite somebody to it."""
        asked: JsonObject = {"preset": "private_chat", "is_direct": True, "invite": [_id(other)], **body}
        return create_room(self._world, self._who, asked)

    def join(self, room: Room | str, **content: Json) -> str:
        """Join a room, or accept an invitation; returns the event id, as all of these."""
        return self._member(room, self.user_id, "join", content)

    def knock(self, room: Room | str, **content: Json) -> str:
        """Ask to be let in."""
        return self._member(room, self.user_id, "knock", content)

    def leave(self, room: Room | str, **content: Json) -> str:
        """Leave, or decline an invitation."""
        return self._member(room, self.user_id, "leave", content)

    def invite(self, room: Room | str, other: Person | str, **content: Json) -> str:
        """Invite somebody."""
        return self._member(room, _id(other), "invite", content)

    def kick(self, room: Room | str, other: Person | str, **content: Json) -> str:
        """Remove somebody."""
        return self._member(room, _id(other), "kick", content)

    def ban(self, room: Room | str, other: Person | str, **content: Json) -> str:
        """Ban somebody."""
        return self._member(room, _id(other), "ban", content)

    def unban(self, room: Room | str, other: Person | str, **content: Json) -> str:
        """Lift a ban."""
        return self._member(room, _id(other), "unban", content)

    def say(self, room: Room | str, text: str, **content: Json) -> str:
        """Send a text message; further members of the content as named."""
        return self.send(room, "m.room.message", {"msgtype": "m.text", "body": text, **content})

    def reply(self, room: Room | str, event_id: str, text: str) -> str:
        """Answer a message."""
        about: JsonObject = {"m.relates_to": {"m.in_reply_to": {"event_id": event_id}}}
        return self.say(room, text, **about)

    def edit(self, room: Room | str, event_id: str, text: str) -> str:
        """Change what a message says."""
        change: JsonObject = {
            "m.new_content": {"msgtype": "m.text", "body": text},
            "m.relates_to": {"rel_type": "m.replace", "event_id": event_id},
        }
        return self.say(room, f"* {text}", **change)

    def react(self, room: Room | str, event_id: str, key: str) -> str:
        """Put an emoji on a message."""
        about: JsonObject = {"rel_type": "m.annotation", "event_id": event_id, "key": key}
        return self.send(room, "m.reaction", {"m.relates_to": about})

    def redact(self, room: Room | str, event_id: str, reason: str | None = None) -> str:
        """Take an event back."""
        content: JsonObject = {} if reason is None else {"reason": reason}
        return sending.redact(self._world, self._who, self._id_of(room), event_id, content).event_id

    def send(self, room: Room | str, event_type: str, content: JsonObject) -> str:
        """Send any event that is not state."""
        return sending.send(self._world, self._who, self._id_of(room), event_type, content).event_id

    def put_state(self, room: Room | str, event_type: str, content: JsonObject, state_key: str = "") -> str:
        """Set state."""
        return sending.put_state(self._world, self._who, self._id_of(room), event_type, state_key, content).event_id

    def rename(self, display_name: str) -> None:
        """Take another display name, in all rooms."""
        membership.rename(self._world, self.user_id, display_name)

    def set_account_data(self, kind: str, content: JsonObject) -> None:
        """Set account data."""
        account = self._world.accounts.make(self.user_id)
        account.account_data[kind] = Stored(content, self._world.next_stream())

    def account_data(self, kind: str) -> Json:
        """Read account data, None where there is none."""
        stored = self._world.accounts.make(self.user_id).account_data.get(kind)
        return None if stored is None else stored.content

    def token(self, device_id: str | None = None) -> str:
        """Log in without a password: give a device (a new one if None) a token."""
        accounts = self._world.accounts
        account = accounts.make(self.user_id)
        return accounts.issue(account, accounts.device(account, device_id))

    def suspend(self, *, suspended: bool = True) -> None:
        """Suspend this account, or let it act again."""
        self._world.accounts.make(self.user_id).suspended = suspended

    def lose_tokens(self) -> None:
        """Make all of this user's tokens unknown, as a password change elsewhere does."""
        self._world.accounts.spoil_tokens(self.user_id)

    def rooms(self, is_now: str = "join") -> list[Room]:
        """List the rooms in which this user is joined, or invited, or what is named."""
        return [room for room in self._world.rooms.values() if room.membership(self.user_id) == is_now]

    def _member(self, room: Room | str, target: str, action: membership.Action, content: JsonObject) -> str:
        return membership.change(self._world, self._who, self._id_of(room), target, action, content).event_id

    def _id_of(self, room: Room | str) -> str:
        return find_room(self._world, room).room_id


def find_room(world: World, room: Room | str) -> Room:
    """Find a room by its id or one of its aliases; raises MatrixProblem 404."""
    if isinstance(room, Room):
        return room
    alias = world.aliases.get(room)
    found = world.rooms.get(alias.room_id if alias is not None else room)
    if found is None:
        raise MatrixProblem(404, "M_NOT_FOUND", f"No room {room}")
    return found


def _id(person: Person | str) -> str:
    return person if isinstance(person, str) else person.user_id
