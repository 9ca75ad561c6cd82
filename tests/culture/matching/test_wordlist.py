"""Listed words are found however somebody dresses them up, and at the same cost whatever the length of the list."""

# ruff: noqa: RUF001 - look-alikes are what this is about
from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.culture.matching.dressed import is_dressed
from orchestrator.culture.matching.folding import clean, fold, has_runs, loose, readable, skeleton
from orchestrator.culture.matching.wordlist import Wordlist

LISTED = (
    "suicide",
    "kill yourself",
    "worthless",
    "badword",
    "moron",
    "scumbag",
    "сволочь",
    "дурак",
    "idiota",
    "Schlampe",
)
LIST = Wordlist((word, number) for number, word in enumerate(LISTED))

CYRILLIC = dict(zip("aceopxyis", "асеорхуіѕ", strict=True))
FIGURES = dict(zip("oieas", "01345", strict=True))
UNSEEN = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u200e\u202a\ufe0f"
MARKS = "\u0300\u0301\u0308\u0323\u0336\u0337\u0489"
APART = (" ", ".", "-", "_", " . ", "*", " - ", "\n", "  ", "~")


def case(word: str, random: Random) -> str:
    return "".join(random.choice((sign.upper(), sign.lower())) for sign in word).replace("I", "i").replace("l", "L")


def width(word: str, random: Random) -> str:
    return "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" and random.random() < 0.5 else sign for sign in word)


def styled(word: str, random: Random) -> str:
    start = random.choice((0x1D41A, 0x1D4EA, 0x1D586, 0x1D5BA, 0x24D0, 0x1D68A))
    return "".join(chr(start + ord(sign) - ord("a")) if "a" <= sign <= "z" else sign for sign in word)


def unseen(word: str, random: Random) -> str:
    return "".join(sign + (random.choice(UNSEEN) if random.random() < 0.5 else "") for sign in word)


def marked(word: str, random: Random) -> str:
    return "".join(sign + random.choice(MARKS) if sign.isalpha() else sign for sign in word)


def look_alikes(word: str, random: Random) -> str:
    return "".join(CYRILLIC.get(sign, sign) for sign in word)


def figures(word: str, random: Random) -> str:
    dressed, left = "", 2
    for sign in word:
        swap = FIGURES.get(sign, sign) if left and random.random() < 0.5 else sign
        left -= swap != sign
        dressed += swap
    return dressed


def apart(word: str, random: Random) -> str:
    return " ".join(random.choice(APART).join(part) for part in word.split())


def repeated(word: str, random: Random) -> str:
    place = random.randrange(len(word))
    return word[:place] + word[place] * (3 if word[place].isalpha() else 1) + word[place + 1 :]


LATIN = (case, width, styled, unseen, marked, look_alikes, figures, apart, repeated)
ANY = (unseen, marked, apart, repeated)


@given(st.sampled_from(range(len(LISTED))), st.randoms(use_true_random=False), st.data())
def test_a_listed_word_is_found_in_any_dress(number: int, random: Random, data: st.DataObject) -> None:
    word = LISTED[number]
    ways = LATIN if word.isascii() else ANY
    dressed = data.draw(st.sampled_from(ways))(word.lower(), random)
    before, after = (
        data.draw(st.sampled_from(["", "so, ", "Well: ", "(", "— ", "и вот "])),
        data.draw(st.sampled_from(["", ".", "!", " …", ")", ", ja", "\nand more"])),
    )
    assert number in LIST.find(before + dressed + after), ascii(before + dressed + after)


@given(st.sampled_from(range(len(LISTED))), st.randoms(use_true_random=False), st.data())
def test_a_listed_word_is_found_in_one_dress_over_another(number: int, random: Random, data: st.DataObject) -> None:
    dressed = LISTED[number].lower()
    ways = (repeated, unseen, marked, width) if dressed.isascii() else (repeated, unseen, marked)
    for way in ways:
        if data.draw(st.booleans()):
            dressed = way(dressed, random)
    assert number in LIST.find(f"so, {dressed}."), ascii(dressed)


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    for form in (clean, fold, loose, skeleton, readable):
        once = form(text)
        assert form(once) == once, form.__name__


@given(st.text())
def test_no_text_makes_the_list_stumble(text: str) -> None:
    LIST.find(text)
    loose(text, signs=True, joined=True)
    has_runs(text)


@given(st.text(alphabet="abc ", max_size=40))
def test_quick_looks_miss_no_run(text: str) -> None:
    assert has_runs(text) or not any(text[at] * 3 == text[at : at + 3] for at in range(len(text) - 2))


@given(st.text(min_size=1))
def test_a_word_is_itself(word: str) -> None:
    assert is_dressed(word, word)


def test_others_are_found_whatever_else_is_listed() -> None:
    many = Wordlist([*((f"zq{number}word", number) for number in range(5_000)), ("heavy", -1), ("太重", -2)])
    assert many.find("so h e a v y, zq77word") == {-1, 77}
    assert many.find("真的太重了") == {-2}
    assert not Wordlist([])
    assert Wordlist([]).find("heavy") == frozenset()
