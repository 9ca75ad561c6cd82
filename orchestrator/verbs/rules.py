"""``circlekeeper rules try``: what each rule of a policy would do with sample messages, without a room or a server."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from orchestrator.culture.rules import Author, Rulebook, Scene
from orchestrator.culture.sweeping import would_hit_everything
from orchestrator.documents.authored import Advice
from orchestrator.documents.load import Loaded, read_policy
from orchestrator.documents.policy import Action, Policy, Rule
from orchestrator.documents.yaml12 import read_source
from orchestrator.errors import DocumentError, DocumentErrors
from orchestrator.model.events import Message
from orchestrator.model.ids import EventId, RoomId, RoomKey, UserId

NOTHING: Final = "none"
"""The outcome where no rule is met."""

_GRAVEST_FIRST: Final = (Action.REMOVE, Action.MUTE, Action.RAISE, Action.NUDGE, Action.OBSERVE)
_LONGEST: Final = 65_536
_WIDE: Final = (
    "This would be met by most of what anybody says, or by the bot's own name. It only watches, whatever its mode; try it"
    " with: circlekeeper rules try"
)


@dataclass(frozen=True, slots=True)
class Sample:
    """A message to try; ``id`` is given back as it came."""

    id: str | int
    text: str = field(repr=False)
    html: str = field(repr=False)


async def try_rules(policy_file: Path, samples_file: Path, *, as_json: bool) -> int:
    """Judge every sample by every rule, whatever its mode, and say what would come of it.

    What is not in a sample is taken as given: its author came a moment ago, and it is the hour and the room that a rule
    is for. Rules on how often somebody writes are met by no single message, and rules on names by none.

    Raises:
        DocumentErrors: the policy, or a line of the samples, cannot be read.
    """
    policy = read_policy(policy_file)
    samples = read_samples(samples_file)
    book = Rulebook(replace(policy, rules=tuple(map(_given, policy.rules))))
    for sample in samples:
        met = [verdict.rule for verdict in book.judge(_message(sample), _NEWCOMER, _SCENE)]
        ids, outcome = [rule.id for rule in met], outcome_of(met)
        if as_json:
            print(json.dumps({"id": sample.id, "rules": ids, "outcome": outcome}, ensure_ascii=False))
        else:
            print(f"{sample.id}: {outcome}" + (f" ({', '.join(ids)})" if ids else ""))
    if not as_json:
        print(_summary(policy, len(samples)), file=sys.stderr)
    return 0


def swept(loaded: Loaded) -> list[Advice]:
    """Find the rules that would be met by most of what anybody says, or by the bot's own name: they only ever watch."""
    bots = [account.user_id[1:].partition(":")[0] for account in loaded.config.accounts.values()]
    found = []
    for policy in loaded.policies.values():
        at_once = [at for at, rule in enumerate(policy.rules) if rule.when.goes_by_words]
        wide = [at for at in at_once if would_hit_everything(policy.rules[at], bots)]
        if wide:
            file = loaded.path.parent / policy.document
            source = read_source(file, str(file))
            found += [Advice(*source.mark(("rules", at, "when")), _WIDE) for at in wide]
    return found


def outcome_of(met: Sequence[Rule]) -> str:
    """Tell the gravest thing that the rules which are met do."""
    done = {rule.then for rule in met}
    return next((action.value for action in _GRAVEST_FIRST if action in done), NOTHING)


def read_samples(file: Path) -> list[Sample]:
    """Read one JSON object a line; ``-`` is standard input.

    Raises:
        DocumentErrors: what is wrong, at every line.
    """
    try:
        lines = (sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")).splitlines()
    except (OSError, UnicodeDecodeError):
        message = "This file cannot be read. Samples are text in UTF-8, one JSON object a line."
        raise DocumentErrors([DocumentError(message, file=str(file))]) from None
    samples, errors = [], []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                samples.append(_sample(line))
            except ValueError as error:
                errors.append(DocumentError(str(error), file=str(file), line=number, col=1))
    if errors:
        raise DocumentErrors(errors)
    return samples


def _sample(line: str) -> Sample:
    try:
        said = json.loads(line)
    except ValueError:
        raise ValueError('This is no JSON. Write, for example: {"id": "1", "text": "hello"}') from None
    if not isinstance(said, dict) or not {"id", "text"} <= said.keys():
        raise ValueError('A sample has an id and a text: {"id": "1", "text": "hello"}')
    name, text, html = said["id"], said["text"], said.get("formatted_body", "")
    if (
        not isinstance(name, str | int)
        or isinstance(name, bool)
        or not isinstance(text, str)
        or not isinstance(html, str)
    ):
        raise ValueError("id, text and formatted_body are texts, in quotes.")  # noqa: TRY004 - every line's fault is gathered
    if len(text) > _LONGEST or len(html) > _LONGEST:
        raise ValueError(f"No message is longer than {_LONGEST} characters.")
    return Sample(name, text, html)


def _given(rule: Rule) -> Rule:
    """Take what a sample does not tell for given."""
    when = replace(
        rule.when, member_for_less_than_ms=None, rooms=(), between=None, unless_reacted=None, for_members=True
    )
    return replace(rule, when=when)


def _message(sample: Sample) -> Message:
    return Message(
        room=RoomId("!sample"),
        id=EventId("$sample"),
        sender=UserId("@somebody:sample.invalid"),
        at_ms=0,
        kind="m.text",
        body=sample.text,
        html=sample.html,
        mentions_room="@room" in sample.text,
        # Whoever begins with a quotation answers somebody; then the quoted words are not theirs.
        reply_to=EventId("$answered") if sample.text.startswith("> <@") else None,
    )


def _summary(policy: Policy, count: int) -> str:
    watching = sum(rule.mode.value == "observe" for rule in policy.rules)
    noted = f" {watching} of its {len(policy.rules)} rules only watch for now." if watching else ""
    return f"{count} samples tried with “{policy.title}”.{noted}"


_NEWCOMER: Final = Author(staff=False, since_ms=0)
_SCENE: Final = Scene(
    at_ms=0, zone=ZoneInfo("UTC"), room=RoomKey("sample"), repeated=lambda _within_ms: 1, written=lambda _within_ms: 1
)
