"""The account's cross-signing identity, which vouches for the bot's device.

Clients stop sharing keys with devices that their owner did not sign (MSC4153), so the bot needs an identity. Three
cases: the account has none, then one is made; it is ours, then it is used again; it is somebody's, then it is never
replaced unasked: its recovery key opens it, or a person says that it shall be replaced.

Source: client-server API, "Cross-signing".
"""

from __future__ import annotations

import json
import secrets as random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from orchestrator.errors import IdentityError, SecretError
from orchestrator.model.ids import Json, JsonObject, UserId
from orchestrator.store import AccountStore, secrets

from .crypto import Crypto
from .gateway import Challenge, Gateway, route
from .recovery import KEY_BYTES
from .seal import Seal
from .secretstorage import PATIENCE_S, fetch_secrets, store_secrets
from .signing import SigningKey, decode64, encode64, is_signed

PURPOSES: Final = ("master", "self_signing", "user_signing")
_KEPT: Final = "cross-signing"
_NEXT: Final = "cross-signing-next"
"""A new identity until the server has it; the old one stays in case it never does."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The three keys: the master key vouches for the others, the self-signing key for our devices."""

    seeds: Mapping[str, bytes] = field(repr=False)

    @classmethod
    def new(cls, entropy: Callable[[int], bytes] = random.token_bytes) -> Identity:
        """Make an identity."""
        return cls({purpose: entropy(KEY_BYTES) for purpose in PURPOSES})

    def key(self, purpose: str) -> SigningKey:
        """Get one of the keys."""
        return SigningKey(self.seeds[purpose])

    def upload(self, user: UserId) -> JsonObject:
        """Write the body of ``/keys/device_signing/upload``."""
        master = self.key("master")
        parts: dict[str, Json] = {}
        for purpose in PURPOSES:
            public = self.key(purpose).public
            part: JsonObject = {"user_id": user, "usage": [purpose], "keys": {f"ed25519:{public}": public}}
            parts[f"{purpose}_key"] = part if purpose == "master" else master.sign(part, user)
        return parts

    def write(self) -> bytes:
        """Write the seeds, to be sealed."""
        return json.dumps({purpose: encode64(seed) for purpose, seed in self.seeds.items()}).encode()

    @classmethod
    def read(cls, data: bytes) -> Identity:
        """Read what ``write`` wrote."""
        return cls({purpose: decode64(seed) for purpose, seed in json.loads(data).items()})


@dataclass(frozen=True, slots=True)
class Published:
    """What the server shows of an account.

    Attributes:
        exists: there is an identity, of whatever kind.
        master, self_signing, user_signing: its public keys, "" for one that is missing or not properly signed.
        device: the keys of our device as published.
    """

    exists: bool
    master: str
    self_signing: str
    user_signing: str
    device: JsonObject | None

    @classmethod
    def of(cls, answer: JsonObject, user: UserId, device: str) -> Published:
        """Read an answer of ``/keys/query``; a key that the master key did not sign counts for nothing."""
        master = _public(answer, user, "master")

        def vouched(purpose: str) -> str:
            part = _part(answer, f"{purpose}_keys", user)
            return _public(answer, user, purpose) if is_signed(part, user, master, master) else ""

        listed = _part(answer, "device_keys", user)
        ours = listed.get(device) if isinstance(listed, Mapping) else None
        return cls(
            exists=_part(answer, "master_keys", user) is not None,
            master=master,
            self_signing=vouched("self_signing"),
            user_signing=vouched("user_signing"),
            device=ours if isinstance(ours, Mapping) else None,
        )

    def is_of(self, identity: Identity) -> bool:
        """Tell whether this is the identity whose seeds we hold."""
        return (self.master, self.self_signing, self.user_signing) == tuple(
            identity.key(purpose).public for purpose in PURPOSES
        )


async def ensure_identity(
    gateway: Gateway,
    store: AccountStore,
    seal: Seal,
    crypto: Crypto,
    *,
    recovery_key: str | None = None,
    reset: bool = False,
    password: str | None = None,
) -> None:
    """See to it that the account has an identity that we hold, and that it signed our device.

    Args:
        gateway: logged in.
        store: keeps the seeds, sealed.
        seal: seals them.
        crypto: our device; its keys are published first.
        recovery_key: of an identity made elsewhere (or its passphrase).
        reset: replace whatever identity there is.
        password: for when the server asks who is there.

    Raises:
        IdentityError: the identity is somebody's and may not be replaced, or the server will not have ours.
        SecretError: the seeds were sealed with another key, or the recovery key or the password is wrong.
        MatrixError: the server cannot be asked.
    """
    await crypto.publish()
    user = crypto.device.user
    published = await _look(gateway, crypto)
    kept = await _kept(store, seal, _KEPT)
    pending = await _kept(store, seal, _NEXT)
    identity = next((one for one in (kept, pending) if one is not None and published.is_of(one)), None)
    if reset and (identity is None or identity is not pending):
        identity = await _establish(gateway, store, seal, user, Identity.new(), password)
    elif identity is None and not published.exists:
        identity = await _establish(gateway, store, seal, user, pending or kept or Identity.new(), password)
    elif identity is None and recovery_key is not None:
        identity = await _recover(gateway, user, recovery_key, published)
    elif identity is None:
        raise IdentityError(
            f"{user} already has an identity (cross-signing keys) that was made elsewhere, and it is not replaced unasked:"
            " whoever verified it would be warned. Either put its recovery key into a file and name it as"
            " recovery_key_file, or replace the identity with --reset-identity."
        )
    await store.run(secrets.keep_secret, _KEPT, seal.seal(identity.write(), label=_KEPT))
    await store.run(secrets.drop_secret, _NEXT)
    await _sign_device(gateway, crypto, identity)


