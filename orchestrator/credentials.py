"""With what an account is logged in to: what config.yaml names, or the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from orchestrator.config import Account, read_secret
from orchestrator.errors import SecretError
from orchestrator.matrix.session import Credentials

PASSWORD_VARIABLE: Final = "CIRCLEKEEPER_PASSWORD"  # noqa: S105 - its name


def credentials_of(account: Account, environ: Mapping[str, str]) -> Credentials:
    """Find what an account may log in with.

    Raises:
        SecretError: a file that is named cannot be used.
    """
    if account.access_token_file is not None:
        return Credentials(token=read_secret(account.access_token_file), device=account.device_id)
    # After the first start the stored session is enough: a password that lies nowhere cannot be stolen.
    if account.password_file is not None:
        try:
            return Credentials(password=read_secret(account.password_file))
        except SecretError as error:
            if os.path.lexists(account.password_file):
                raise
            return Credentials(missing=error.message)
    if environ.get(PASSWORD_VARIABLE):
        return Credentials(password=environ[PASSWORD_VARIABLE])
    return Credentials(
        missing=f"There is no password for {account.user_id}. Name a password_file in config.yaml, or set"
        f" {PASSWORD_VARIABLE}."
    )
