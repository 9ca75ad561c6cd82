"""The pages say what is so: every key, command, table and link on them is looked up in the code, and the other way round."""

from __future__ import annotations

import ast
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Final

import pytest
from cyclopts import App

from orchestrator.app import build_crafts
from orchestrator.cli import app
from orchestrator.documents.edge import config, deck, meeting, policy, rota, rules, settings, template
from orchestrator.documents.edge.base import fields_of
from orchestrator.documents.emit import as_yaml
from orchestrator.documents.load import examine
from orchestrator.documents.yaml12 import parse_source, read_source
from orchestrator.engine.commands import Commands, by_craft
from orchestrator.matrix.olm import Machine
from orchestrator.matrix.seal import Seal
from orchestrator.model.ids import DeviceId, UserId
from orchestrator.store import Store
from tests.declared import documents
from tests.documents.authors import SHIPPED, settle, unwise

PAGES: Final = (SHIPPED / "README.md", *sorted((SHIPPED / "docs").glob("*.md")))
ME: Final = UserId("@keeper:grove.example")
BLOCK: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE: Final = re.compile(r"`([^`\n]+)`")
UNSAID: Final = re.compile(r"^- (?:\w+ \d+ \w+, \d\d:\d\d: @\S+$|[a-z-]+: )", re.MULTILINE)
"""The parts of lists that hold no sentence: a turn, the name of a rule."""
LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def page(name: str) -> str:
    return (SHIPPED / "docs" / name).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """The text below a heading, up to the next heading of whatever level."""
    _before, found, rest = BLOCK.sub("", text).partition(f"\n{heading}\n")
    assert found, f"there is no heading {heading!r}"
    return re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> Iterator[list[str]]:
    """The rows of the tables in a text, without heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    for before, line in zip(["", *lines], lines, strict=False):
        is_head = before == "" or not before.startswith("|")
        if not is_head and not line.startswith("|---"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def codes(text: str) -> list[str]:
    """Everything that is set as code, in lines and in blocks that are no YAML."""
    blocks = [body for kind, body in BLOCK.findall(text) if kind != "yaml"]
    return [*CODE.findall(BLOCK.sub("", text)), *blocks]


# -- YAML --------------------------------------------------------------------------------------------------------------


YAML: Final = [
    pytest.param(body, id=f"{path.name}, block {number}")
    for path in PAGES
    for number, (kind, body) in enumerate(BLOCK.findall(path.read_text(encoding="utf-8")))
    if kind in {"yaml", "yml"}
]


@pytest.mark.parametrize("body", YAML)
def test_every_yaml_block_passes_check_in_its_place(tmp_path: Path, body: str) -> None:
    """A block says in its first line which file it is, or, after "in", of which file's keys it shows a part."""
    author = settle(tmp_path)
    named = re.match(r"# (in )?(\S+\.yaml)\n", body)
    assert named is not None, "the first line names no file"
    if named[1]:
        whole = read_source(tmp_path / named[2], named[2]).value
        body = as_yaml({**whole, **parse_source(body, named[2]).value})
    author.write(named[2], body)
    found = examine(author.config, today=date(2026, 11, 22))
    assert not found.errors
    assert not unwise(found)


# -- the keys of the files ---------------------------------------------------------------------------------------------

FORMS: Final[Mapping[str, type]] = {
    "### At the top": config.ConfigForm,
    "### web": config.WebForm,
    "### An account": config.AccountForm,
    "### A community": config.CommunityForm,
    "### A room": config.RoomForm,
    "## room_templates/*.yaml": template.TemplateForm,
    "### A floor": settings.FloorForm,
    "### settings": settings.SettingsForm,
    "### acl": settings.AclForm,
    "### power": settings.PowerForm,
    "### rota": rota.RotaForm,
    "### layers (a list)": rota.LayerForm,
    "### temporary (a list)": rota.TemporaryForm,
    "### prompts (a list)": template.PromptForm,
    "### meetings (a list)": meeting.MeetingForm,
    "### welcome": template.WelcomeForm,
    "## room_templates/decks/*.yaml": deck.DeckForm,
    "### A question": deck.QuestionForm,
    "### A poll": deck.PollForm,
    "## policies/*.yaml": policy.PolicyForm,
    "### norms": policy.NormsForm,
    "### rules (a list)": rules.RuleForm,
    "### when": rules.WhenForm,
    "### links": rules.LinksForm,
    "### ladder": rules.LadderForm,
    "### hands": rules.HandsForm,
    "### care": policy.CareForm,
    "### A resource": policy.ResourceForm,
}


@pytest.mark.parametrize("heading", FORMS)
def test_every_key_of_a_file_is_listed_and_whether_it_is_needed(heading: str) -> None:
    listed = {row[0].strip("`"): row[2] for row in rows(section(page("files.md"), heading))}
    fields = fields_of(FORMS[heading])
    assert set(listed) == set(fields)
    for key, (_type, needed) in fields.items():
        assert not needed or listed[key] == "needed", key


def test_every_part_that_can_drift_is_listed_with_what_is_done_about_it() -> None:
    listed = {row[0].strip("`"): row[2].strip("`") for row in rows(section(page("files.md"), "### on_drift"))}
    assert listed == template.DRIFT


# -- commands ----------------------------------------------------------------------------------------------------------


def in_room_commands() -> set[str]:
    declared = documents()
    crafts = build_crafts(declared, ME)
    return set(Commands(declared, crafts.roster, by_craft({one.name: one.commands for one in crafts.features})).names)


