"""A strict reader of iCalendar, written from RFC 5545 alone: it forgives nothing that programs may stumble over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

_LINE: Final = re.compile(
    r'(?P<name>[A-Z0-9-]+)(?P<parameters>(?:;[A-Z0-9-]+=(?:"[^"\x00-\x08\x0a-\x1f\x7f]*"|[^";:,\x00-\x08\x0a-\x1f\x7f]*))*)'
    r":(?P<value>[^\x00-\x08\x0a-\x1f\x7f]*)\Z"
)
_UTC: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z\Z")
_DURATION: Final = re.compile(r"[+-]?P(?:[0-9]+W|(?:[0-9]+D)?(?:T(?=[0-9])(?:[0-9]+H)?(?:[0-9]+M)?(?:[0-9]+S)?)?)\Z")
_TEXT: Final = re.compile(r"(?:[^\\;,]|\\[\\;,nN])*\Z")

_TEXTS: Final = {"SUMMARY", "DESCRIPTION", "NAME", "X-WR-CALNAME", "UID", "PRODID"}
_ONCE: Final = {
    "VCALENDAR": {"PRODID", "VERSION", "CALSCALE", "METHOD", "X-WR-CALNAME", "X-PUBLISHED-TTL", "REFRESH-INTERVAL"},
    "VEVENT": {"UID", "DTSTAMP", "DTSTART", "DTEND", "SEQUENCE", "STATUS", "CLASS", "TRANSP", "SUMMARY", "DESCRIPTION"},
    "VALARM": {"ACTION", "TRIGGER", "DESCRIPTION"},
}
_KNOWN: Final = {**_ONCE, "VCALENDAR": _ONCE["VCALENDAR"] | {"NAME"}}
_NEEDED: Final = {
    "VCALENDAR": {"PRODID", "VERSION"},
    "VEVENT": {"UID", "DTSTAMP", "DTSTART"},
    "VALARM": {"ACTION", "TRIGGER", "DESCRIPTION"},
}
_WITHIN: Final = {"VCALENDAR": {""}, "VEVENT": {"VCALENDAR"}, "VALARM": {"VEVENT"}}


@dataclass
class Component:
    name: str
    values: dict[str, list[str]] = field(default_factory=dict)
    parts: list[Component] = field(default_factory=list)

    def one(self, name: str) -> str:
        (value,) = self.values[name]
        return value

    def at(self, name: str) -> datetime:
        return datetime.strptime(self.one(name), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def read(raw: bytes) -> Component:
    """Read one calendar, or fail with what is wrong (RFC 5545, 3.1, 3.2, 3.3, 3.6)."""
    stack: list[Component] = []
    done: list[Component] = []
    for line in _lines(raw):
        found = _LINE.match(line)
        assert found is not None, f"no content line: {line!r}"
        name, value = found["name"], found["value"]
        if name == "BEGIN":
            assert not done, "something stands behind the calendar"
            above = stack[-1].name if stack else ""
            assert above in _WITHIN[value], f"{value} within {above!r}"
            stack.append(Component(value))
        elif name == "END":
            component = stack.pop()
            assert component.name == value, f"END:{value} ends {component.name}"
            _check(component)
            (stack[-1].parts if stack else done).append(component)
        else:
            _check_value(name, value)
            assert name in _KNOWN[stack[-1].name], f"{name} in {stack[-1].name}"
            assert not stack[-1].parts, "a property stands behind a component"
            stack[-1].values.setdefault(name, []).append(value)
    assert not stack, "something is not ended"
    (calendar,) = done
    uids = [event.one("UID") for event in calendar.parts]
    assert len(uids) == len(set(uids)), "two entries have one name"
    return calendar


def _lines(raw: bytes) -> Iterator[str]:
    assert raw.endswith(b"\r\n"), "the last line is not ended"
    assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r"), "line ends are CR LF and nothing else"
    physical = raw[:-2].split(b"\r\n")
    assert all(len(line) <= 75 for line in physical), "a line is longer than 75 octets"
    assert not physical[0].startswith((b" ", b"\t")), "the first line goes nowhere"
    joined = b"\r\n".join(physical).replace(b"\r\n ", b"").replace(b"\r\n\t", b"").split(b"\r\n")
    for line in physical:
        line.decode("utf-8")  # a sign is never cut in half by folding, though it may be
    for line in joined:
        assert line, "an empty line"
        yield line.decode("utf-8")


def _check_value(name: str, value: str) -> None:
    if name in _TEXTS:
        assert _TEXT.match(value), f"{name} is not escaped: {value!r}"
    if name in {"DTSTAMP", "DTSTART", "DTEND"}:
        assert _UTC.match(value), f"{name} is not in UTC: {value!r}"
        datetime.strptime(value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if name in {"TRIGGER", "REFRESH-INTERVAL", "X-PUBLISHED-TTL"}:
        assert len(value) > 2, value
        assert _DURATION.match(value), f"{name} is no duration: {value!r}"
    if name == "SEQUENCE":
        assert value.isdecimal(), value
    if name == "STATUS":
        assert value in {"TENTATIVE", "CONFIRMED", "CANCELLED"}, value
    if name == "CLASS":
        assert value in {"PUBLIC", "PRIVATE", "CONFIDENTIAL"}, value
    if name == "TRANSP":
        assert value in {"OPAQUE", "TRANSPARENT"}, value
    if name == "VERSION":
        assert value == "2.0", value
    if name == "CALSCALE":
        assert value == "GREGORIAN", value


def _check(component: Component) -> None:
    assert _NEEDED[component.name] <= component.values.keys(), component
    for name in _ONCE[component.name]:
        assert len(component.values.get(name, ())) <= 1, f"{name} stands twice"
    if component.name == "VEVENT":
        assert component.at("DTSTART") < component.at("DTEND"), "it ends before it begins"
