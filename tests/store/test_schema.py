"""The tables and the SQL: every key begins with the account, and PostgreSQL would read every statement, too."""

from __future__ import annotations

import ast
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlite_utils import Database, Migrations
from sqlite_utils.db import Table

from orchestrator.store.schema import migrations

from .words import REPOSITORY

HOUSE = REPOSITORY / "orchestrator"
ENGINES_OWN = {"matrix"}
"""Where SQL is for nio's own SQLite file."""

ONLY_SQLITE = {
    "a bare user (reserved in PostgreSQL: quote it)": r"""(?<![\w:"'])user(?![\w"'])""",
    "insert or": r"\binsert\s+or\b|\breplace\s+into\b",
    "scalar min or max": r"\b(?:min|max)\s*\([^()]*,",
    "is with a value": r"\bis\s+(?:not\s+)?(?!null\b|not\b|distinct\b)[\w:.]",
    "a number as truth": r"\b(?:and|or|where|not)\s+(?:not\s+)?(?:\w+\.)?(?:ended|told|space|encrypted|witnessed)\s*(?:$|\band\b|\bor\b|\))",
    "functions of SQLite": r"\b(?:ifnull|iif|strftime|julianday|group_concat|instr|typeof|total|json_\w+|random)\s*\(",
    "rowid": r"\browid\b",
    "glob": r"\bglob\b",
    "double equals": "==",
    "positional parameters": r"\?",
}

READERS = {"run", "rows", "one"}
ANYTHING_SEALED = "select 1 from sealed limit 1"
"""The one question that is about all accounts: whether a lost key may be replaced by a new one."""


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    connection = sqlite3.connect(":memory:")
    database = Database(connection)
    migrations.apply(database)
    yield database
    connection.close()


def _tables(database: Database) -> list[Table]:
    return [table for table in database.tables if not table.name.startswith(("_", "sqlite_"))]


def test_every_key_and_index_begins_with_the_account(database: Database) -> None:
    tables = _tables(database)
    assert len(tables) > 15
    assert {table.name for table in tables if table.pks[0] != "account"} == set()
    assert [index for table in tables for index in table.indexes if index.columns[0] != "account"] == []


def test_every_table_checks_its_types(database: Database) -> None:
    assert {table.name for table in _tables(database) if not table.strict} == set()
    columns = {column.type for table in _tables(database) for column in table.columns}
    assert columns == {"TEXT", "INTEGER", "BLOB"}


def test_no_column_is_for_words(database: Database) -> None:
    """But for the questions that members asked to have kept, which stand alone: see prompts/suggestions."""
    tables = [table for table in _tables(database) if table.name != "member_prompt"]
    named = {column.name for table in tables for column in table.columns}
    assert not named & {"body", "text", "name_of", "display_name", "displayname", "reason", "message", "words", "args"}


def _statements() -> Iterator[tuple[str, str]]:
    for path in sorted(HOUSE.rglob("*.py")):
        if ENGINES_OWN.isdisjoint(path.relative_to(HOUSE).parts):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in READERS:
                    for sql in _spelled(*node.args[:1]):
                        yield f"{path.relative_to(HOUSE)}:{node.lineno}", sql


def _spelled(argument: ast.expr | None = None) -> list[str]:
    """Spell out a statement; a table's name in it is a constant of ours, so any that fits will do."""
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return [argument.value]
    if isinstance(argument, ast.JoinedStr):
        parts = [str(part.value) if isinstance(part, ast.Constant) else "\0" for part in argument.values]
        tables = ("shift", "slot", "asked") if "former_key" in "".join(parts) else ("member", "state", "late", "gap")
        return ["".join(parts).replace("\0", table) for table in tables]
    return []


STATEMENTS = [(where, sql) for where, sql in _statements() if not sql.startswith(("savepoint", "release", "rollback"))]


def test_the_statements_are_found() -> None:
    assert len(STATEMENTS) > 100
    assert {where.partition("/")[0] for where, _ in STATEMENTS} >= {"store", "culture", "facilitation", "prompts"}


def test_every_statement_fits_the_tables_and_is_of_one_account(database: Database) -> None:
    for where, sql in STATEMENTS:
        names = set(re.findall(r"(?<!:):([a-z_]\w*)", sql))
        database.execute(f"explain {sql}", dict.fromkeys(names, 1))
        assert "account" in names or sql == ANYTHING_SEALED, where


def test_every_statement_is_one_that_postgresql_reads() -> None:
    found = [(where, what) for where, sql in STATEMENTS for what, bad in ONLY_SQLITE.items() if re.search(bad, sql)]
    assert found == []


@pytest.mark.parametrize(
    "sql",
    [
        "select user from direct",
        "update direct set user = :user",
        "insert or ignore into late (account) values (:account)",
        "update unsettled set priority = min(priority, excluded.priority)",
        "select 1 from claim where until_ms is not excluded.until_ms",
        "select 1 from claim where key = :key and not ended",
        "select ifnull(room, '') from outbox",
    ],
)
def test_what_only_sqlite_reads_is_found(sql: str) -> None:
    assert [what for what, pattern in ONLY_SQLITE.items() if re.search(pattern, sql)] != []


def test_a_migration_that_fails_half_way_leaves_no_table_behind(tmp_path: Path) -> None:
    halfway = Migrations("halfway")

    @halfway()
    def tables(db: Database) -> None:
        db.table("first").create({"account": str}, pk="account")
        raise RuntimeError("the power went")

    connection = sqlite3.connect(tmp_path / "some.db")
    with pytest.raises(RuntimeError, match="power"):
        halfway.apply(Database(connection))
    assert connection.execute("select name from sqlite_master where name = 'first'").fetchall() == []
    connection.close()