def verbs() -> dict[str, set[str]]:
    """The verbs of the command line, each with its options."""
    return {
        name: {word for one in verb.assemble_argument_collection() for word in one.names if "--no-" not in word}
        for name, verb in every_verb(app)
    }


def every_verb(above: App, before: str = "") -> Iterator[tuple[str, App]]:
    """The verbs, and those of two words."""
    for name in above:
        if not name.startswith("-"):
            below = list(every_verb(above[name], f"{before}{name} "))
            yield from below or [(f"{before}{name}", above[name])]


def test_every_command_in_a_room_is_on_the_pages_and_there_is_every_one_that_is() -> None:
    pages = {name: page(name) for name in ("members.md", "facilitators.md", "admins.md", "files.md", "privacy.md")}
    named = {name: set(re.findall(r"!([a-z]+)\b", " ".join(codes(text)))) for name, text in pages.items()}
    assert set().union(*named.values()) == in_room_commands()
    assert named["members.md"] == in_room_commands()
    assert named["facilitators.md"] == in_room_commands()


def test_every_verb_of_the_command_line_is_on_the_page_with_all_its_options() -> None:
    table = section(page("admins.md"), "## The commands")
    listed = {row[0].strip("`").removeprefix("circlekeeper "): row[1] for row in rows(table)}
    assert set(listed) == set(verbs())
    for verb, options in verbs().items():
        own = {option for option in options if option.startswith("--")} - {"--config"}
        assert set(re.findall(r"--[a-z-]+", listed[verb])) == own
    assert "`--config FILE` (or `-c`)" in table


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_page_names_a_verb_or_an_option_that_there_is_not(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    options = {"--help", "--version"}.union(*verbs().values())
    for code in codes(text):
        for line in code.splitlines():
            for verb, rest in re.findall(r"(?:^|/)circlekeeper ([a-z]+(?: try)?)([^#|\n]*)", line):
                assert verb in verbs(), line
                assert set(re.findall(r"--[a-z-]+", rest)) <= options, line
        if code.startswith("--"):
            assert set(re.findall(r"--[a-z-]+", code)) <= options, code


# -- what the bot is shown to say --------------------------------------------------------------------------------------


def test_what_the_bot_is_shown_to_say_is_what_it_says() -> None:
    """Every answer shown on a page is made of the sentences that stand in the code (and of the shipped documents)."""
    sentences = [plain(text) for path in (SHIPPED / "orchestrator").rglob("*.py") for text in translated(path)]
    patterns = sorted({as_pattern(one) for one in sentences if len(re.sub(r"\{\w+\}", "", one)) > 12}, key=len)
    whole = re.compile(rf"(?:\s*(?:- )?(?:{'|'.join(reversed(patterns))}))+\s*")
    said = [one for name in ("members.md", "facilitators.md") for one in answers(page(name))]
    assert len(said) > 5
    for one in said:
        assert whole.fullmatch(one), one


def answers(text: str) -> Iterator[str]:
    for kind, body in BLOCK.findall(text):
        _asked, shown, answer = body.partition("keeper\n")
        if not kind and shown and (body.startswith("keeper\n") or "\n\nkeeper\n" in body):
            yield plain(UNSAID.sub("", answer))


def translated(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"_", "N_", "ngettext"}:
            for argument in node.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value


def plain(text: str) -> str:
    return " ".join(re.sub(r"[`*]", "", text).split())


def as_pattern(sentence: str) -> str:
    parts = re.split(r"\{\w+\}", sentence.removeprefix("- "))
    return r"\S+(?: \S+){0,12}?".join(map(re.escape, parts))


# -- links -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_within_the_repository_leads_somewhere(path: Path) -> None:
    for link in LINK.findall(path.read_text(encoding="utf-8")):
        if link.startswith(("http://", "https://")):
            continue
        name, _hash, anchor = link.partition("#")
        target = path.parent / name if name else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", BLOCK.sub("", text), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_index_leads_to_every_page() -> None:
    linked = set(LINK.findall(page("README.md")))
    assert linked >= {path.name for path in PAGES if path.parent.name == "docs"} - {"README.md"}


# -- what is kept ------------------------------------------------------------------------------------------------------


def columns(database: Path) -> dict[str, set[str]]:
    with closing(sqlite3.connect(database)) as connection:
        names = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
        return {name: {row[1] for row in connection.execute(f"pragma table_info('{name}')")} for name in names}


def on_the_page(heading: str) -> dict[str, set[str]]:
    return {row[0].strip("`"): set(CODE.findall(row[1])) for row in rows(section(page("privacy.md"), heading))}


async def test_every_table_and_column_of_the_database_is_on_the_privacy_page(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    await store.close()
    kept = columns(tmp_path / "circlekeeper.db")
    del kept["_sqlite_migrations"]
    kept.pop("sqlite_sequence", None)
    assert all("account" in names for names in kept.values())
    listed = on_the_page("## What is kept: circlekeeper.db")
    assert listed == {name: names - {"account"} for name, names in kept.items()}


def test_every_table_and_column_of_the_encryption_keys_is_on_the_privacy_page(tmp_path: Path) -> None:
    Machine.open(tmp_path, ME, DeviceId("CKTESTTEST"), Seal(bytes(32))).close()
    (file,) = tmp_path.glob("*.db")
    kept = columns(file)
    kept.pop("sqlite_sequence", None)
    listed = on_the_page("## What is kept: crypto/")
    empty = set(
        CODE.findall(page("privacy.md").partition("The library also makes ")[2].partition("They stay empty")[0])
    )
    assert listed == {name: names for name, names in kept.items() if name not in empty}
    assert empty == kept.keys() - listed.keys()
