"""The leads are reminded of what grows old, on the day and once a month until somebody has seen to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from orchestrator.documents.declared import Documents
from orchestrator.documents.policy import Policy
from orchestrator.model.clock import DAY_MS
from tests.culture.conftest import a_grove, rule
from tests.house import BEGUN_MS, CONTROL, House, body_of, content_of

TODAY = datetime.fromtimestamp(BEGUN_MS / 1000, UTC).date()


def reviewed(documents: Documents, review_by: date | None, verified_on: date = TODAY) -> Documents:
    def changed(policy: Policy | None) -> Policy | None:
        if policy is None:
            return None
        resources = tuple(replace(one, verified_on=verified_on) for one in policy.care.resources)
        norms = replace(policy.norms, review_by=review_by)
        return replace(policy, norms=norms, care=replace(policy.care, resources=resources))

    (community,) = documents.communities
    rooms = tuple(replace(room, policy=changed(room.policy)) for room in community.rooms)
    return Documents(communities=(replace(community, rooms=rooms),))


async def reminders(house: House) -> list[str]:
    return [
        body_of(row)
        for row in await house.waiting("send")
        if row.room == CONTROL and "until then" in body_of(row).casefold()
    ]


async def test_leads_are_reminded_to_look_at_the_norms_and_again_each_month(house: House) -> None:
    house.use(reviewed(a_grove(rule()), date.fromordinal(TODAY.toordinal() + 3)))
    await house.engine.settle()
    await house.wait(2 * DAY_MS)
    assert await reminders(house) == []
    await house.wait(2 * DAY_MS)
    (said,) = await reminders(house)
    assert said.startswith("You wanted to look at “A gentle circle” together again about now.")
    (row,) = [row for row in await house.waiting("send") if body_of(row) == said]
    assert content_of(row)["m.mentions"] == {"user_ids": sorted(house.documents.communities[0].leads)}
    await house.deliver("send")
    await house.engine.settle()
    await house.wait(28 * DAY_MS)
    assert await reminders(house) == []
    await house.wait(3 * DAY_MS)
    assert len(await reminders(house)) == 1


async def test_a_new_day_ends_the_reminding_until_then(house: House) -> None:
    house.use(reviewed(a_grove(rule()), date.fromordinal(TODAY.toordinal() - 3)))
    await house.engine.settle()
    await house.wait(DAY_MS)
    assert len(await reminders(house)) == 1
    await house.deliver("send")
    house.use(reviewed(a_grove(rule()), date.fromordinal(TODAY.toordinal() + 90)))
    await house.engine.settle()
    await house.wait(60 * DAY_MS)
    assert await reminders(house) == []


async def test_help_that_nobody_tried_for_half_a_year_is_brought_up(house: House) -> None:
    house.use(reviewed(a_grove(rule()), None, date.fromordinal(TODAY.toordinal() - 178)))
    await house.engine.settle()
    await house.wait(DAY_MS)
    assert await reminders(house) == []
    await house.wait(3 * DAY_MS)
    (said,) = await reminders(house)
    assert said.startswith("Nobody has tried the places to turn to")
