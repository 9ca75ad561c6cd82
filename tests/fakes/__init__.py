"""A homeserver that lives in the test: fast, deterministic, and naughty on demand.

async with FakeHomeserver("grove.example") as hs:
    keeper = hs.user("@keeper:grove.example", "secret")     # logs in over HTTP
    cy = hs.person("@cy:grove.example")                     # acts in the test
    room = cy.create_room(name="Tuesday circle", invite=["@keeper:grove.example"])
    hs.faults.add(LoseResponse(), "PUT", r"/send/")
    ...
    await hs.until(lambda: "hello" in room.texts())
"""

from .clock import START_MS, FakeClock
from .events import Event
from .far import FarServer
from .faults import Fault, Rule
from .limits import STOCK, Rate
from .misbehaviour import (
    CloseBefore,
    CutBody,
    Hold,
    HtmlError,
    LoseResponse,
    MalformedJson,
    Refuse,
    RepeatSync,
    SpoilSync,
    TooMany,
    UnknownToken,
)
from .people import Person
from .problems import MatrixProblem
from .recorder import Recorder, Seen
from .room import Room
from .server import FakeHomeserver
from .signing import SigningKey
from .values import Json, JsonObject

__all__ = [
    "START_MS",
    "STOCK",
    "CloseBefore",
    "CutBody",
    "Event",
    "FakeClock",
    "FakeHomeserver",
    "FarServer",
    "Fault",
    "Hold",
    "HtmlError",
    "Json",
    "JsonObject",
    "LoseResponse",
    "MalformedJson",
    "MatrixProblem",
    "Person",
    "Rate",
    "Recorder",
    "Refuse",
    "RepeatSync",
    "Room",
    "Rule",
    "Seen",
    "SigningKey",
    "SpoilSync",
    "TooMany",
    "UnknownToken",
]
