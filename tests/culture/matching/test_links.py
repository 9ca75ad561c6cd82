"""Where links lead, and that no spelling makes a stranger look like somebody who was let in."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.culture.matching.links import MOST_CHARS, NOWHERE, hosts, is_allowed, normalise

ALLOWED = ("grove.example", "bücher.example")


def foreign(body: str, html: str = "") -> set[str]:
    return {host for host in hosts(body, html) if not is_allowed(host, ALLOWED)}


ELSEWHERE = [
    "https://evil.example",
    "HTTPS://EVIL.EXAMPLE/Path",
    "http://grove.example@evil.example",
    "https://grove.example:secret@evil.example/x",
    "https://grove.example%40evil.example/",
    "https://grove.example.evil.example",
    "https://notgrove.example",
    "https://grove.example-evil.example",
    "https://evil.example\\@grove.example",
    "https://evil.example/@grove.example",
    "https://evil.example?@grove.example",
    "https://evil.example#@grove.example",
    "https:\\\\evil.example",
    "https:/evil.example/",
    "https:///evil.example",
    "https://evil%2eexample",
    "https://evil.example%2f.grove.example",
    "https://evil。example",
    "https://grove.example。evil.com",
    "https://gr\u043eve.example",  # a Cyrillic o
    "https://xn--grve-65d.example",
    "https://evil.c\u2100.grove.example",  # ℀ becomes a/c
    "https://evil.example\uff0f.grove.example",  # a full-width slash
    "https://grove.example\uff20evil.example",  # a full-width @
    "https://evil.com\u200b.grove.example",
    "https://grove.example,x.evil.com/",
    "https://grove.example(@evil.com/",
    "https://1.2.3.4/",
    "https://2130706433/",
    "https://[2001:db8::1]/",
    "https://localhost:8080",
    "ftp://evil.example/file",
    "gopher://evil.example",
    "magnet:?xt=urn:btih:abc",
    "lookhttps://evil.example",
    "看https://evil.example/",
    "foo://grove.example/https://evil.example",
    "[see](https://evil.example)",
    "[https://grove.example](https://evil.example)",
    "<https://evil.example>",
    "(https://evil.example)",
    "**https://evil.example**",
    "https://matrix.to.evil.example/#/@ana:grove.example",
    "https://matrix.to@evil.example/",
    "evil.example/path",
    "EVIL.example/path",
    "evil\u200b.example/path",
    "evil.example:8443/path",
    "evil.example\\path",
    "//evil.example/path",
    "someone@evil.example/path",
    "www.evil.example",
    "WWW.evil.example.",
    "www.grove.example@evil.example",
    "so...www.evil.example",
    "evil.com",
    "(evil.com)",
    "see evil.com.",
    "grove.example/](evil.com/x)",
    "t.me/joinme",
    "bit.ly/abc",
]


@pytest.mark.parametrize("body", ELSEWHERE)
def test_a_link_elsewhere_is_seen_however_it_is_written(body: str) -> None:
    assert foreign(body)
    assert foreign(f"hello, {body} is nice")
    assert foreign("", f"<p>{body}</p>") or "<" in body


IN_MARKUP = [
    '<a href="https://evil.example">grove.example</a>',
    "<a href='https://evil.example'>x</a>",
    "<a href=https://evil.example>x</a>",
    '<A HREF = "//evil.example">x</A>',
    '<a href="https:evil.example">x</a>',
    '<a href=" \t https://evil.example">x</a>',
    '<a href="https&#58;//evil.example">x</a>',
    '<a href="https&colon;&sol;&sol;evil.example">x</a>',
    '<a href="https://grove.example\n.evil.example">x</a>',
    '<a href="https://grove.example&#10;.evil.example">x</a>',
    '<a href="https://grove.example @evil.example">x</a>',
    '<a href="https://grove.example&lt;@evil.example">x</a>',
    '<a href="ht\ttps://evil.example">x</a>',
    '<a title=\'href="\' href="https://grove.example @evil.example">x</a>',
    '<!-- <a title="--><a href="https://grove.example @evil.example">x</a>',
    '<a href="' + "\t" * 3000 + 'https://evil.example">x</a>',
    '<a href="&#' + "0" * 5000 + '104;ttps://evil.example">x</a>',
    '<a href="https://' + "u" * 3000 + '@evil.example">x</a>',
    "grove.example<br>evil.com",
    "<b>see</b>www.evil.example",
    '<img src="https://evil.example/x.png">',
]


@pytest.mark.parametrize("html", IN_MARKUP)
def test_a_link_elsewhere_is_seen_in_the_markup_alone(html: str) -> None:
    assert foreign("hello", html)


AT_HOME = [
    "https://grove.example",
    "https://grove.example.",
    "See https://grove.example, or https://grove.example/a; both are fine!",
    "(https://grove.example)",
    "**https://grove.example/x**",
    "[a](https://grove.example/x)",
    "[https://grove.example](https://grove.example/x)",
    "https://sub.grove.example:8443/x?y#z",
    "HTTPS://Grove.Example/",
    "https://ana@grove.example/",
    "https://grove%2eexample/",
    "https://grove。example/",
    "https://grove.example./",
    "https://grove.example/?next=https://evil.example",
    "https://grove.example/about/evil.com",
    "https://grove.example ❤️",
    "https://grove.example❤️",
    "https://bücher.example/x",
    "https://BÜCHER.example/x",
    "https://xn--bcher-kva.example",
    "https://matrix.to/#/@ana:evil.example",
    "https://matrix.to/#/!abc?via=evil.example",
    "matrix:u/ana:evil.com",
    "matrix:roomid/abc?via=evil.com",
    "mxc://evil.example/abc",
    "grove.example/path",
    "www.grove.example",
]
NO_LINKS = [
    "@ana:evil.com hello",
    "hello @ana:evil.com, #room:evil.com",
    "write to sam@evil.com please",
    "I can't.it hurts",
    "so tired.so very tired",
    "I'm done.and/or I'm not",
    "I'm Sam.they/them",
    "Ich bin müde.Er/sie auch",
    "yes/no.maybe",
    "no.Me neither",
    "I feel 3.5/10 today",
    "24/7, 12.05.2024/13.05.2024, v1.2.3, 1.2.3.4",
    "e.g. this, i.e./that, z.B./d.h., u.s.a., a.m./p.m.",
    "he said...no...not again",
    "file.txt and notes.md",
    "https:// and http:",
    "hm:/ ok :-/ ://",
    "file:///etc/hosts",
    "привет.как дела",
    "我很难过。没有人懂我。",
    "مرحبا.كيف حالك",
    "not at all...help me",
    "",
]


@pytest.mark.parametrize("body", AT_HOME)
def test_links_home_and_into_matrix_are_left_alone(body: str) -> None:
    assert foreign(body) == set()
    assert foreign("", f"<p>{body}</p>") == set()


@pytest.mark.parametrize("body", NO_LINKS)
def test_what_is_no_link_is_not_taken_for_one(body: str) -> None:
    assert hosts(body) == frozenset()
    assert hosts("", f"<p>{body}</p>") == frozenset()


def test_an_allowed_link_in_markup_is_left_alone() -> None:
    assert foreign("the site", '<a href="https://grove.example/a?b=1&amp;c=2">the site</a>') == set()
    assert foreign("mail", '<a href="mailto:sam@evil.example">mail</a>') == set()
    assert foreign("Ana", '<a href="https://matrix.to/#/@ana:evil.example">Ana</a>') == set()


def test_a_host_is_written_as_a_browser_would_look_it_up() -> None:
    assert normalise("Grove.Example.") == "grove.example"
    assert normalise("gro\u00adve.example") == "grove.example"
    assert normalise("straße.example") == "xn--strae-oqa.example"
    assert normalise("a" * 64 + ".example") == NOWHERE
    assert normalise("a..b") == NOWHERE
    assert normalise("%ff.example") == NOWHERE
    assert normalise("\ud800.example") == NOWHERE


def test_nothing_is_allowed_where_nothing_is_listed() -> None:
    assert not is_allowed("grove.example", ())
    assert not is_allowed(NOWHERE, ("", "grove.example"))


anything = st.text(st.characters(exclude_categories=()), max_size=300)
CRUMBS = (
    r"""https http : / \ // @ . 。 grove.example evil com %2e % ( ) [ ] ]( href= " ' > &#x2f; &# ; www. # ? x é"""
    " matrix:u/ magnet:? , | xn-- 1.2.3.4 [::1] ... - _ 9999999999 \u200b"
)
crumb = st.sampled_from([*CRUMBS.split(" "), " ", "\n", "\t", "\x00", "\ud800"])
crumbs = st.lists(crumb, max_size=40).map("".join)


