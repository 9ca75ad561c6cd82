"""The socket by which writing verbs reach the running bot."""

from __future__ import annotations

import asyncio
import json
import socket
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from orchestrator import control
from orchestrator.errors import Refusal, SetupError
from orchestrator.model.ids import JsonObject


async def echo(request: JsonObject) -> JsonObject:
    return {"heard": request}


async def refuse(request: JsonObject) -> JsonObject:
    raise Refusal("There is no room of that name.")


async def stumble(request: JsonObject) -> JsonObject:
    raise RuntimeError("a secret of somebody's")


VERBS: Mapping[str, control.Verb] = {"echo": echo, "refuse": refuse, "stumble": stumble}


async def raw(data_dir: Path, line: bytes) -> JsonObject:
    """Say something to the socket that ``ask`` would never say."""
    reader, writer = await asyncio.open_unix_connection(str(data_dir / control.SOCKET))
    writer.write(line)
    writer.write_eof()
    answer = await reader.readline()
    writer.close()
    await writer.wait_closed()
    found = json.loads(answer)
    assert isinstance(found, dict)
    return found


async def test_a_verb_is_carried_out_by_the_running_bot(tmp_path: Path) -> None:
    async with control.serve(tmp_path, VERBS):
        assert await control.ask(tmp_path, "echo", room="tuesday", n=3) == {"heard": {"room": "tuesday", "n": 3}}


async def test_many_may_ask_at_once(tmp_path: Path) -> None:
    async with control.serve(tmp_path, VERBS):
        answers = await asyncio.gather(*(control.ask(tmp_path, "echo", n=n) for n in range(20)))
    assert answers == [{"heard": {"n": n}} for n in range(20)]


async def test_where_no_bot_runs_nobody_answers(tmp_path: Path) -> None:
    assert await control.ask(tmp_path, "echo") is None
    assert await control.ask(tmp_path / "nowhere", "echo") is None
    async with control.serve(tmp_path, VERBS):
        pass
    assert not (tmp_path / control.SOCKET).exists()
    assert await control.ask(tmp_path, "echo") is None


async def test_the_bots_own_sentence_is_passed_on(tmp_path: Path) -> None:
    async with control.serve(tmp_path, VERBS):
        with pytest.raises(SetupError, match=r"^There is no room of that name\.$"):
            await control.ask(tmp_path, "refuse")


async def test_an_unknown_verb_is_answered_with_those_that_are_known(tmp_path: Path) -> None:
    async with control.serve(tmp_path, VERBS):
        with pytest.raises(SetupError) as refused:
            await control.ask(tmp_path, "fly")
    assert str(refused.value) == (
        "The running bot cannot do that; it may be another version. It knows: echo, refuse, stumble."
    )


async def test_a_verb_that_fails_is_answered_without_what_it_failed_on_and_the_next_one_works(tmp_path: Path) -> None:
    async with control.serve(tmp_path, VERBS):
        with pytest.raises(SetupError, match=r"^Something went wrong inside the bot; its log says what\.$"):
            await control.ask(tmp_path, "stumble")
        assert await control.ask(tmp_path, "echo") == {"heard": {}}


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"hello\n",
        b"[]\n",
        b'["verb"]\n',
        b"null\n",
        b'{"verb": null}\n',
        b'{"verb": []}\n',
        b'{"verb": {"a": 1}}\n',
        b'{"word": "echo"}\n',
        b"\xff\xfe\n",
        b"[" * 100_000 + b"\n",
    ],
    ids=lambda line: repr(line[:12]),
)
async def test_what_makes_no_sense_is_answered_all_the_same(tmp_path: Path, line: bytes) -> None:
    async with control.serve(tmp_path, VERBS):
        answer = await raw(tmp_path, line)
        assert answer["ok"] is False
        assert str(answer["error"]).endswith("It knows: echo, refuse, stumble.")
        assert await control.ask(tmp_path, "echo") == {"heard": {}}


async def test_a_line_without_end_is_not_read_to_its_end(tmp_path: Path) -> None:
    async with control.serve(tmp_path, VERBS):
        answer = await raw(tmp_path, b"x" * (control.LONGEST_LINE + 1))
        assert answer == {"ok": False, "error": "That is too long to ask."}
        assert await control.ask(tmp_path, "echo") == {"heard": {}}


async def test_who_hangs_up_before_the_answer_harms_nobody(tmp_path: Path) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slow(request: JsonObject) -> JsonObject:
        asked.set()
        await go_on.wait()
        return {"words": "x" * 1_000_000}

    async with control.serve(tmp_path, {**VERBS, "slow": slow}):
        _reader, writer = await asyncio.open_unix_connection(str(tmp_path / control.SOCKET))
        writer.write(b'{"verb": "slow"}\n')
        await asked.wait()
        writer.transport.abort()
        go_on.set()
        assert await control.ask(tmp_path, "echo") == {"heard": {}}


async def test_stopping_waits_for_nobody_and_who_waits_is_told(tmp_path: Path) -> None:
    asked = asyncio.Event()

    async def endless(request: JsonObject) -> JsonObject:
        asked.set()
        await asyncio.Event().wait()
        return {}

    async with asyncio.timeout(60):
        async with control.serve(tmp_path, {"endless": endless}):
            silent, silent_writer = await asyncio.open_unix_connection(str(tmp_path / control.SOCKET))
            asking = asyncio.create_task(control.ask(tmp_path, "endless"))
            await asked.wait()
        with pytest.raises(SetupError, match=r"^The bot stopped before it answered\. Try again\.$"):
            await asking
        assert await silent.read() == b""
    silent_writer.close()
    await silent_writer.wait_closed()


async def test_who_has_no_patience_left_is_told_not_to_ask_again(tmp_path: Path) -> None:
    async def endless(request: JsonObject) -> JsonObject:
        await asyncio.Event().wait()
        return {}

    async with control.serve(tmp_path, {"endless": endless}):
        with pytest.raises(SetupError, match=r"there is no need to ask again\.$"):
            await control.ask(tmp_path, "endless", patience_s=0.01)


async def test_only_its_owner_may_speak_to_the_bot(tmp_path: Path) -> None:
    async with control.serve(tmp_path, VERBS):
        assert mode_of(tmp_path / control.SOCKET) == 0o600


async def test_a_socket_left_by_a_process_that_died_is_replaced(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    left.bind(str(tmp_path / control.SOCKET))
    left.close()
    assert await control.ask(tmp_path, "echo") is None
    async with control.serve(tmp_path, VERBS):
        assert await control.ask(tmp_path, "echo") == {"heard": {}}


async def test_a_data_directory_may_lie_deeper_than_a_sockets_name_is_long(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-rather-long-name-for-a-directory"] * 6)
    deep.mkdir(parents=True)
    async with control.serve(deep, VERBS):
        assert mode_of(deep / control.SOCKET) == 0o600
        assert await control.ask(deep, "echo", n=1) == {"heard": {"n": 1}}
    assert await control.ask(deep, "echo") is None
    async with control.serve(deep, VERBS):
        assert await control.ask(deep, "echo", n=2) == {"heard": {"n": 2}}


async def test_a_socket_that_cannot_be_made_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"control\.sock cannot be made: No such file or directory"):
        async with control.serve(tmp_path / "nowhere", VERBS):
            pass


async def test_a_directory_that_cannot_be_entered_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(SetupError, match=r"cannot be reached through .*: Not a directory\.$"):
        await control.ask(tmp_path / "data", "echo")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
