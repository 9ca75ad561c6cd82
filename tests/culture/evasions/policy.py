"""A policy that looks for everything that rules can look for, as the table of evasions and look-alikes is judged by it."""

from __future__ import annotations

from orchestrator.documents.policy import Action, Files, Links, Mentions, Mode, Names, Rule, When

WORDS = (
    "suicide", "suicidal pact", "kill yourself", "self-harm", "rape", "raper", "raping", "whore", "slut", "penis", "anal",
    "ass", "asshole", "fuck", "cunt", "dick", "cock", "tit", "cum", "scum", "hell", "shit", "nazi", "retard", "spastic",
    "fag", "coon", "spic", "paki", "negro", "dyke", "tranny", "homo", "schwul", "schlampe", "hure", "fotze", "kusi", "ano",
    "con", "pute", "sale", "cazzo", "puta", "merda", "сука", "хуй", "блядь", "cop", "自杀", "死ね", "キス", "자살", "ฆ่าตัวตาย",
    "μαλάκας", "כלב", "حمار", "crypto airdrop", "free bitcoin", "the rapist", "hora", "hore", "sik", "sikildi", "nino", "god", "bite", "raped", "bum", "lie",
)  # fmt: skip
"""Far more, and far ruder, than a group should list: so that there is something to be wrong about."""

PATTERNS = (
    r"\bbuy\s+(cheap\s+)?pills?\b",
    r"earn\s+\$?\d+\s+(a|per)\s+day",
    r"\b(whatsapp|telegram)\b.{0,20}\+\d{6,}",
    r"\bthinspo\w*",
)


def _rule(name: str, when: When) -> Rule:
    return Rule(
        id=name, when=when, then=Action.NUDGE, because="For the test.", mode=Mode.ENFORCE, accept_misfires=False
    )


RULES = (
    _rule("words", When(words=WORDS)),
    _rule("patterns", When(patterns=PATTERNS)),
    _rule("outside", When(words=("heavy",), outside_spoiler=True)),
    _rule("links", When(links=Links(allow=("grove.example", "findahelpline.com", "wikipedia.org")))),
    _rule("denied", When(links=Links(deny=("casino.example", "scam.example")))),
    _rule("invitations", When(invitations=True)),
    _rule("files", When(files=Files(kinds=frozenset({"video"}), types=("application/*",)))),
    _rule("mentions", When(mentions=Mentions(room=True, at_least=4))),
    _rule("names", When(names=Names(words=("admin", "slut"), patterns=(r"https?://",), like_staff=True))),
)

STAFF = ("Ana", "ana", "Bo Berg", "@keeper:grove.example", "keeper", "Circlekeeper", "Dr. Mira Holm")
