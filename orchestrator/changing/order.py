"""What somebody asks to be applied, and how that is written for the socket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from orchestrator.model.ids import CommunityKey, Json, JsonObject
from orchestrator.rooms import Choices


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What somebody asks to be applied.

    Attributes:
        digest: of the plan that was shown, over these ``communities``; None: whatever the plan is by now.
        communities: by key; None: all.
        names: by community, the names of changes to make; None: all that differs.
        choices: the rest of what was decided; its ``only`` is not looked at.
    """

    digest: str | None = None
    communities: frozenset[str] | None = None
    names: Mapping[str, frozenset[str]] | None = None
    choices: Choices = field(default_factory=Choices)

    def choices_for(self, community: CommunityKey) -> Choices:
        """Choose for one community."""
        chosen = self.choices
        return Choices(
            allow_expose=chosen.allow_expose,
            allow_upgrade=chosen.allow_upgrade,
            one_way=chosen.one_way,
            take=chosen.take,
            adopt=chosen.adopt,
            force=chosen.force,
            only=None if self.names is None else self.names.get(community, frozenset()),
        )

    def as_json(self) -> dict[str, Json]:
        """Write it as JSON, for the socket."""
        chosen = self.choices
        return {
            "digest": self.digest,
            "communities": None if self.communities is None else sorted(self.communities),
            "names": None if self.names is None else {key: sorted(names) for key, names in self.names.items()},
            "allow_expose": chosen.allow_expose,
            "allow_upgrade": chosen.allow_upgrade,
            "one_way": sorted(chosen.one_way),
            "take": chosen.take,
            "adopt": chosen.adopt,
            "force": chosen.force,
        }

    @classmethod
    def of(cls, request: JsonObject) -> Order:
        """Read it as it came through the socket."""
        digest, names, take = request.get("digest"), request.get("names"), request.get("take")
        taken: Literal["ours", "theirs"] | None = "ours" if take == "ours" else "theirs" if take == "theirs" else None
        return cls(
            digest=digest if isinstance(digest, str) else None,
            communities=None if request.get("communities") is None else frozenset(_texts(request.get("communities"))),
            names={key: frozenset(_texts(value)) for key, value in names.items()} if isinstance(names, dict) else None,
            choices=Choices(
                allow_expose=request.get("allow_expose") is True,
                allow_upgrade=request.get("allow_upgrade") is True,
                one_way=frozenset(_texts(request.get("one_way"))),
                take=taken,
                adopt=request.get("adopt") is True,
                force=request.get("force") is True,
            ),
        )


def _texts(value: Json) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list | tuple) else []
