"""Addresses as documents write them, each read by one function as in ``words``: people, rooms, servers, the web."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from orchestrator.model.ids import UserId, is_user_id

from .words import text

_SERVER: Final = r"([A-Za-z0-9.-]{1,230}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?"
_USER_SERVER: Final = re.compile(_SERVER + r"\Z")
_LIST: Final = re.compile(rf"#[^:\s]+:{_SERVER}\Z|![^\s]+\Z")
_DOMAIN: Final = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_PATTERN: Final = re.compile(r"[A-Za-z0-9.:*?\[\]-]{1,255}\Z")
_LISTEN: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([0-9.]{7,15})):([0-9]{1,5})\Z")
_WEB_PATH: Final = re.compile(r"[A-Za-z0-9._~/-]*\Z")
_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def user_id(value: object) -> UserId:
    """Read a Matrix user id (appendix "User identifiers", the historical grammar included)."""
    found = text(value, most=400)
    if found.startswith("@:") or not is_user_id(found) or not _USER_SERVER.match(found.partition(":")[2]):
        raise ValueError('This is no Matrix user id. They look like "@ana:grove.example" (in quotes).')
    return UserId(found)


def list_room(value: object) -> str:
    """Read the alias or id of a policy list's room (MSC2313)."""
    found = text(value, most=255)
    if not _LIST.match(found):
        raise ValueError('Write the alias of a policy list, like "#community-bans:example.org" (in quotes).')
    return found


def live_room(value: object) -> str:
    """Read the id of a room, or an alias that leads to it."""
    found = text(value, most=255)
    if not _LIST.match(found):
        raise ValueError(
            'Write the id of the room, like "!Abc:grove.example", or an address that leads to it, like '
            '"#lounge:grove.example" (in quotes).'
        )
    return found


def server(value: object) -> str:
    """Read the name of a homeserver, such as ``grove.example``, with a port where it has one."""
    found = text(value, most=255)
    if not _USER_SERVER.match(found):
        raise ValueError("Write the name of a server, like grove.example.")
    return found


def domain(value: object) -> str:
    """Read a domain, such as ``grove.example``; it stands for its subdomains too."""
    found = text(value, most=253).lower().rstrip(".")
    if not _DOMAIN.match(found):
        raise ValueError(
            "Write only the domain, like grove.example: no https://, no path. Its subdomains are included."
        )
    return found


def server_pattern(value: object) -> str:
    """Read a pattern of server names, such as ``*.example``; the port is no part of it (``m.room.server_acl``)."""
    found = text(value, most=255).lower()
    if not _PATTERN.match(found):
        raise ValueError('Write a server name like bad.example, or a pattern like "*.bad.example" (in quotes).')
    return found


def homeserver(value: object) -> str:
    """Read the address of a homeserver, without a slash at its end."""
    found = text(value, most=400).rstrip("/")
    try:
        parts = urlsplit(found)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        good, parts = False, urlsplit("")
    if not good or parts.path or parts.query or parts.fragment or "@" in parts.netloc or re.search(r"\s", found):
        raise ValueError(
            'Write the homeserver\'s address, like "https://matrix.grove.example" or "http://127.0.0.1:8008".'
        )
    return found


def listen(value: object) -> tuple[str, int]:
    """Read where to listen: an address of this machine and a port, such as ``127.0.0.1:8090`` or ``[::1]:8090``."""
    found = _LISTEN.match(text(value, most=80))
    try:
        host, port = str(ip_address((found[1] or found[2]) if found else "")), int(found[3] if found else 0)
    except ValueError:
        host, port = "", 0
    if not host or not 1 <= port <= 65_535:
        raise ValueError('Write an address of this machine and a port, like "127.0.0.1:8090".')
    return host, port


def web_address(value: object) -> str:
    """Read the address under which people reach what the bot serves, without a slash at its end."""
    found = text(value, most=400).rstrip("/")
    try:
        parts = urlsplit(found)
        good = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        good, parts = False, urlsplit("")
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _THIS_MACHINE)
    if not good or not safe or not _WEB_PATH.match(parts.path) or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(
            'Write the address under which people reach it, like "https://grove.example/keeper". It must be https.'
        )
    return found
