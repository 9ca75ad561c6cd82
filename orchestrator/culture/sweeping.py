"""Would a rule be met by everything? Then it says nothing about anybody, and must only watch."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final
from zoneinfo import ZoneInfo

from orchestrator.documents.policy import Action, Care, Mode, Norms, Policy, Rule
from orchestrator.model.events import Message
from orchestrator.model.ids import EventId, RoomId, RoomKey, UserId

from .rules import Author, Rulebook, Scene

_SAID: Final = """
Good morning, how is everyone? / I slept badly, but it is fine. / Thank you, that helps a lot. / Same here. / ok / 😊
Guten Morgen, wie geht es euch? / Ich habe schlecht geschlafen. / Danke, das hilft mir sehr. / Mir auch. / ok / Ja, gerne
Bonjour, comment allez-vous ? / J'ai mal dormi. / Merci, ça m'aide beaucoup. / Moi aussi. / À mardi ! / ok
Buenos días, ¿cómo están? / Dormí mal. / Gracias, me ayuda mucho. / Yo también. / ¡Hasta el martes! / ok
Доброе утро, как дела? / Я плохо спал. / Спасибо, это помогает. / Я тоже. / До вторника! / Да, конечно
大家早上好 / 我昨晚没睡好 / 谢谢你们 / 我也是 / 星期二见 / 今天天气很好 / 好的
"""
EVERYDAY: Final = tuple(tuple(line.split(" / ")) for line in _SAID.strip().splitlines())
"""What people say on any day, in some languages."""
NAMES: Final = ("Ana", "bo", "Wren 🌿", "quiet_one", "Мария", "小明", "Sam (they/them)", "J.")
_MOST: Final = 0.6
_NOW_MS: Final = 1_767_700_000_000
_SOMEBODY: Final = Author(staff=False, since_ms=_NOW_MS)


def would_hit_everything(rule: Rule, bot_names: Collection[str] = ()) -> bool:
    """Tell whether a rule would be met by most of what anybody says or is called, or by the bot's own name.

    Args:
        rule: whatever its conditions and its mode, of which nothing is looked at.
        bot_names: what the bot is called.
    """
    # Conditions say for whom and when; the question is what it would do to them then.
    when = replace(
        rule.when,
        member_for_less_than_ms=None,
        for_members=True,
        rooms=(),
        between=None,
        repeats=None,
        rate=None,
    )
    book = Rulebook(_policy(replace(rule, when=when)))
    scene = Scene(at_ms=_NOW_MS, zone=ZoneInfo("UTC"), room=RoomKey(""), repeated=lambda _ms: 1, written=lambda _ms: 1)
    if any(
        sum(bool(book.judge(_message(text), _SOMEBODY, scene)) for text in said) > _MOST * len(said)
        for said in EVERYDAY
    ):
        return True
    named = [name for name in NAMES if book.judge_name(name, _SOMEBODY, scene, ())]
    return len(named) > _MOST * len(NAMES) or any(book.judge_name(one, _SOMEBODY, scene, ()) for one in bot_names)


def tamed(policy: Policy, bot_names: Collection[str] = ()) -> Policy:
    """Let those rules of a policy only watch that would be met by everything, whatever their mode."""
    rules = tuple(
        replace(rule, mode=Mode.OBSERVE)
        if rule.mode is Mode.ENFORCE and rule.when.goes_by_words and would_hit_everything(rule, bot_names)
        else rule
        for rule in policy.rules
    )
    return policy if rules == policy.rules else replace(policy, rules=rules)


def _message(text: str) -> Message:
    return Message(
        room=RoomId("!room"),
        id=EventId("$event"),
        sender=UserId("@somebody:grove.example"),
        at_ms=_NOW_MS,
        kind="m.text",
        body=text,
    )


def _policy(rule: Rule) -> Policy:
    return Policy(
        name="",
        document="",
        title="",
        norms=Norms(summary="", text="", review_by=None, digest=""),
        rules=(replace(rule, mode=Mode.OBSERVE, then=Action.OBSERVE),),
        ladder=(),
        ladder_forget_ms=None,
        lists=(),
        care=Care(resources=(), contact_emergency_services="group_decides"),
    )
