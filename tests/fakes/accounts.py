"""Users, their devices and tokens, and what the server keeps for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

from .limits import Limiter
from .problems import MatrixProblem, bad_request, forbidden, not_found
from .values import Json, JsonObject, obj, text


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asks: a user on a device, or a test that acts for a user without one."""

    user_id: str
    device_id: str | None = None


@dataclass(slots=True)
class Device:
    """A login of a user."""

    device_id: str
    display_name: str | None = None
    tokens: list[str] = field(default_factory=list, repr=False)


@dataclass(slots=True)
class Stored:
    """A piece of account data and the stream position at which it changed."""

    content: Json = field(repr=False)
    stream: int


@dataclass(slots=True)
class Account:
    """A user of this server, or of another one that we pretend to know.

    Attributes:
        suspended: may log in and read, and leave, and nothing else.
    """

    user_id: str
    password: str | None = field(default=None, repr=False)
    display_name: str | None = None
    suspended: bool = False
    devices: dict[str, Device] = field(default_factory=dict)
    account_data: dict[str, Stored] = field(default_factory=dict)
    filters: list[JsonObject] = field(default_factory=list)


class Accounts:
    """Everybody the server knows.

    Args:
        server_name: what the ids of its own users end in.
        limiter: for logins.
        flows: the login types it offers; ``m.login.password`` must be among them for a password to work.
    """

    def __init__(self, server_name: str, limiter: Limiter, flows: tuple[str, ...]) -> None:
        self.server_name = server_name
        self.flows = flows
        self._limiter = limiter
        self._accounts: dict[str, Account] = {}
        self._tokens: dict[str, Requester] = {}
        self._numbers = count(1)

    def get(self, user_id: str) -> Account | None:
        """Find an account."""
        return self._accounts.get(user_id)

    def make(self, user_id: str, password: str | None = None) -> Account:
        """Find an account or make it, with the localpart as display name, as Synapse does."""
        if not user_id.startswith("@") or ":" not in user_id:
            raise bad_request(f"Invalid user_id: {user_id}", "M_INVALID_PARAM")
        name = user_id[1:].partition(":")[0]
        account = self._accounts.setdefault(user_id, Account(user_id, display_name=name))
        if password is not None:
            account.password = password
        return account

    def is_local(self, user_id: str) -> bool:
        """Tell whether a user id ends in our server name."""
        return user_id.partition(":")[2] == self.server_name

    def display_name(self, user_id: str) -> str | None:
        """Read a display name."""
        account = self._accounts.get(user_id)
        return None if account is None else account.display_name

    def log_in(self, body: JsonObject) -> JsonObject:
        """Answer ``POST /login``: a new token; the device named, or a new one."""
        kind = text(body.get("type"))
        if kind != "m.login.password" or kind not in self.flows:
            raise bad_request(f"Unknown login type {kind}", "M_INVALID_PARAM")
        identifier = obj(body.get("identifier"))
        named = text(identifier.get("user")) or text(body.get("user"))
        user_id = named if named.startswith("@") else f"@{named}:{self.server_name}"
        account = self._accounts.get(user_id)
        if account is None or account.password is None or body.get("password") != account.password:
            raise forbidden("Invalid username or password")
        self._limiter.take("login", user_id)
        wanted, shown = body.get("device_id"), body.get("initial_device_display_name")
        device = self.device(account, wanted if isinstance(wanted, str) else None)
        if device.display_name is None and isinstance(shown, str):
            device.display_name = shown
        return {
            "user_id": user_id,
            "access_token": self.issue(account, device),
            "device_id": device.device_id,
            "home_server": self.server_name,
        }

    def device(self, account: Account, device_id: str | None) -> Device:
        """Find a device of an account, or make it."""
        wanted = device_id or f"DEVICE{next(self._numbers):04}"
        return account.devices.setdefault(wanted, Device(wanted))

    def issue(self, account: Account, device: Device) -> str:
        """Give a device a new token; as on Synapse, its older ones stay good."""
        token = f"fake_{account.user_id[1:].partition(':')[0]}_{next(self._numbers)}"
        device.tokens.append(token)
        self._tokens[token] = Requester(account.user_id, device.device_id)
        return token

    def log_out(self, requester: Requester) -> None:
        """Forget a device and its token."""
        account = self._accounts[requester.user_id]
        device = account.devices.pop(requester.device_id or "", None)
        for token in device.tokens if device is not None else ():
            self._tokens.pop(token, None)

    def spoil_tokens(self, user_id: str) -> None:
        """Make every token of a user unknown; the devices stay."""
        for device in self._accounts[user_id].devices.values():
            for token in device.tokens:
                self._tokens.pop(token, None)
            device.tokens.clear()

    def who(self, token: str | None) -> Requester:
        """Say whose token it is; raises 401 M_MISSING_TOKEN or M_UNKNOWN_TOKEN."""
        if not token:
            raise MatrixProblem(401, "M_MISSING_TOKEN", "Missing access token")
        requester = self._tokens.get(token)
        if requester is None:
            raise unknown_token()
        return requester

    def check_password(self, user_id: str, auth: JsonObject) -> bool:
        """Tell whether an ``auth`` block of an interactive authentication proves the user."""
        account = self._accounts[user_id]
        right = account.password is not None and auth.get("password") == account.password
        return auth.get("type") == "m.login.password" and right

    def filter(self, user_id: str, filter_id: str) -> JsonObject:
        """Find a stored filter."""
        filters = self._accounts[user_id].filters
        if not filter_id.isdecimal() or int(filter_id) >= len(filters):
            raise bad_request("No such filter", "M_INVALID_PARAM")
        return filters[int(filter_id)]

    def profile(self, user_id: str) -> JsonObject:
        """Read a profile."""
        account = self._accounts.get(user_id)
        if account is None:
            raise not_found("No row found (profiles)", "M_UNKNOWN")
        return {} if account.display_name is None else {"displayname": account.display_name}


def unknown_token(*, soft_logout: bool = False) -> MatrixProblem:
    """Say 401 M_UNKNOWN_TOKEN."""
    extra = {"soft_logout": soft_logout}
    return MatrixProblem(401, "M_UNKNOWN_TOKEN", "Invalid access token passed.", extra=extra)