@given(anything | crumbs, anything | crumbs)
@example("https://\ud800", "&#" + "9" * 6000 + ";")
def test_no_text_makes_it_stumble(body: str, html: str) -> None:
    for host in hosts(body, html):
        assert host == NOWHERE or host.isascii()


label = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True).filter(lambda s: not s.startswith("xn--"))
strange = st.builds("{}.{}".format, label, st.sampled_from(["example", "com", "org", "de"])).filter(
    lambda host: not is_allowed(host, ALLOWED)
)
disguises = st.sampled_from(
    [
        "https://{evil}",
        "https://{evil}/grove.example",
        "https://{evil}:443/",
        "https://{evil}?grove.example",
        "https://{evil}#@grove.example",
        "https://{evil}\\@grove.example",
        "https://{evil}\\.grove.example",
        "https://grove.example@{evil}",
        "https://grove.example:80@{evil}/",
        "https://@grove.example@{evil}/",
        "https://grove.example.{evil}/",
        "https://grove.example/../@{evil}".replace("/../", "\uff0f"),
        "http:\\\\{evil}\\",
        "https://grove.example%40{evil}/",
        "www.{evil}",
        "www.grove.example@{evil}",
        "{evil}/path",
        "[grove.example](https://{evil})",
        "https://grove.example/) https://{evil}",
    ]
)
around = st.sampled_from(["{}", "look: {}", "({})", "*{}*", "{}.", "{}!", "\u200e{}\u200e", "one\n{}\ntwo", "« {} »"])


