"""Device keys, one-time and fallback keys, and cross-signing, as ``/keys/*`` has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from .accounts import Accounts, Requester
from .problems import bad_request
from .signing import bare, is_signed
from .values import JsonObject, canonical, items, obj, text

USAGES = ("master", "self_signing", "user_signing")
_ALGORITHM = "signed_curve25519"


@dataclass(slots=True)
class _Fallback:
    key_id: str
    key: JsonObject = field(repr=False)
    used: bool = False


@dataclass(slots=True)
class _DeviceKeys:
    device: JsonObject | None = None
    one_time: dict[str, JsonObject] = field(default_factory=dict)
    fallback: dict[str, _Fallback] = field(default_factory=dict)


class Keys:
    """Everybody's public keys.

    Args:
        accounts: to know which devices there are.
        next_stream: takes the next stream position, at which a change is noted.
    """

    def __init__(self, accounts: Accounts, next_stream: Callable[[], int]) -> None:
        self._accounts = accounts
        self._next_stream = next_stream
        self._devices: dict[tuple[str, str], _DeviceKeys] = {}
        self._cross: dict[tuple[str, str], JsonObject] = {}
        self._changes: list[tuple[int, str]] = []
        # Signatures on others' master keys are shown to the signer only: (signer, signed user) -> signatures.
        self._vouched: dict[tuple[str, str], JsonObject] = {}
        self._vouch_changes: list[tuple[int, str, str]] = []

    # Device, one-time and fallback keys.

    def upload(self, requester: Requester, body: JsonObject) -> JsonObject:
        """Answer ``POST /keys/upload``."""
        user_id, device_id = requester.user_id, requester.device_id or ""
        mine = self._devices.setdefault((user_id, device_id), _DeviceKeys())
        _check_signed((body.get("one_time_keys"), body.get("fallback_keys")))
        if "device_keys" in body:
            device = obj(body["device_keys"])
            if device.get("user_id") != user_id or device.get("device_id") != device_id:
                raise bad_request("Provided `device_keys` do not match the authenticated device", "M_BAD_JSON")
            # Compared without signatures: those added since by cross-signing stay.
            if mine.device is None or bare(mine.device) != bare(device):
                mine.device = device
                self.note_change(user_id)
        for full_id, key in obj(body.get("one_time_keys")).items():
            known = mine.one_time.get(full_id)
            if known is not None and known.get("key") != obj(key).get("key"):
                raise bad_request(f"One time key {full_id} already exists.")
            mine.one_time[full_id] = obj(key)
        for full_id, key in obj(body.get("fallback_keys")).items():
            mine.fallback[full_id.partition(":")[0]] = _Fallback(full_id, obj(key))
        return {"one_time_key_counts": self.counts(user_id, device_id)}

    def counts(self, user_id: str, device_id: str) -> JsonObject:
        """Count the one-time keys left; ``signed_curve25519`` is always named."""
        mine = self._devices.get((user_id, device_id), _DeviceKeys())
        counts: JsonObject = {_ALGORITHM: 0}
        for full_id in mine.one_time:
            algorithm = full_id.partition(":")[0]
            already = counts.get(algorithm, 0)
            counts[algorithm] = 1 + (already if isinstance(already, int) else 0)
        return counts

    def unused_fallbacks(self, user_id: str, device_id: str) -> list[str]:
        """Name the algorithms whose fallback key was not handed out yet."""
        mine = self._devices.get((user_id, device_id), _DeviceKeys())
        return [algorithm for algorithm, fallback in mine.fallback.items() if not fallback.used]

    def claim(self, wanted: JsonObject) -> JsonObject:
        """Answer ``POST /keys/claim``: each one-time key once, then the fallback key again and again."""
        given: JsonObject = {}
        for user_id, by_device in wanted.items():
            for device_id, algorithm in obj(by_device).items():
                found = self._claim(user_id, device_id, text(algorithm))
                if found is not None:
                    of_user = given.setdefault(user_id, {})
                    obj(of_user)[device_id] = {found[0]: found[1]}
        return {"one_time_keys": given, "failures": {}}

    def query(self, wanted: JsonObject, asker: str) -> JsonObject:
        """Answer ``POST /keys/query``."""
        devices: JsonObject = {}
        failures: JsonObject = {}
        answer: JsonObject = {"device_keys": devices, "failures": failures}
        masters: JsonObject = {}
        selves: JsonObject = {}
        for user_id, named in wanted.items():
            if self._accounts.get(user_id) is None and not self._accounts.is_local(user_id):
                failures[user_id.partition(":")[2]] = {"status": 503, "message": "Failed to send request"}
                continue
            chosen = named if isinstance(named, list) and named else None
            devices[user_id] = {
                device_id: self._device_form(user_id, device_id, keys.device)
                for (owner, device_id), keys in self._devices.items()
                if owner == user_id and keys.device is not None and (chosen is None or device_id in chosen)
            }
            for usage, into in (("master", masters), ("self_signing", selves)):
                key = self.cross_signing_key(user_id, usage, asker)
                if key is not None:
                    into[user_id] = key
        own = self.cross_signing_key(asker, "user_signing", asker) if asker in wanted else None
        answer.update(
            master_keys=masters, self_signing_keys=selves, user_signing_keys={} if own is None else {asker: own}
        )
        return answer

    def drop_device(self, user_id: str, device_id: str) -> None:
        """Forget a device that was logged out."""
        if self._devices.pop((user_id, device_id), None) is not None:
            self.note_change(user_id)

    def device(self, user_id: str, device_id: str) -> JsonObject | None:
        """Read the keys a device published, with all their signatures."""
        return self._devices.get((user_id, device_id), _DeviceKeys()).device

    # Changes.

    def note_change(self, user_id: str) -> None:
        """Remember that somebody's devices or identity changed."""
        self._changes.append((self._next_stream(), user_id))

    def changed(self, after: int, upto: int, *, signer: str) -> set[str]:
        """Name whose keys changed in a stretch of the stream, and whom ``signer`` signed in it."""
        signed = {user for stream, by, user in self._vouch_changes if after < stream <= upto and by == signer}
        return signed | {user for stream, user in self._changes if after < stream <= upto}

    # Cross-signing.

    def cross_signing_key(self, user_id: str, usage: str, asker: str) -> JsonObject | None:
        """Read a cross-signing key, with those signatures that ``asker`` may see."""
        key = self._cross.get((user_id, usage))
        if key is None or usage != "master":
            return key
        extra = obj(self._vouched.get((asker, user_id), {}))
        if not extra:
            return key
        return {**key, "signatures": {**obj(key.get("signatures")), **extra}}

    def has_identity(self, user_id: str) -> bool:
        """Tell whether a user has a master key."""
        return (user_id, "master") in self._cross

    def is_same_identity(self, user_id: str, body: JsonObject) -> bool:
        """Tell whether an upload of signing keys would change nothing."""
        given = [(usage, obj(body[f"{usage}_key"])) for usage in USAGES if f"{usage}_key" in body]
        return all(canonical(obj(self._cross.get((user_id, usage)))) == canonical(key) for usage, key in given)

    def upload_identity(self, user_id: str, body: JsonObject) -> None:
        """Store signing keys; the master key must have signed the others.

        Raises MatrixProblem: 400 M_MISSING_PARAM without a master key, M_INVALID_PARAM, M_INVALID_SIGNATURE.
        """
        given = {usage: obj(body[f"{usage}_key"]) for usage in USAGES if f"{usage}_key" in body}
        master = given.get("master") or self._cross.get((user_id, "master"))
        if master is None:
            raise bad_request("No master key available", "M_MISSING_PARAM")
        key_id, public = only_key(master)
        for usage, key in given.items():
            if key.get("user_id") != user_id or usage not in items(key.get("usage")) or not only_key(key)[0]:
                raise bad_request(f"Invalid {usage} key", "M_INVALID_PARAM")
            if usage != "master" and not is_signed(key, user_id, key_id, public):
                raise bad_request(f"Invalid signature on {usage} key", "M_INVALID_SIGNATURE")
        for usage, key in given.items():
            self._cross[user_id, usage] = key
        self.note_change(user_id)

    def upload_signatures(self, signer: str, body: JsonObject) -> JsonObject:
        """Answer ``POST /keys/signatures/upload``: right signatures are added to what is there."""
        failures: JsonObject = {}
        for user_id, signed in body.items():
            for key_id, form in obj(signed).items():
                problem = self._sign(signer, user_id, key_id, obj(form))
                if problem is not None:
                    obj(failures.setdefault(user_id, {}))[key_id] = problem
        return {"failures": failures}

    def _sign(self, signer: str, user_id: str, key_id: str, form: JsonObject) -> JsonObject | None:
        if signer != user_id:
            return self._vouch(signer, user_id, key_id, form)
        mine = self._cross.get((user_id, "self_signing"))
        master = self._cross.get((user_id, "master"))
        if mine is None or master is None:
            return _failure(404, "M_NOT_FOUND", f"404: No self_signing key found for {user_id}")
        if f"ed25519:{key_id}" == only_key(master)[0]:
            return self._add_to_master(user_id, master, form)
        stored = self.device(user_id, key_id)
        if stored is None:
            return _failure(404, "M_NOT_FOUND", "404: Unknown device")
        key, public = only_key(mine)
        if key in obj(obj(stored.get("signatures")).get(user_id)):
            return None
        return self._take(user_id, stored, form, key, public)

    def _add_to_master(self, user_id: str, master: JsonObject, form: JsonObject) -> JsonObject | None:
        for key in obj(obj(form.get("signatures")).get(user_id)):
            device = self.device(user_id, key.partition(":")[2]) or {}
            public = text(obj(device.get("keys")).get(key))
            problem = self._take(user_id, master, form, key, public)
            if problem is not None:
                return problem
        return None

    def _vouch(self, signer: str, user_id: str, key_id: str, form: JsonObject) -> JsonObject | None:
        mine, master = self._cross.get((signer, "user_signing")), self._cross.get((user_id, "master"))
        if mine is None or master is None or only_key(master)[0] != f"ed25519:{key_id}":
            return _failure(404, "M_NOT_FOUND", "404: Unknown device")
        key, public = only_key(mine)
        if bare(form) != bare(master) or not is_signed(form, signer, key, public):
            return _failure(400, "M_INVALID_SIGNATURE", "400: Invalid signature")
        self._vouched[signer, user_id] = {signer: {key: obj(obj(form["signatures"]).get(signer)).get(key)}}
        self._vouch_changes.append((self._next_stream(), signer, user_id))
        return None

    def _take(self, user_id: str, stored: JsonObject, form: JsonObject, key: str, public: str) -> JsonObject | None:
        """Add one checked signature to what is stored."""
        if bare(form) != bare(stored):
            return _failure(400, "M_UNKNOWN", "400: Key does not match")
        if not is_signed(form, user_id, key, public):
            return _failure(400, "M_INVALID_SIGNATURE", "400: Invalid signature")
        signature = obj(obj(form["signatures"]).get(user_id))[key]
        signatures = obj(stored.setdefault("signatures", {}))
        obj(signatures.setdefault(user_id, {}))[key] = signature
        self.note_change(user_id)
        return None

    def _claim(self, user_id: str, device_id: str, algorithm: str) -> tuple[str, JsonObject] | None:
        theirs = self._devices.get((user_id, device_id), _DeviceKeys())
        for full_id in theirs.one_time:
            if full_id.startswith(f"{algorithm}:"):
                return full_id, theirs.one_time.pop(full_id)
        fallback = theirs.fallback.get(algorithm)
        if fallback is None:
            return None
        fallback.used = True
        return fallback.key_id, fallback.key

    def _device_form(self, user_id: str, device_id: str, device: JsonObject | None) -> JsonObject:
        account = self._accounts.get(user_id)
        known = account.devices.get(device_id) if account is not None else None
        shown = known.display_name if known is not None else None
        return {**(device or {}), "unsigned": {} if shown is None else {"device_display_name": shown}}


def only_key(cross_signing_key: JsonObject) -> tuple[str, str]:
    """Read the one key of a cross-signing key: its id and its public part; ("", "") when there is not exactly one."""
    keys = obj(cross_signing_key.get("keys"))
    if len(keys) != 1:
        return "", ""
    key_id, public = next(iter(keys.items()))
    return key_id, text(public)


def _check_signed(groups: Iterable[object]) -> None:
    for group in groups:
        for full_id, key in (group if isinstance(group, dict) else {}).items():
            if full_id.count(":") != 1 or (isinstance(key, dict) and "signatures" not in key):
                raise bad_request(f"Invalid key {full_id!r}", "M_BAD_JSON")


def _failure(status: int, errcode: str, message: str) -> JsonObject:
    return {"status": status, "errcode": errcode, "message": message}