async def make_recovery_key(gateway: Gateway, store: AccountStore, seal: Seal, user: UserId) -> str:
    """Store our identity on the server, sealed for its owner, and return the recovery key that opens it.

    Raises:
        IdentityError: there is no identity of ours yet, or the account's secret storage is in use already.
        MatrixError: the server cannot be asked.
    """
    identity = await _kept(store, seal, _KEPT)
    if identity is None:
        raise IdentityError("There is no identity to recover yet. Start the bot once with 'circlekeeper run'.")
    named = {f"m.cross_signing.{purpose}": encode64(identity.seeds[purpose]) for purpose in PURPOSES}
    return await store_secrets(gateway, user, named)


async def _look(gateway: Gateway, crypto: Crypto) -> Published:
    us = crypto.device
    body: JsonObject = {"device_keys": {us.user: []}}
    answer = await gateway.call("POST", route("keys", "query"), body=body, patience_s=PATIENCE_S)
    return Published.of(answer, us.user, us.id)


async def _establish(
    gateway: Gateway, store: AccountStore, seal: Seal, user: UserId, identity: Identity, password: str | None
) -> Identity:
    # Kept before it is published: an identity whose seeds are lost is somebody's for ever.
    await store.run(secrets.keep_secret, _NEXT, seal.seal(identity.write(), label=_NEXT))
    body = identity.upload(user)
    try:
        await _upload(gateway, body)
    except Challenge as challenge:
        await _upload(gateway, {**body, "auth": _answer_to(challenge, user, password)}, wrong_password=True)
    return identity


async def _upload(gateway: Gateway, body: JsonObject, *, wrong_password: bool = False) -> None:
    try:
        await gateway.call("POST", route("keys", "device_signing", "upload"), body=body, patience_s=PATIENCE_S)
    except Challenge:
        if wrong_password:
            raise SecretError("The homeserver does not take the password for the bot's identity. Check it.") from None
        raise


def _answer_to(challenge: Challenge, user: UserId, password: str | None) -> JsonObject:
    if ("m.login.password",) not in challenge.flows:
        raise IdentityError(
            "The homeserver lets only a person who is logged in on its account page allow a new identity (cross-signing"
            " reset). Allow it there for this account, then start again within a few minutes."
        )
    if password is None:
        raise IdentityError(
            "The homeserver asks for the password before it takes a new identity. Give it once, as password_file or in"
            " CIRCLEKEEPER_PASSWORD."
        )
    return {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": user},
        "password": password,
        "session": challenge.session,
    }


async def _recover(gateway: Gateway, user: UserId, recovery_key: str, published: Published) -> Identity:
    found = await fetch_secrets(gateway, user, recovery_key, [f"m.cross_signing.{purpose}" for purpose in PURPOSES])
    try:
        identity = Identity({purpose: decode64(found[f"m.cross_signing.{purpose}"]) for purpose in PURPOSES})
        ours = published.is_of(identity)
    except ValueError:
        ours = False
    if not ours:
        raise IdentityError(
            f"The secret storage of {user} holds an older identity than the one in use. Set up key storage anew in the"
            " client that made it, or replace the identity with --reset-identity."
        )
    return identity


async def _sign_device(gateway: Gateway, crypto: Crypto, identity: Identity) -> None:
    us, key = crypto.device, identity.key("self_signing")
    signed = key.sign(crypto.device_keys(), us.user)
    published = await _look(gateway, crypto)
    if published.device is None:
        await crypto.republish()
        published = await _look(gateway, crypto)
    if not is_signed(published.device, us.user, key.public, key.public):
        body: JsonObject = {us.user: {us.id: signed}}
        await gateway.call("POST", route("keys", "signatures", "upload"), body=body, patience_s=PATIENCE_S)
        published = await _look(gateway, crypto)
    # What the server shows is what others go by, whatever it answered.
    shown = published.device or {}
    if shown.get("keys") != crypto.device_keys()["keys"] or not is_signed(shown, us.user, key.public, key.public):
        raise IdentityError(
            f"The homeserver does not show this device ({us.id}) as signed by its identity. Log the device out (in any"
            " client of the account) and start again.",
            device=us.id,
        )
    crypto.endorse(key.public, key.signature(signed))


async def _kept(store: AccountStore, seal: Seal, name: str) -> Identity | None:
    box = await store.run(secrets.secret, name)
    return None if box is None else Identity.read(seal.open(box, label=name))


def _part(answer: JsonObject, section: str, user: UserId) -> Json:
    parts = answer.get(section)
    return parts.get(user) if isinstance(parts, Mapping) else None


def _public(answer: JsonObject, user: UserId, purpose: str) -> str:
    """Read a cross-signing key's one public part; "" when it is missing or malformed."""
    match _part(answer, f"{purpose}_keys", user):
        case {"user_id": owner, "usage": [*usage], "keys": Mapping() as keys} if owner == user and purpose in usage:
            match list(keys.items()):
                case [(str(name), str(public))] if name == f"ed25519:{public}":
                    return public
    return ""
