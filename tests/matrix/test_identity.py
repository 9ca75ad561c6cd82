"""The three cases of a cross-signing identity: none, ours, somebody's."""

from __future__ import annotations

import copy
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import IdentityError, MatrixError, SecretError
from orchestrator.matrix.gateway import route
from orchestrator.matrix.identity import Identity, Published, ensure_identity, make_recovery_key
from orchestrator.matrix.recovery import StorageKey, derive_from_passphrase, write_recovery_key
from orchestrator.matrix.signing import encode64, is_signed
from orchestrator.model.ids import AccountKey, JsonObject
from orchestrator.store import AccountStore, Store
from orchestrator.store.secrets import anything_sealed
from tests.fakes import FakeHomeserver, HtmlError, LoseResponse, Refuse
from tests.matrix.peers import ANA, KEEPER, Peer, Peers

PURPOSES = ("master", "self_signing", "user_signing")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[AccountStore]:
    opened = Store.open(tmp_path / "store")
    yield opened.of(AccountKey("keeper"))
    await opened.close()


async def ensure(peer: Peer, store: AccountStore, **how: Any) -> None:
    await ensure_identity(peer.gateway, store, peer.seal, peer.crypto, **how)


def public(hs: FakeHomeserver) -> list[str]:
    """The three public keys the server has, "" for each that is missing."""
    keys: list[Any] = [hs.keys.cross_signing_key(KEEPER, purpose, KEEPER) for purpose in PURPOSES]
    return ["" if key is None else next(iter(key["keys"].values())) for key in keys]


def is_cross_signed(hs: FakeHomeserver, peer: Peer) -> bool:
    """The rule of MSC4153: master vouches for self-signing key, that for the device."""
    master, self_signing, _ = public(hs)
    key = hs.keys.cross_signing_key(peer.user, "self_signing", peer.user)
    vouched = is_signed(key, peer.user, master, master)
    return vouched and is_signed(hs.keys.device(peer.user, peer.device), peer.user, self_signing, self_signing)


async def made_elsewhere(peers: Peers, hs: FakeHomeserver) -> Identity:
    """An identity that another client of the same account made."""
    other, identity = await peers.log_in(KEEPER), Identity.new()
    body = identity.upload(KEEPER)
    await other.gateway.call("POST", route("keys", "device_signing", "upload"), body=body)
    return identity


def keep_secrets(hs: FakeHomeserver, identity: Identity, key: bytes, *, leave_out: str = "") -> None:
    """Fill the account's secret storage as another client does."""
    storage, person = StorageKey(key), hs.person(KEEPER)
    person.set_account_data("m.secret_storage.default_key", {"key": "abc"})
    described: Any = storage.describe(secrets.token_bytes(16))
    person.set_account_data("m.secret_storage.key.abc", described)
    for purpose in PURPOSES:
        name = f"m.cross_signing.{purpose}"
        sealed: Any = storage.seal(name, encode64(identity.seeds[purpose]), secrets.token_bytes(16))
        if purpose != leave_out:
            person.set_account_data(name, {"encrypted": {"abc": sealed}})


async def test_an_account_without_an_identity_gets_one_that_signs_the_device(
    peers: Peers, hs: FakeHomeserver, store: AccountStore
) -> None:
    keeper = await peers.log_in(KEEPER, published=False)
    await ensure(keeper, store)
    assert all(public(hs))
    assert is_cross_signed(hs, keeper)


async def test_a_second_start_changes_nothing(peers: Peers, hs: FakeHomeserver, store: AccountStore) -> None:
    keeper = await peers.log_in(KEEPER)
    await ensure(keeper, store)
    before = public(hs)
    keeper.restart()
    hs.requests.clear()
    await ensure(keeper, store)
    assert public(hs) == before
    assert is_cross_signed(hs, keeper)
    assert {request.path.rpartition("/keys/")[2] for request in hs.requests} == {"query"}


