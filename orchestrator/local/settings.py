"""What a private Synapse is told: its configuration and its secrets, as files in its data directory."""

from __future__ import annotations

import json
import os
import secrets
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import SetupError
from orchestrator.local.limits import Limits
from orchestrator.model.ids import Json, JsonObject


@dataclass(frozen=True, slots=True)
class Federation:
    """What a homeserver needs to speak with other homeservers on loopback.

    Args:
        certificate: PEM chain for the server's name.
        private_key: PEM key of the certificate.
        authority: PEM certificate of the authority that all servers of the test trust.
    """

    certificate: Path
    private_key: Path
    authority: Path


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets of one homeserver, made once for its data directory."""

    signing_key: str
    registration: str
    macaroon: str
    admin_password: str

    def __repr__(self) -> str:
        return "Secrets(...)"


def secrets_of(data_dir: Path) -> Secrets:
    """Read the secrets of a data directory, making them (0600) the first time.

    Raises SetupError when the file cannot be read or is not ours.
    """
    path = data_dir / "secrets.json"
    try:
        if path.exists():
            return Secrets(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise SetupError(
            f"The homeserver's secrets in {path} cannot be read. Delete the directory to start anew.", path=str(path)
        ) from error
    # An Ed25519 seed in the unpadded base64 of Matrix; "a_" and the version are Synapse's own way to name a key.
    seed = b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    made = Secrets(
        signing_key=f"ed25519 a_{secrets.token_hex(2)} {seed}",
        registration=secrets.token_urlsafe(32),
        macaroon=secrets.token_urlsafe(32),
        admin_password=secrets.token_urlsafe(32),
    )
    write_private(path, json.dumps({name: getattr(made, name) for name in Secrets.__dataclass_fields__}))
    return made


def write_private(path: Path, text: str) -> None:
    """Write a whole file that only its owner may read, or leave the old one."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    new.replace(path)


def write_settings(
    data_dir: Path,
    *,
    server_name: str,
    address: str,
    port: int,
    limits: Limits,
    secret: Secrets,
    federation: Federation | None,
    federation_port: int,
) -> Path:
    """Write everything that Synapse reads at its start, and return the path of its configuration.

    Raises SetupError when the directory is that of a server with another name.
    """
    write_private(data_dir / "signing.key", secret.signing_key + "\n")
    write_private(data_dir / "log.json", json.dumps(_LOGGING))
    path = data_dir / "homeserver.yaml"
    old = _name_in(path)
    if old not in (None, server_name):
        raise SetupError(
            f"{data_dir} holds the homeserver {old}, and a homeserver cannot become another. "
            f"Choose another directory for {server_name}, or delete this one."
        )
    listeners: list[JsonObject] = [_listener(address, port, "client")]
    if federation is not None:
        listeners.append(_listener(address, federation_port, "federation", tls=True))
    settings: dict[str, Json] = {
        "server_name": server_name,
        "public_baseurl": f"http://{address}:{port}/",
        "listeners": listeners,
        "database": {"name": "sqlite3", "args": {"database": str(data_dir / "homeserver.db")}},
        "media_store_path": str(data_dir / "media"),
        "pid_file": str(data_dir / "homeserver.pid"),
        "signing_key_path": str(data_dir / "signing.key"),
        "log_config": str(data_dir / "log.json"),
        "registration_shared_secret": secret.registration,
        "macaroon_secret_key": secret.macaroon,
        "bcrypt_rounds": 4,
        # It talks to nobody but its own people and, if asked, to the other server of the test.
        "report_stats": False,
        "trusted_key_servers": [],
        "url_preview_enabled": False,
        "push": {"enabled": False},
        # A client that asks without a token twice must not be shown the first, older answer.
        "caches": {"sync_response_cache_duration": "0s"},
        "presence": {"enabled": False},
        **limits.settings(),
        **(_alone() if federation is None else _federating(federation)),
    }
    # JSON is YAML, so nothing needs to be quoted twice.
    write_private(path, json.dumps(settings, indent=1))
    return path


def _name_in(path: Path) -> str | None:
    """Read which server an older start's configuration was for; None when there is none that can be read."""
    try:
        return str(json.loads(path.read_text())["server_name"])
    except (FileNotFoundError, ValueError, LookupError, TypeError):
        # Synapse itself checks the name against its database, only later and less plainly.
        return None


def _listener(address: str, port: int, resource: str, *, tls: bool = False) -> JsonObject:
    return {
        "type": "http",
        "port": port,
        "bind_addresses": [address],
        "tls": tls,
        "x_forwarded": False,
        "resources": [{"names": [resource], "compress": False}],
    }


def _alone() -> Mapping[str, Json]:
    return {"federation_domain_whitelist": []}


def _federating(federation: Federation) -> Mapping[str, Json]:
    return {
        "tls_certificate_path": str(federation.certificate),
        "tls_private_key_path": str(federation.private_key),
        "federation_custom_ca_list": [str(federation.authority)],
        # Both lists hold loopback by default, to keep strangers from reaching into a server's own network.
        "ip_range_blacklist": [],
        "federation_ip_range_blacklist": [],
        # A cut link shall be noticed at once and forgotten at once: by default the first retry comes after ten minutes.
        # Numbers are milliseconds. The interval must not be 0, or success would not clear a failure.
        "federation": {
            "client_timeout": "10s",
            "max_short_retries": 0,
            "max_long_retries": 0,
            "destination_min_retry_interval": 10,
            "destination_max_retry_interval": 10,
            "destination_retry_multiplier": 2,
        },
    }


_LOGGING: JsonObject = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    # Our side sends stderr to a file in the data directory, so that a crash of the interpreter is in it as well.
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"level": "WARNING", "handlers": ["stderr"]},
}
