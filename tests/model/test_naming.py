"""Whom a command names: written out, linked, or mentioned."""

from __future__ import annotations

from orchestrator.model import naming
from orchestrator.model.ids import UserId

ANA, BO, ME = UserId("@ana:grove.example"), UserId("@bo:grove.example"), UserId("@keeper:grove.example")


def test_an_id_is_read_with_the_signs_that_people_put_around_it() -> None:
    assert naming.written(["`@ana:grove.example`", "<@bo:grove.example>,", "ana", "@ana"]) == [ANA, BO]


def test_a_link_is_read_where_it_is_typed_and_where_a_client_made_it() -> None:
    html = '<a href="https://matrix.to/#/%40ana%3Agrove.example">Ana</a>'
    assert naming.linked(html, ["https://matrix.to/#/@bo:grove.example"]) == [ANA, BO]


def test_the_one_is_whom_the_first_group_names_that_names_just_one() -> None:
    assert naming.the_one(([ANA], [BO]), ME) == ANA
    assert naming.the_one(([], [ANA, ANA], [BO]), ME) == ANA
    assert naming.the_one(([ANA, BO], [BO]), ME) == BO
    assert naming.the_one(([], []), ME) is None
    assert naming.the_one(([], [UserId("@ana")]), ME) is None


def test_the_bot_is_meant_only_where_its_id_is_written_out() -> None:
    assert naming.the_one(([ME],), ME) == ME
    assert naming.the_one(([], [ME, BO]), ME) == BO