async def test_a_new_device_is_signed_with_the_identity_that_is_ours(
    peers: Peers, hs: FakeHomeserver, store: AccountStore
) -> None:
    first = await peers.log_in(KEEPER)
    await ensure(first, store)
    before = public(hs)
    second = await peers.log_in(KEEPER)
    second.seal = first.seal
    await ensure(second, store)
    assert public(hs) == before
    assert is_cross_signed(hs, second)


async def test_a_device_whose_signature_or_keys_the_server_lost_is_signed_again(
    peers: Peers, hs: FakeHomeserver, store: AccountStore
) -> None:
    keeper = await peers.log_in(KEEPER)
    await ensure(keeper, store)
    stored: Any = hs.keys.device(KEEPER, keeper.device)
    stored["signatures"] = {}
    await ensure(keeper, store)
    assert is_cross_signed(hs, keeper)
    hs.keys.drop_device(KEEPER, keeper.device)
    await ensure(keeper, store)
    assert is_cross_signed(hs, keeper)


async def test_a_signature_that_is_none_does_not_count(peers: Peers, hs: FakeHomeserver, store: AccountStore) -> None:
    keeper = await peers.log_in(KEEPER)
    await ensure(keeper, store)
    stored: Any = hs.keys.device(KEEPER, keeper.device)
    name = f"ed25519:{public(hs)[1]}"
    stored["signatures"][KEEPER][name] = encode64(bytes(64))
    # The fake, as Synapse, keeps a signature that it has: then the bot must not go on as if all were well.
    with pytest.raises(IdentityError, match="does not show this device"):
        await ensure(keeper, store)


async def test_an_identity_made_elsewhere_is_never_replaced_unasked(
    peers: Peers, hs: FakeHomeserver, store: AccountStore
) -> None:
    await made_elsewhere(peers, hs)
    before = public(hs)
    keeper = await peers.log_in(KEEPER)
    with pytest.raises(IdentityError, match=r"recovery_key_file.*--reset-identity"):
        await ensure(keeper, store, password="secret")
    assert public(hs) == before
    assert not is_cross_signed(hs, keeper)
    assert not await store.run(anything_sealed)


async def test_an_identity_that_makes_no_sense_is_not_taken_for_none(
    peers: Peers, hs: FakeHomeserver, store: AccountStore
) -> None:
    await made_elsewhere(peers, hs)
    master: Any = hs.keys.cross_signing_key(KEEPER, "master", KEEPER)
    master["usage"] = []
    keeper = await peers.log_in(KEEPER)
    with pytest.raises(IdentityError):
        await ensure(keeper, store, password="secret")


async def test_a_recovery_key_opens_an_identity_made_elsewhere(
    peers: Peers, hs: FakeHomeserver, store: AccountStore
) -> None:
    identity, key = await made_elsewhere(peers, hs), secrets.token_bytes(32)
    keep_secrets(hs, identity, key)
    before = public(hs)
    keeper = await peers.log_in(KEEPER)
    await ensure(keeper, store, recovery_key=write_recovery_key(key) + "\n")
    assert public(hs) == before
    assert is_cross_signed(hs, keeper)
    # From now on it is ours: the recovery key is needed no more.
    await ensure(keeper, store)


async def test_a_passphrase_opens_it_too(peers: Peers, hs: FakeHomeserver, store: AccountStore) -> None:
    identity = await made_elsewhere(peers, hs)
    how: Any = {"algorithm": "m.pbkdf2", "salt": "sea", "iterations": 1000}
    key = derive_from_passphrase("a quiet place", how)
    keep_secrets(hs, identity, key)
    description: Any = hs.person(KEEPER).account_data("m.secret_storage.key.abc")
    hs.person(KEEPER).set_account_data("m.secret_storage.key.abc", {**description, "passphrase": how})
    keeper = await peers.log_in(KEEPER)
    with pytest.raises(SecretError, match="does not open"):
        await ensure(keeper, store, recovery_key="a loud place")
    await ensure(keeper, store, recovery_key="a quiet place\n")
    assert is_cross_signed(hs, keeper)


