from __future__ import annotations

import ast
import asyncio
import gc
import io
import json
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator import logs
from orchestrator.discretion import discreet, say, shorten_ids, trace
from orchestrator.errors import CirclekeeperError, Refusal, ServerTrouble
from orchestrator.model.effects import Priority
from orchestrator.model.events import Message
from orchestrator.model.ids import EventId, RoomId, UserId, shorten

SECRET = "i-am-so-tired-of-it-all"
ANA = "@ana:grove.example"
ROOM = "!circle:grove.example"
NEW_ROOM = "!" + "aB3-_" * 8 + "xyz"
EVENT = "$" + "Zy9_-" * 8 + "abc"
OLD_EVENT = "$15163622445EBvZJ:grove.example"
V3_EVENT = "$" + "a+b/c" * 8 + "123"


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    """Logging is the process's own: leave it as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning
    yield
    sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning = hooks
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(params=["json", "pretty"])
def out(request: pytest.FixtureRequest) -> io.StringIO:
    """What was logged, in both shapes."""
    stream = io.StringIO()
    logs.configure(as_json=request.param == "json", stream=stream, level=logging.DEBUG)
    return stream


@pytest.fixture
def lines() -> Lines:
    stream = io.StringIO()
    logs.configure(as_json=True, stream=stream)
    return Lines(stream)


@dataclass
class Lines:
    stream: io.StringIO

    def all(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def one(self) -> dict[str, object]:
        (line,) = self.all()
        return line


log = structlog.get_logger("craft")


# -- our own lines -----------------------------------------------------------------------------------------------------


def test_a_line_has_time_level_name_event_and_facts(lines: Lines) -> None:
    log.warning("not delivered yet", tries=3, ratio=0.5, ok=True, nothing=None, priority=Priority.SAFETY)
    line = lines.one()
    assert str(line.pop("timestamp")).endswith("Z")
    assert line == {
        "logger": "craft",
        "level": "warning",
        "event": "not delivered yet",
        "tries": 3,
        "ratio": 0.5,
        "ok": True,
        "nothing": None,
        "priority": "safety",
    }


def test_debug_lines_are_not_told_unless_asked_for(lines: Lines) -> None:
    log.debug("very much")
    assert lines.all() == []


@pytest.mark.parametrize("identifier", [ANA, ROOM, NEW_ROOM, EVENT, OLD_EVENT, V3_EVENT, "#general:grove.example"])
def test_ids_are_shortened_wherever_they_stand(out: io.StringIO, identifier: str) -> None:
    structlog.contextvars.bind_contextvars(bound=identifier)
    event = f"about {identifier}."
    log.info(event, one=identifier, within={identifier: [("x", {identifier})]})
    log.info("failed", error=Refusal(f"No, {identifier}!", room=identifier))
    log.error("raised", exc_info=ServerTrouble(f"It hides {identifier}", call=identifier))
    structlog.contextvars.clear_contextvars()
    written = out.getvalue()
    assert identifier not in written
    assert identifier[1:12] not in written
    assert written.count(shorten(identifier)) >= 8


@pytest.mark.parametrize(
    ("text", "shortened"),
    [
        (f"<{ANA}>, ({ROOM})", f"<{shorten(ANA)}>, ({shorten(ROOM)})"),
        (f"{ANA}: hello", f"{shorten(ANA)}: hello"),
        (f"by {ANA}.", f"by {shorten(ANA)}."),
        (f"{ANA},{ANA}", f"{shorten(ANA)},{shorten(ANA)}"),
        ("@ana:127.0.0.1:8448 left", f"{shorten('@ana:127.0.0.1:8448')} left"),
        ("@ana:[::1]:80 left", f"{shorten('@ana:[::1]:80')} left"),
        ("@a'n(a!=/+x:grove.example", shorten("@a'n(a!=/+x:grove.example")),
        ("PUT /rooms/%21circle%3Agrove.example/send", f"PUT /rooms/{shorten(ROOM)}/send"),
        ("@50%25:grove.example", shorten("@50%25:grove.example")),
        ("/%40ana%3Agrove.example%3A8448/", f"/{shorten('@ana:grove.example:8448')}/"),
        (f"/rooms/%21{NEW_ROOM[1:]}/", f"/rooms/{shorten(NEW_ROOM)}/"),
        (f"/%24{V3_EVENT[1:].replace('+', '%2B').replace('/', '%2F')}/", f"/{shorten(V3_EVENT)}/"),
        ("type !help or @facilitators, for $5", "type !help or @facilitators, for $5"),
        ("12:30 and http://127.0.0.1:8008/x", "12:30 and http://127.0.0.1:8008/x"),
        ("Bearer syt_a2VlcGVy_abcdefgh_1x", "Bearer ***"),
        ("token syt_a2VlcGVy_abcdefgh_1x.", "token ***."),
    ],
)
def test_text_around_ids_stays(text: str, shortened: str) -> None:
    assert shorten_ids(text) == shortened


LOCALPARTS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=":"), min_size=1)
SERVERS = st.from_regex(r"\A[a-z0-9]([a-z0-9\-.]{0,20}[a-z0-9])?(:[0-9]{2,5})?\Z")


@settings(deadline=None)
@given(
    st.sampled_from("@!$#"), LOCALPARTS, SERVERS, st.sampled_from(["", " ", "(", '"']), st.sampled_from(["", " x", ","])
)
def test_no_id_of_the_grammar_gets_through(sigil: str, local: str, server: str, before: str, after: str) -> None:
    identifier = f"{sigil}{local[:200]}:{server}"
    assert shorten_ids(before + identifier + after) == before + shorten(identifier) + after


@settings(deadline=None)
@given(st.text(alphabet="@!$#:%34021aA.[]- \n", max_size=300))
def test_shortening_never_fails_and_shortens_for_good(text: str) -> None:
    once = shorten_ids(text)
    assert isinstance(shorten_ids(once), str)


def test_shortening_a_very_long_line_is_quick() -> None:
    nasty = "@" * 5_000 + "%40" * 3_000 + "!" + "a" * 50_000
    assert len(shorten_ids(nasty)) == len(nasty)


def test_of_objects_only_the_type_is_told() -> None:
    message = Message(room=RoomId(ROOM), id=EventId(EVENT), sender=UserId(ANA), at_ms=1, kind="m.text", body=SECRET)
    assert discreet(message) == "<Message>"
    assert discreet({"a": [object(), SECRET.encode()]}) == {"a": ["<object>", "<bytes>"]}
    assert discreet(SimpleNamespace(body=SECRET)) == "<SimpleNamespace>"
    assert discreet(Path("data/keeper.db")) == "data/keeper.db"


def test_what_contains_itself_ends() -> None:
    loop: list[object] = []
    loop.append(loop)
    assert discreet(loop) == [[[[["..."]]]]]


# -- exceptions --------------------------------------------------------------------------------------------------------


def decide(body: str) -> None:
    """A craft that trips over what somebody wrote."""
    local_variable = body * 2
    try:
        int(body)
    except ValueError as error:
        error.add_note(f"while reading {body}")
        raise KeyError(local_variable, error) from error


def raised(body: str) -> Exception:
    try:
        decide(body)
    except KeyError as error:
        return error
    raise AssertionError


def test_an_exception_in_a_craft_is_told_without_anybodys_words(out: io.StringIO) -> None:
    try:
        decide(SECRET)
    except KeyError as error:
        log.exception("a craft failed", craft="culture", why=error)
        log.error("again", exc_info=error)  # noqa: TRY400 - another way to hand it over
        log.warning("and again", exc_info=sys.exc_info(), stack_info=True)
    written = out.getvalue()
    assert SECRET not in written
    assert "local_variable" not in written
    assert written.count("tests/test_logs.py:") + written.count("test_logs.py:") >= 3
    assert "in decide" in written
    assert "ValueError" in written
    assert "KeyError" in written


def test_a_group_of_exceptions_tells_of_each_and_of_no_message(out: io.StringIO) -> None:
    group = ExceptionGroup(SECRET, [raised(SECRET), ExceptionGroup(SECRET, [TypeError(SECRET)]), Refusal("Not now.")])
    log.error("several", exc_info=group)
    written = out.getvalue()
    assert SECRET not in written
    for told in ("ExceptionGroup", "KeyError", "TypeError", "Refusal: Not now."):
        assert told in written


def test_our_own_sentence_is_told_with_its_facts() -> None:
    error = ServerTrouble("The homeserver answered 502.", status=502, call="PUT rooms/{}/send/{}/{}")
    assert say(error) == "ServerTrouble: The homeserver answered 502. (status=502, call=PUT rooms/{}/send/{}/{})"
    hidden = CirclekeeperError("Odd.", event=SimpleNamespace(body=SECRET), cause=ValueError(SECRET))
    assert say(hidden) == "CirclekeeperError: Odd. (event=<SimpleNamespace>, cause=ValueError)"


def test_a_trace_names_places_without_this_machines_paths() -> None:
    written = trace(raised(SECRET))
    assert str(Path(__file__).parent.parent) not in written
    assert "/home" not in written
    assert "which led to" in written


def test_a_trace_of_endless_recursion_or_of_a_circle_is_short() -> None:
    def again() -> None:
        again()

    with pytest.raises(RecursionError) as caught:
        again()
    assert len(trace(caught.value).splitlines()) < 30
    one, two = ValueError(SECRET), TypeError(SECRET)
    one.__cause__, two.__cause__ = two, one
    assert trace(one).splitlines() == ["...", "which led to", "TypeError", "which led to", "ValueError"]


# -- other people's libraries ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nio", "nio.events.misc", "nio.crypto.log"])
def test_of_nio_only_that_there_was_something_is_told(lines: Lines, name: str) -> None:
    nio = logging.getLogger(name)
    nio.setLevel(logging.DEBUG)
    nio.debug(SECRET)
    nio.info("event %s", SECRET)
    assert lines.all() == []
    nio.warning(f"Error validating event: {SECRET}")
    nio.warning(ValueError(SECRET))
    nio.error("Failed %s", SECRET, exc_info=raised(SECRET), extra={"body": SECRET})
    nio.setLevel(logging.NOTSET)
    assert SECRET not in lines.stream.getvalue()
    for line, level in zip(lines.all(), ["warning", "warning", "error"], strict=True):
        assert set(line) == {"timestamp", "logger", "level", "event"}
        assert (line["logger"], line["level"], line["event"]) == (name, level, logs.NIO_LEFT_OUT)


def test_the_real_nio_quotes_a_malformed_event_and_it_goes_nowhere(out: io.StringIO) -> None:
    from nio import Event  # noqa: PLC0415 - only here

    Event.parse_event({"type": "m.room.message", "content": {"msgtype": 5, "body": SECRET}, "sender": ANA})
    assert logs.NIO_LEFT_OUT in out.getvalue()
    assert SECRET not in out.getvalue()
    assert ANA not in out.getvalue()


async def test_a_task_whose_exception_nobody_fetched_is_told_without_its_words(lines: Lines) -> None:
    async def craft(body: str) -> None:
        raise ValueError(body)

    task = asyncio.create_task(craft(SECRET))
    await asyncio.wait([task])
    del task
    gc.collect()
    line = lines.one()
    assert line["event"] == "Task exception was never retrieved"
    assert line["logger"] == "asyncio"
    assert str(line["exception"]).endswith("ValueError")
    assert SECRET not in lines.stream.getvalue()


async def test_a_callback_that_fails_is_told_without_its_arguments(lines: Lines) -> None:
    done = asyncio.Event()

    def callback(body: str) -> None:
        done.set()
        raise ValueError(body)

    asyncio.get_running_loop().call_soon(callback, SECRET)
    await done.wait()
    await asyncio.sleep(0)
    assert lines.one()["event"] == "Exception in callback"
    assert SECRET not in lines.stream.getvalue()


@pytest.mark.parametrize(
    ("name", "message", "args", "event"),
    [
        ("asyncio", "Executing %s took %.3f seconds", (SECRET, 0.5), "Executing ... took 0.500 seconds"),
        (
            "aiohttp.client",
            "Could not parse .netrc file: %s",
            (ValueError(SECRET),),
            "Could not parse .netrc file: ...",
        ),
        ("aiohttp.server", "Error handling request from %r", (SECRET,), "Error handling request from ..."),
        ("aiohttp.server", f"Said {SECRET}", (), logs.LEFT_OUT),
        ("asyncio", "%(body)s", ({"body": SECRET},), logs.LEFT_OUT),
        ("asyncio", "%d people", (SECRET,), logs.LEFT_OUT),
        ("asyncio", "%s", (SECRET, SECRET), logs.LEFT_OUT),
        ("peewee", "query %s", (SECRET,), logs.LEFT_OUT),
        ("somebody.else", SECRET, (), logs.LEFT_OUT),
    ],
)
def test_of_other_libraries_the_sentence_of_their_source_is_told_at_most(
    lines: Lines, name: str, message: str, args: tuple[object, ...], event: str
) -> None:
    (behind,) = [handler for handler in logging.getLogger().handlers if isinstance(handler, logs._Behind)]
    error = raised(SECRET)
    for level in (logging.INFO, logging.WARNING, logging.CRITICAL):
        exc_info = (type(error), error, error.__traceback__)
        behind.handle(logging.LogRecord(name, level, __file__, 1, message, args, exc_info))
    told = lines.all()
    assert [line["event"] for line in told] == [event, event]
    assert [line["level"] for line in told] == ["warning", "critical"]
    assert str(told[0]["place"]).startswith("test_logs:")
    assert SECRET not in lines.stream.getvalue()


def test_loggers_that_write_for_themselves_are_silenced(lines: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    loud = logging.getLogger("somebody.loud")
    loud.addHandler(logging.StreamHandler(sys.stderr))
    loud.propagate = False
    logs.configure(as_json=True, stream=lines.stream)
    loud.warning(SECRET)
    assert SECRET not in capsys.readouterr().err
    assert lines.one()["event"] == logs.LEFT_OUT


def test_a_line_that_cannot_be_logged_is_not_printed_with_its_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(as_json=True, stream=io.StringIO())
    handler = logging.getLogger().handlers[0]
    record = logging.LogRecord("nio.x", logging.WARNING, "x.py", 1, SECRET, (), None)
    with suppress(ValueError):
        try:
            int(SECRET)
        finally:
            handler.handleError(record)
    assert capsys.readouterr().err == "a line of nio could not be logged\n"


# -- what nobody caught ------------------------------------------------------------------------------------------------


def test_an_uncaught_exception_ends_in_the_log_without_its_words(out: io.StringIO) -> None:
    error = raised(SECRET)
    sys.excepthook(type(error), error, error.__traceback__)
    thread = threading.Thread(target=decide, args=(SECRET,))
    thread.start()
    thread.join()
    sys.unraisablehook(
        SimpleNamespace(exc_type=type(error), exc_value=error, exc_traceback=None, err_msg=SECRET, object=SECRET)
    )
    assert SECRET not in out.getvalue()
    assert out.getvalue().count("in decide") >= 3


def test_warnings_are_told_by_kind_and_place_only(lines: Lines) -> None:
    warnings.showwarning(UserWarning(SECRET), UserWarning, "/somewhere/lib/odd.py", 7)
    line = lines.one()
    assert (line["kind"], line["place"]) == ("UserWarning", "odd.py:7")
    assert SECRET not in lines.stream.getvalue()


# -- where it goes -----------------------------------------------------------------------------------------------------


def test_a_log_file_is_only_ours_survives_rotation_and_is_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "circlekeeper.log"
    logs.configure_file(path)
    log.info("one", odd="\ud800")
    path.rename(tmp_path / "circlekeeper.log.1")
    log.info("two")
    logs.configure_file(path)
    log.info("three")
    assert path.stat().st_mode & 0o777 == 0o600
    assert [json.loads(line)["event"] for line in path.read_text().splitlines()] == ["two", "three"]
    assert "one" in (tmp_path / "circlekeeper.log.1").read_text()


def test_a_disk_that_is_full_or_a_closed_terminal_stops_nobody(tmp_path: Path) -> None:
    logs.configure_file(tmp_path / "no" / "such" / "directory.log")
    log.warning("lost")
    stream = io.StringIO()
    logs.configure(stream=stream)
    stream.close()
    logging.getLogger("asyncio").warning("lost too")


def test_every_line_of_ours_is_a_fixed_sentence_with_facts_by_name() -> None:
    # A value put into the sentence itself (by %s, + or an f-string) would be text before anything could look at it.
    loose: list[str] = []
    for path in sorted(Path(logs.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="log" | "logger"), attr=level), args=args) if (
                    level in {"debug", "info", "warning", "error", "exception", "critical"}
                ):
                    if not (len(args) == 1 and isinstance(args[0], ast.Constant | ast.IfExp | ast.Name)):
                        loose.append(f"{path.name}:{node.lineno}")
                case _:
                    pass
    assert loose == []


def test_importing_these_modules_imports_no_nio() -> None:
    modules = ["logs", "matrix.gateway", "matrix.budget", "matrix.session"]
    code = f"import sys; {'; '.join(f'import orchestrator.{m}' for m in modules)}; sys.exit('nio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 - our own words
