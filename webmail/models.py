"""What a person has chosen for their web mail. Looks (theme, density, left column) are cookies of each browser."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Preferences(models.Model):
    """One row per account, made when something is first changed; without it the defaults hold."""

    PAGE_SIZES = [(25, "25"), (50, "50"), (100, "100")]
    TO_LIST, TO_OLDER, TO_NEWER = "list", "older", "newer"
    AFTER = [
        (TO_LIST, _("Go back to the list")),
        (TO_OLDER, _("Open the next older conversation")),
        (TO_NEWER, _("Open the next newer conversation")),
    ]

    account = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="web_mail"
    )
    page_size = models.PositiveSmallIntegerField(choices=PAGE_SIZES, default=50)
    after_action = models.CharField(max_length=8, choices=AFTER, default=TO_LIST)
    time_zone = models.CharField(max_length=64, blank=True, default="")  # "": that of the browser
    undo_seconds = models.PositiveSmallIntegerField(default=5)
    signature = models.TextField(blank=True, default="")  # HTML as the editor writes it

    def __str__(self) -> str:
        return f"preferences of account {self.account_id}"