async def test_a_recovery_key_that_does_not_fit_says_why_and_changes_nothing(
    peers: Peers, hs: FakeHomeserver, store: AccountStore
) -> None:
    identity, key = await made_elsewhere(peers, hs), secrets.token_bytes(32)
    right = write_recovery_key(key)
    before = public(hs)
    keeper = await peers.log_in(KEEPER)
    with pytest.raises(IdentityError, match="keeps no secrets"):
        await ensure(keeper, store, recovery_key=right)
    keep_secrets(hs, identity, key, leave_out="self_signing")
    with pytest.raises(IdentityError, match=r"m\.cross_signing\.self_signing is missing"):
        await ensure(keeper, store, recovery_key=right)
    keep_secrets(hs, identity, key)
    with pytest.raises(SecretError, match="is not one"):
        await ensure(keeper, store, recovery_key=right[:-1])
    with pytest.raises(SecretError, match="another account"):
        await ensure(keeper, store, recovery_key=write_recovery_key(bytes(32)))
    keep_secrets(hs, Identity.new(), key)
    with pytest.raises(IdentityError, match="older identity"):
        await ensure(keeper, store, recovery_key=right)
    assert public(hs) == before
    assert not await store.run(anything_sealed)


async def test_a_reset_replaces_it_with_the_password(peers: Peers, hs: FakeHomeserver, store: AccountStore) -> None:
    await made_elsewhere(peers, hs)
    before = public(hs)
    keeper = await peers.log_in(KEEPER)
    with pytest.raises(IdentityError, match="asks for the password"):
        await ensure(keeper, store, reset=True)
    with pytest.raises(SecretError, match="does not take the password") as refused:
        await ensure(keeper, store, reset=True, password="wrong-password")
    assert "wrong-password" not in str(refused.value)
    assert public(hs) == before
    await ensure(keeper, store, reset=True, password="secret")
    assert not set(public(hs)) & set(before)
    assert is_cross_signed(hs, keeper)
    await ensure(keeper, store)


async def test_a_server_that_asks_for_its_account_page_gets_a_clear_line(
    peers: Peers, hs: FakeHomeserver, store: AccountStore
) -> None:
    await made_elsewhere(peers, hs)
    keeper = await peers.log_in(KEEPER)
    hs._world.accounts.flows = ("m.login.sso",)
    with pytest.raises(IdentityError, match="account page"):
        await ensure(keeper, store, reset=True, password="secret")


async def test_a_failed_reset_leaves_the_identity_that_was_ours(
    peers: Peers, hs: FakeHomeserver, store: AccountStore
) -> None:
    keeper = await peers.log_in(KEEPER)
    await ensure(keeper, store)
    before = public(hs)
    with pytest.raises(SecretError):
        await ensure(keeper, store, reset=True, password="wrong")
    await ensure(keeper, store)
    assert public(hs) == before


