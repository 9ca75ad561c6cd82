"""Device keys, one-time and fallback keys, cross-signing."""

from __future__ import annotations

from typing import Any

from tests.fakes.contract.client import PASSWORD, Client, Site, people
from tests.fakes.signing import SigningKey
from tests.fakes.values import Json, JsonObject


async def one_time_keys_are_given_once_and_then_the_fallback_key(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    counts = await ana.ok("POST", "/keys/upload", {})
    assert counts == {"one_time_key_counts": {"signed_curve25519": 0}}
    await ana.ok("POST", "/keys/upload", {"device_keys": _device(ana)})
    keys: Json = {"signed_curve25519:AAAA": _key(ana, "a"), "signed_curve25519:AAAB": _key(ana, "b")}
    fallback: Json = {"signed_curve25519:F": _key(ana, "f", fallback=True)}
    for _ in range(2):
        counts = await ana.ok("POST", "/keys/upload", {"one_time_keys": keys, "fallback_keys": fallback})
        assert counts["one_time_key_counts"] == {"signed_curve25519": 2}
    assert _counts(await ana.sync()) == ({"signed_curve25519": 2}, ["signed_curve25519"])
    claimed = [await _claim(bo, ana) for _ in range(4)]
    assert sorted(claimed[:2]) == ["signed_curve25519:AAAA", "signed_curve25519:AAAB"]
    assert claimed[2:] == ["signed_curve25519:F"] * 2
    assert _counts(await ana.sync()) == ({"signed_curve25519": 0}, [])
    await ana.ok("POST", "/keys/upload", {"fallback_keys": {"signed_curve25519:G": _key(ana, "g", fallback=True)}})
    assert _counts(await ana.sync()) == ({"signed_curve25519": 0}, ["signed_curve25519"])


async def a_one_time_key_is_never_replaced(site: Site) -> None:
    (ana,) = await people(site, "ana")
    await ana.ok("POST", "/keys/upload", {"one_time_keys": {"signed_curve25519:AAAA": _key(ana, "a")}})
    other: Json = {"one_time_keys": {"signed_curve25519:AAAA": _key(ana, "other")}}
    await ana.refused(400, "M_UNKNOWN", "POST", "/keys/upload", other)
    unsigned: Json = {"one_time_keys": {"signed_curve25519:AAAB": {"key": "b"}}}
    await ana.refused(400, "M_BAD_JSON", "POST", "/keys/upload", unsigned)


async def device_keys_are_for_ones_own_device(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    await ana.refused(400, "M_BAD_JSON", "POST", "/keys/upload", {"device_keys": _device(bo)})
    await ana.ok("POST", "/keys/upload", {"device_keys": _device(ana)})
    nobody = f"@nobody:{site.server_name}"
    found = await bo.ok("POST", "/keys/query", {"device_keys": {ana.user_id: [], bo.user_id: [], nobody: []}})
    assert list(found["device_keys"][ana.user_id]) == [ana.device_id]
    assert (found["device_keys"][bo.user_id], found["device_keys"][nobody]) == ({}, {})
    await ana.ok("POST", "/logout", {})
    found = await bo.ok("POST", "/keys/query", {"device_keys": {ana.user_id: []}})
    assert found["device_keys"] == {ana.user_id: {}}


async def the_first_identity_is_free_and_another_takes_the_password(site: Site) -> None:
    (ana,) = await people(site, "ana")
    identity = Identity(ana, "first")
    await ana.ok("POST", "/keys/device_signing/upload", identity.upload())
    await ana.ok("POST", "/keys/device_signing/upload", identity.upload())
    other = Identity(ana, "second")
    status, asked = await ana.call("POST", "/keys/device_signing/upload", other.upload())
    assert (status, asked["flows"]) == (401, [{"stages": ["m.login.password"]}])
    auth: JsonObject = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": ana.user_id},
        "password": "wrong",
        "session": asked["session"],
    }
    wrong: Json = {**other.upload(), "auth": {**auth}}
    await ana.refused(401, "M_FORBIDDEN", "POST", "/keys/device_signing/upload", wrong)
    right: Json = {**other.upload(), "auth": {**auth, "password": PASSWORD}}
    await ana.ok("POST", "/keys/device_signing/upload", right)
    assert (await _query(ana, ana))["master_keys"][ana.user_id]["keys"] == other.master["keys"]


async def an_identity_whose_parts_are_not_signed_is_refused(site: Site) -> None:
    (ana,) = await people(site, "ana")
    identity = Identity(ana, "first")
    where = "/keys/device_signing/upload"
    alone: Json = {"self_signing_key": identity.self_signing}
    await ana.refused(400, "M_MISSING_PARAM", "POST", where, alone)
    unsigned: Json = {key: value for key, value in identity.self_signing.items() if key != "signatures"}
    bad: Json = {"master_key": identity.master, "self_signing_key": unsigned}
    await ana.refused(400, "M_INVALID_SIGNATURE", "POST", where, bad)
    assert (await _query(ana, ana))["master_keys"] == {}


async def signatures_are_added_when_they_are_right(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    identity, device = Identity(ana, "first"), _device(ana)
    await ana.ok("POST", "/keys/upload", {"device_keys": device})
    await ana.ok("POST", "/keys/device_signing/upload", identity.upload())
    wrong = SigningKey("another").sign(device, ana.user_id, identity.self_key.public)
    changed = identity.self_key.sign({**device, "algorithms": []}, ana.user_id, identity.self_key.public)
    for form, errcode in ((wrong, "M_INVALID_SIGNATURE"), (changed, "M_UNKNOWN")):
        failures = await _sign(ana, ana, ana.device_id, form)
        assert failures[ana.user_id][ana.device_id]["errcode"] == errcode
    right = identity.self_key.sign(device, ana.user_id, identity.self_key.public)
    assert await _sign(ana, ana, ana.device_id, right) == {}
    found = (await _query(bo, ana))["device_keys"][ana.user_id][ana.device_id]["signatures"][ana.user_id]
    assert set(found) == {f"ed25519:{ana.device_id}", f"ed25519:{identity.self_key.public}"}
    # Uploading the bare device again takes nothing away.
    await ana.ok("POST", "/keys/upload", {"device_keys": device})
    assert (await _query(bo, ana))["device_keys"][ana.user_id][ana.device_id]["signatures"][ana.user_id] == found
    unknown = identity.self_key.sign({**device, "device_id": "NOBODY"}, ana.user_id, identity.self_key.public)
    failures = await _sign(ana, ana, "NOBODY", unknown)
    assert failures[ana.user_id]["NOBODY"]["errcode"] == "M_NOT_FOUND"


async def who_signs_whom_is_their_own_business(site: Site) -> None:
    ana, bo, cy = await people(site, "ana", "bo", "cy")
    for who in (ana, bo):
        await who.ok("POST", "/keys/upload", {"device_keys": _device(who)})
        await who.ok("POST", "/keys/device_signing/upload", Identity(who, "first").upload())
    mine, theirs = Identity(ana, "first"), Identity(bo, "first")
    signed = mine.user_key.sign(theirs.master, ana.user_id, mine.user_key.public)
    assert await _sign(ana, bo, theirs.master_key.public, signed) == {}
    by_ana = (await _query(ana, bo))["master_keys"][bo.user_id]["signatures"]
    assert list(by_ana[ana.user_id]) == [f"ed25519:{mine.user_key.public}"]
    for other in (bo, cy):
        seen = (await _query(other, bo))["master_keys"][bo.user_id]
        assert ana.user_id not in seen.get("signatures", {})
    assert (await _query(cy, ana))["user_signing_keys"] == {}
    assert list((await _query(ana, ana))["user_signing_keys"]) == [ana.user_id]


class Identity:
    """A user's three cross-signing keys."""

    def __init__(self, owner: Client, word: str) -> None:
        words = {usage: f"{owner.user_id} {word} {usage}" for usage in ("master", "self_signing", "user_signing")}
        self._owner = owner
        self.master_key = SigningKey(words["master"])
        self.self_key, self.user_key = SigningKey(words["self_signing"]), SigningKey(words["user_signing"])
        self.master = self._form("master", self.master_key)
        self.self_signing = self._signed(self._form("self_signing", self.self_key))
        self.user_signing = self._signed(self._form("user_signing", self.user_key))

    def upload(self) -> JsonObject:
        """Write the body of the upload."""
        return {
            "master_key": self.master,
            "self_signing_key": self.self_signing,
            "user_signing_key": self.user_signing,
        }

    def _form(self, usage: str, key: SigningKey) -> JsonObject:
        keys: JsonObject = {f"ed25519:{key.public}": key.public}
        return {"user_id": self._owner.user_id, "usage": [usage], "keys": keys}

    def _signed(self, form: JsonObject) -> JsonObject:
        return self.master_key.sign(form, self._owner.user_id, self.master_key.public)


def _device(client: Client) -> JsonObject:
    key = SigningKey(client.device_id)
    keys: JsonObject = {f"ed25519:{client.device_id}": key.public, f"curve25519:{client.device_id}": "key"}
    form: JsonObject = {
        "user_id": client.user_id,
        "device_id": client.device_id,
        "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
        "keys": keys,
    }
    return key.sign(form, client.user_id, client.device_id)


def _key(client: Client, key: str, *, fallback: bool = False) -> JsonObject:
    form: JsonObject = {"key": key, "fallback": True} if fallback else {"key": key}
    return SigningKey(client.device_id).sign(form, client.user_id, client.device_id)


async def _claim(asker: Client, owner: Client) -> str:
    wanted: Json = {owner.user_id: {owner.device_id: "signed_curve25519"}}
    answer = await asker.ok("POST", "/keys/claim", {"one_time_keys": wanted})
    (key,) = answer["one_time_keys"][owner.user_id][owner.device_id]
    assert isinstance(key, str)
    return key


async def _query(asker: Client, owner: Client) -> Any:
    return await asker.ok("POST", "/keys/query", {"device_keys": {owner.user_id: []}})


async def _sign(signer: Client, owner: Client, key_id: str, form: JsonObject) -> Any:
    answer = await signer.ok("POST", "/keys/signatures/upload", {owner.user_id: {key_id: form}})
    return answer["failures"]


def _counts(news: Any) -> tuple[Any, Any]:
    return news["device_one_time_keys_count"], news["device_unused_fallback_key_types"]


CLAUSES = (
    one_time_keys_are_given_once_and_then_the_fallback_key,
    a_one_time_key_is_never_replaced,
    device_keys_are_for_ones_own_device,
    the_first_identity_is_free_and_another_takes_the_password,
    an_identity_whose_parts_are_not_signed_is_refused,
    signatures_are_added_when_they_are_right,
    who_signs_whom_is_their_own_business,
)
