"""What a policy list says: whom, and what is recommended. Pure.

Source: client-server API, "Moderation policy lists" (``m.policy.rule.*``, globs, ``m.ban``); the older names of the types;
MSC4204 (``m.takedown``) and MSC4205 (hashed entities), both still under unstable names.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from orchestrator.model.ids import Json, UserId, server_of


class Kind(StrEnum):
    """What an entry is about."""

    USER = "user"
    ROOM = "room"
    SERVER = "server"


TYPES: Final[Mapping[str, Kind]] = {
    **{
        f"{prefix}.{kind}": kind
        for prefix in ("m.policy.rule", "m.room.rule", "org.matrix.mjolnir.rule")
        for kind in Kind
    }
}
"""The types of state events that are entries of a list, the older ones included."""

_BANS: Final = frozenset({"m.ban", "org.matrix.mjolnir.ban", "m.takedown", "org.matrix.msc4204.takedown"})
"""What is recommended where a ban follows. Anything else is not: a list may warn of somebody, or vouch for them."""

_HASHES: Final = ("hashes", "org.matrix.msc4205.hashes")
_LONGEST: Final = 512
_WILD: Final = frozenset("*?")
_ANYBODY: Final = ("q0", "zzwx-vy", "8")
"""Names that have no sign in common: what fits them all fits any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry that recommends a ban.

    Attributes:
        entity: whom it is about: an id, or a glob of ids (``*`` and ``?``); "" where only its hash is told.
        hashed: the SHA-256 of the id, in unpadded base64; "" where the entity is told.
    """

    kind: Kind
    entity: str = ""
    hashed: str = ""

    @property
    def is_glob(self) -> bool:
        """Whether it stands for many."""
        return not _WILD.isdisjoint(self.entity)

    @property
    def means_everybody(self) -> bool:
        """Whether nothing in it tells anybody from anybody: ``*``, ``@*:*``, ``*.*``."""
        return bool(self.entity) and not any(sign.isalnum() for sign in self.entity)


def entry_of(type_: str, content: Mapping[str, Json]) -> Entry | None:
    """Read an entry; None for what recommends no ban, makes no sense, or was taken back (empty content)."""
    kind = TYPES.get(type_)
    recommended = content.get("recommendation")
    if kind is None or not isinstance(recommended, str) or recommended not in _BANS:
        return None
    entity = content.get("entity")
    if isinstance(entity, str) and 0 < len(entity) <= _LONGEST:
        return Entry(kind=kind, entity=entity.casefold() if kind is Kind.SERVER else entity)
    for name in _HASHES:
        hashes = content.get(name)
        told = hashes.get("sha256") if isinstance(hashes, Mapping) else None
        if isinstance(told, str) and 0 < len(told) <= _LONGEST:
            return Entry(kind=kind, hashed=told.rstrip("="))
    return None


class Matcher:
    """Finds the entries that are about somebody; made once for a list of entries.

    What a look-up costs does not grow with the number of plain entries, and hardly with that of globs (one automaton).

    Args:
        entries: each under a key that is given back.
    """

    def __init__(self, entries: Iterable[tuple[str, Entry]]) -> None:
        self._exact: dict[tuple[Kind, str], list[str]] = {}
        self._hashed: dict[tuple[Kind, str], list[str]] = {}
        globs: dict[Kind, list[tuple[str, str]]] = {}
        for key, entry in entries:
            if entry.hashed:
                self._hashed.setdefault((entry.kind, entry.hashed), []).append(key)
            elif entry.is_glob:
                globs.setdefault(entry.kind, []).append((key, entry.entity))
            else:
                self._exact.setdefault((entry.kind, entry.entity), []).append(key)
        self._globs = {kind: _Globs(those) for kind, those in globs.items()}

    def about(self, user: UserId) -> list[str]:
        """List the keys of the entries that are about somebody, or about the server they come from."""
        return [*self._of(Kind.USER, user), *self.about_server(server_of(user).casefold())]

    def about_server(self, server: str) -> list[str]:
        """List the keys of the entries that are about a server."""
        return [*self._of(Kind.SERVER, server), *self._of_host(server)]

    def about_all_at(self, server: str) -> frozenset[str]:
        """List the keys of the entries that are about everybody at a server, whatever they are called."""
        named = [{*self._of(Kind.USER, f"@{name}:{server}")} for name in _ANYBODY]
        return frozenset(self.about_server(server.casefold())).union(set.intersection(*named))

    def about_room(self, room: str) -> list[str]:
        """List the keys of the entries that are about a room, by its id or an alias."""
        return self._of(Kind.ROOM, room)

    def _of(self, kind: Kind, entity: str) -> list[str]:
        found = list(self._exact.get((kind, entity), ()))
        if self._hashed:
            found += self._hashed.get((kind, hash_of(entity)), ())
        globs = self._globs.get(kind)
        return found + (globs.matching(entity) if globs is not None else [])

    def _of_host(self, server: str) -> list[str]:
        """A list names servers without their port, as server ACLs do."""
        host, colon, port = server.rpartition(":")
        return self._of(Kind.SERVER, host) if colon and port.isdigit() and host else []


def hash_of(entity: str) -> str:
    """Hash an id as lists that do not tell it do (MSC4205): SHA-256, unpadded base64."""
    return base64.b64encode(hashlib.sha256(entity.encode()).digest()).decode().rstrip("=")


def pattern_of(glob: str) -> str:
    """Write a glob as a pattern that RE2 reads."""
    import re2  # noqa: PLC0415 - who follows no list needs none of it

    parts = [".*" if sign == "*" else "." if sign == "?" else re2.escape(sign) for sign in glob]
    return "(?s)" + "".join(parts)


class _Globs:
    """Many globs as one automaton; where RE2 cannot hold them in memory, as several."""

    _AT_ONCE: Final = 1_000
    _MEMORY: Final = 256 << 20

    def __init__(self, globs: list[tuple[str, str]]) -> None:
        self._sets = list(self._made(globs, self._AT_ONCE))

    def matching(self, entity: str) -> list[str]:
        return [keys[position] for automaton, keys in self._sets for position in automaton.Match(entity) or ()]

    def _made(self, globs: list[tuple[str, str]], at_once: int) -> Iterable[tuple[Any, list[str]]]:
        import re2  # noqa: PLC0415 - as above

        options = re2.Options()
        options.max_mem = self._MEMORY
        options.log_errors = False
        for start in range(0, len(globs), at_once):
            some = globs[start : start + at_once]
            automaton = re2.Set.FullMatchSet(options)
            for _key, glob in some:
                automaton.Add(pattern_of(glob))
            automaton.Compile()
            yield automaton, [key for key, _glob in some]