async def test_an_upload_whose_answer_was_lost_is_found_to_have_happened(
    peers: Peers, hs: FakeHomeserver, store: AccountStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.matrix.identity.PATIENCE_S", 0)
    keeper = await peers.log_in(KEEPER)
    hs.faults.add(LoseResponse(), "POST", "/device_signing/upload")
    with pytest.raises(MatrixError):
        await ensure(keeper, store)
    before = public(hs)
    assert all(before)
    await ensure(keeper, store)
    assert public(hs) == before, "what we made and kept is ours, though nobody told us that it arrived"
    assert is_cross_signed(hs, keeper)
    # The same in a reset.
    hs.faults.add(LoseResponse(), "POST", "/device_signing/upload", nth=2)
    with pytest.raises(MatrixError):
        await ensure(keeper, store, reset=True, password="secret")
    replaced = public(hs)
    assert replaced != before
    await ensure(keeper, store, reset=True, password="secret")
    assert public(hs) == replaced


async def test_an_upload_that_never_arrived_is_made_again_with_the_same_keys(
    peers: Peers, hs: FakeHomeserver, store: AccountStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.matrix.identity.PATIENCE_S", 0)
    keeper = await peers.log_in(KEEPER)
    hs.faults.add(HtmlError(502), "POST", "/device_signing/upload")
    with pytest.raises(MatrixError):
        await ensure(keeper, store)
    tried: Any = hs.requests.of("POST", "/device_signing/upload")[0].body
    await ensure(keeper, store)
    assert public(hs)[0] in str(tried["master_key"])


async def test_a_server_that_refuses_the_signature_is_not_believed(
    peers: Peers, hs: FakeHomeserver, store: AccountStore
) -> None:
    keeper = await peers.log_in(KEEPER)
    hs.faults.add(Refuse(400, "M_INVALID_SIGNATURE"), "POST", "/signatures/upload")
    with pytest.raises(MatrixError):
        await ensure(keeper, store)


async def test_seeds_are_sealed_and_open_with_no_other_key(
    peers: Peers, hs: FakeHomeserver, store: AccountStore, tmp_path: Path
) -> None:
    keeper = await peers.log_in(KEEPER)
    await ensure(keeper, store)
    stranger = copy.copy(keeper)
    stranger.seal = (await peers.log_in(ANA)).seal
    with pytest.raises(SecretError, match="another secret key"):
        await ensure(stranger, store)
    assert b'"self_signing"' not in b"".join(file.read_bytes() for file in (tmp_path / "store").iterdir())
    assert "seeds" not in repr(Identity.new())


async def test_our_identity_can_be_recovered_with_the_key_we_hand_out(
    peers: Peers, hs: FakeHomeserver, store: AccountStore, tmp_path: Path
) -> None:
    keeper = await peers.log_in(KEEPER)
    with pytest.raises(IdentityError, match="no identity to recover"):
        await make_recovery_key(keeper.gateway, store, keeper.seal, KEEPER)
    await ensure(keeper, store)
    recovery_key = await make_recovery_key(keeper.gateway, store, keeper.seal, KEEPER)
    with pytest.raises(IdentityError, match="already keeps secrets"):
        await make_recovery_key(keeper.gateway, store, keeper.seal, KEEPER)
    lost = Store.open(tmp_path / "after the fire")
    try:
        again = await peers.log_in(KEEPER)
        before = public(hs)
        await ensure(again, lost.of(AccountKey("keeper")), recovery_key=recovery_key)
        assert public(hs) == before
        assert is_cross_signed(hs, again)
    finally:
        await lost.close()


async def test_those_we_write_to_see_the_signature_of_our_identity(
    peers: Peers, hs: FakeHomeserver, store: AccountStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    await ensure(keeper, store)
    room = await peers.room_of(keeper, ana)
    seen: list[Any] = []
    monkeypatch.setattr(ana.crypto._machine, "_keep_room_key", lambda _, payload: seen.append(payload))
    await keeper.say(room, "hello")
    await ana.turn()
    (payload,) = seen
    self_signing = public(hs)[1]
    assert is_signed(payload["sender_device_keys"], KEEPER, self_signing, self_signing)
    assert is_signed(payload["sender_device_keys"], KEEPER, keeper.device, keeper.crypto.device.ed25519)


@pytest.mark.parametrize("spoil", ["none", "signature", "owner", "usage", "two keys", "name"])
def test_only_a_properly_signed_identity_counts(spoil: str) -> None:
    identity = Identity.new()
    parts: Any = copy.deepcopy(dict(identity.upload(KEEPER)))
    part = parts["self_signing_key"]
    match spoil:
        case "signature":
            part["signatures"][KEEPER] = {name: encode64(bytes(64)) for name in part["signatures"][KEEPER]}
        case "owner":
            part["user_id"] = ANA
        case "usage":
            part["usage"] = ["master"]
        case "two keys":
            part["keys"]["ed25519:x"] = "x"
        case "name":
            part["keys"] = {"ed25519:x": next(iter(part["keys"].values()))}
    answer: JsonObject = {f"{purpose}_keys": {KEEPER: parts[f"{purpose}_key"]} for purpose in PURPOSES}
    assert Published.of(answer, KEEPER, "D").is_of(identity) == (spoil == "none")
