"""Our own device: the keys by which others know it, and those it publishes so that they can write to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import vodozemac

from orchestrator.model.ids import DeviceId, Json, JsonObject, UserId

from .nio_olm import Engine
from .roomkeys import MEGOLM
from .signing import canonical

OLM: Final = "m.olm.v1.curve25519-aes-sha2"
ONE_TIME_KEYS: Final = 50
"""How many one-time keys the server should hold for us."""


@dataclass(frozen=True, slots=True)
class Device:
    """Somebody's device, with the keys that it signed itself."""

    user: UserId
    id: DeviceId
    curve25519: str
    ed25519: str


class OwnDevice:
    """The device we are logged in as.

    Every method that changes something raises StoreError when it cannot be written.

    Attributes:
        seen: ourselves, as others see us.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._olm = engine.olm
        self._account: vodozemac.Account = engine.olm.account._account  # noqa: SLF001 - nio has no fallback keys
        self._endorsement: dict[str, str] = {}
        keys = engine.olm.account.identity_keys
        self.seen = Device(
            UserId(engine.olm.user_id), DeviceId(engine.olm.device_id), keys["curve25519"], keys["ed25519"]
        )

    @property
    def published(self) -> bool:
        """Whether the server has our device's keys."""
        return bool(self._olm.account.shared)

    def device_keys(self) -> JsonObject:
        """Write our device's keys, signed by the device and by the identity that vouched for it."""
        us = self.seen
        bare: JsonObject = {
            "user_id": us.user,
            "device_id": us.id,
            "algorithms": [OLM, MEGOLM],
            "keys": {f"curve25519:{us.id}": us.curve25519, f"ed25519:{us.id}": us.ed25519},
        }
        return {**bare, "signatures": {us.user: {**self._signature(bare), **self._endorsement}}}

    def endorse(self, public: str, signature: str) -> None:
        """Carry the signature of our self-signing key, so that those we write to see it at once (MSC4147)."""
        self._endorsement = {f"ed25519:{public}": signature}

    def publication(self, *, one_time: int, fallback: bool) -> JsonObject:
        """Write the body of ``/keys/upload``, empty when there is nothing to publish.

        Keys are stored before they are published, and what a crash kept from being published goes first.

        Args:
            one_time: how many one-time keys the server holds.
            fallback: a new fallback key is wanted.

        Source: client-server API, "One-time and fallback keys".
        """
        account = self._account
        more = 0 if account.one_time_keys else max(ONE_TIME_KEYS - one_time, 0)
        another = fallback and not account.fallback_key  # type: ignore[attr-defined]
        if more or another:
            with self._engine.storing():
                account.generate_one_time_keys(more)
                if another:
                    account.generate_fallback_key()  # type: ignore[attr-defined]
                self._olm.save_account()
        body: dict[str, Json] = {} if self.published else {"device_keys": self.device_keys()}
        if keys := account.one_time_keys:
            body["one_time_keys"] = {
                f"signed_curve25519:{name}": self._signed({"key": key.to_base64()}) for name, key in keys.items()
            }
        if spare := account.fallback_key:  # type: ignore[attr-defined]
            body["fallback_keys"] = {
                f"signed_curve25519:{name}": self._signed({"key": key.to_base64(), "fallback": True})
                for name, key in spare.items()
            }
        return body

    def mark_published(self) -> None:
        """Note that the server has the last publication."""
        with self._engine.storing():
            self._account.mark_keys_as_published()
            self._olm.account.shared = True
            self._olm.save_account()

    def pass_over_names(self) -> None:
        """Note that the server has other keys under our keys' names (an old copy of this store was put back).

        Names are numbers that count up; fifty more are passed over with those that were refused.
        """
        with self._engine.storing():
            self._account.mark_keys_as_published()
            self._account.generate_one_time_keys(ONE_TIME_KEYS)
            self._account.mark_keys_as_published()
            self._olm.save_account()

    def mark_lost(self) -> None:
        """Note that the server lost our device's keys: the next publication carries them again."""
        self._olm.account.shared = False

    def _signature(self, value: JsonObject) -> JsonObject:
        return {f"ed25519:{self.seen.id}": self._account.sign(canonical(value)).to_base64()}

    def _signed(self, value: JsonObject) -> JsonObject:
        return {**value, "signatures": {self.seen.user: self._signature(value)}}