@given(strange, disguises, around, st.booleans(), st.booleans(), st.booleans())
def test_a_stranger_never_passes_for_an_allowed_host(
    evil: str, disguise: str, around: str, upper: bool, wide_dot: bool, in_markup: bool
) -> None:
    host = evil.upper() if upper else evil
    if wide_dot and not disguise.startswith(("{evil}", "www")):
        host = host.replace(".", "。")
    url = around.format(disguise.format(evil=host))
    assert foreign(*(("x", f"<p>{url}</p>") if in_markup else (url, "")))


@given(strange, disguises)
def test_a_stranger_never_passes_in_a_target(evil: str, disguise: str) -> None:
    if disguise.startswith(("http", "HTTP")) and ") " not in disguise:
        url = disguise.format(evil=evil)
        assert foreign("x", f'<a href="{url}">grove.example</a>')
        assert foreign("x", f"<a href='{''.join(f'&#{ord(c)};' for c in url)}'>grove.example</a>")


home = st.builds("{}{}".format, st.sampled_from(["", "a.", "a.b-c."]), st.sampled_from(ALLOWED))


@given(
    home,
    st.sampled_from(["", ":443", ":8443"]),
    st.sampled_from(["", "/", "/a/b", "?q=1", "#part", "/a.b/c,d", "/evil.com"]),
    around,
    st.booleans(),
)
def test_an_allowed_host_passes_in_every_plain_spelling(
    host: str, port: str, path: str, around: str, upper: bool
) -> None:
    url = f"https://{host.upper() if upper else host}{port}{path}"
    assert foreign(around.format(url)) == set()


HOSTILE = (
    r"""a :// a:// https:/ href= href=' "href=" a.b, www.a, &# &#x0 < a. ( a.b/( é。 é.é/ @a:b.c a.com: ]( %41 https://a@"""
    " matrix:u/ a\u200b"
)


@pytest.mark.parametrize("crumb", [*HOSTILE.split(" "), "href  ", "a b. "])
def test_a_hostile_text_costs_in_proportion_to_its_length(crumb: str) -> None:
    def seconds(chars: int) -> float:
        text = (crumb * chars)[:chars]
        best = float("inf")
        for _ in range(2):
            begun = time.process_time()
            hosts(text, text)
            best = min(best, time.process_time() - begun)
        return best

    # Linear is 8 times, quadratic 64.
    assert seconds(MOST_CHARS) < 24 * max(seconds(MOST_CHARS // 8), 0.001)
