"""What judging a message costs: by ten thousand words and patterns against ten, and as it grows longer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from random import Random

from orchestrator.culture.rules import Author, Rulebook
from orchestrator.documents.policy import Action, Mode, Rule, When
from orchestrator.model.events import Message
from tests.bench.figures import Comparison, Figures
from tests.culture.judging import a_message, a_scene
from tests.declared import policy

FEW, MANY = 10, 10_000
SHORT, LONG = 500, 50_000
PATHOLOGICAL = (r"(a+)+$", r"(a|aa)+b", r"(.*)*x{50}y", r"([a-z]+ ?)+!")
_VOWELS, _OTHERS = "aeiou", "bcdfghklmnprstvz"
_TEXT = """
the be to of and a in that have I it for not on with he as you do at this but his by from they we say her she or an will
my one all would there their what so up out if about who get which go me when make can like time no just him know take
people into year your good some could them see other than then now look only come its over think also back after use two
how our work first well way even new want because any these give day most us here friend felt week sleep today better
"""
_COMMON = _TEXT.split()
_MEMBER = Author(staff=False, since_ms=None)


def judging(times: int) -> list[Comparison]:
    """Measure so many messages, of which no two say the same."""
    few, many = _book(FEW), _book(MANY)
    messages = list(_messages(times + 20))
    ours, bare = [], []
    for n, message in enumerate(messages):
        took = _timed(few, message), _timed(many, message)
        if n >= 20:  # the first fill tables of letters
            bare.append(took[0])
            ours.append(took[1])
    at_once = Comparison(
        f"Judging a message of {SHORT} letters by {MANY} words and patterns, against by {FEW}",
        ours=Figures(f"{MANY} words and patterns", ours),
        bare=Figures(f"{FEW} words and patterns", bare),
        goal=2,
    )
    return [at_once, _growing(max(3, times // 50))]


def _growing(times: int) -> Comparison:
    """Hold one very long message that patterns dread against as many letters in short ones."""
    book = _book(MANY, PATHOLOGICAL)
    short, long = a_message("a" * (SHORT - 1) + "!"), a_message("a" * (LONG - 1) + "!")
    ours, bare = [], []
    for _ in range(times):
        ours.append(_timed(book, long))
        bare.append(sum(_timed(book, short) for _ in range(LONG // SHORT)))
    return Comparison(
        f"Judging {LONG} letters that patterns dread as one message, against as {LONG // SHORT} messages",
        ours=Figures("one message", ours),
        bare=Figures(f"{LONG // SHORT} messages", bare),
        goal=2,
    )


def _book(count: int, patterns: tuple[str, ...] = ()) -> Rulebook:
    """Make a rule on words and one on patterns, half and half, such as people write them."""
    random = Random(count)  # noqa: S311 - the same words each time
    words = tuple(" ".join(_word(random, 3) for _ in range(1 + n % 2)) for n in range(count // 2))
    shapes = (r"\b{}s?\b", r"{}.{{0,3}}{}", r"(?:buy|sell|get)\s+{}", r"{}\d+", r"(?:{}|{})\w*")
    made = (shapes[n % len(shapes)].format(_word(random, 3), _word(random, 3)) for n in range(count - count // 2))
    found = When(words=words), When(patterns=(*made, *patterns))
    return Rulebook(
        policy(
            rules=[
                Rule(
                    id=f"rule-{n}",
                    when=when,
                    then=Action.NUDGE,
                    because="For the measurement.",
                    mode=Mode.ENFORCE,
                    accept_misfires=False,
                )
                for n, when in enumerate(found)
            ]
        )
    )


def _messages(count: int) -> Iterator[Message]:
    """Say something: four words of five are common, the others were never said before."""
    random = Random(7)  # noqa: S311 - the same words each time
    for _ in range(count):
        said = ""
        while len(said) < SHORT:
            word = random.choice(_COMMON) if random.random() < 0.8 else _word(random)
            said += word + random.choice((" ", " ", " ", " ", " ", ", ", ". "))
        yield a_message(said[:SHORT])


def _word(random: Random, least: int = 2) -> str:
    return "".join(random.choice(_OTHERS) + random.choice(_VOWELS) for _ in range(random.randint(least, least + 2)))


def _timed(book: Rulebook, message: Message) -> float:
    scene = a_scene()
    began_s = time.perf_counter()
    book.judge(message, _MEMBER, scene)
    return (time.perf_counter() - began_s) * 1000
