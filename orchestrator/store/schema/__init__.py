"""The tables, as migrations. Every key begins with the account; no column holds a member's words.

But for one: the questions that members asked to have kept stand without a name in ``member_prompt``.

``payload`` of an outbox row and ``content`` of a mirrored state event are our own words or structure; the payload is
deleted when the effect is confirmed. Each area's steps stand in its own module; here stands their order.
"""

from __future__ import annotations

from sqlite_utils import Migrations

from . import culture, facilitation, house, prompts, rooms

migrations = Migrations("circlekeeper")

# A step is known by the name of its function, and stands where it was first put: new ones go to the end, with a new name.
for step in (
    house.ingest,
    house.delivery,
    house.engine,
    house.mirror,
    rooms.rooms,
    house.secrets,
    culture.culture,
    facilitation.facilitation,
    prompts.prompts,
    rooms.closing,
    house.questions,
    house.uploads,
    rooms.doors,
    culture.deeds,
    house.paces,
    rooms.drifts,
    rooms.open_ends,
    culture.norms_mended,
    culture.hands,
    culture.ban_lists,
    culture.ladders,
    facilitation.rota,
    prompts.choices,
    prompts.meetings,
    prompts.suggestions,
    prompts.mentions,
):
    migrations()(step)
