"""How Django's sessions find their account. Named in settings as AUTHENTICATION_BACKENDS."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from hosting import signing_in
from hosting.models import Account
from mta import metrics


class Accounts(BaseBackend):
    """One query per request: the account with its tenant and domain. Suspended ones are signed out."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **_other: Any,
    ) -> Account | None:
        if username is None or password is None:
            return None
        account = signing_in.verify(username, password, remember=False)
        metrics.SIGN_INS.labels("web", "accepted" if account else "refused").inc()
        return account

    def get_user(self, user_id: int) -> Account | None:
        account = Account.objects.with_standing().filter(pk=user_id).first()
        return account if account is not None and account.is_active else None
