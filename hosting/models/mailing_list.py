"""Distribution lists: an address whose mail goes to all members, and what is known of each of them."""

from __future__ import annotations

from django.db import models


class MailingList(models.Model):
    """A list at `address`. `policy` says who may post; `posters` are the addresses that may under "listed".

    `owner` is told what members cannot be reached and gets what the list does not take; without one, whoever
    answers for the domain.
    """

    ANYONE, MEMBERS, LISTED = "anyone", "members", "listed"
    POLICIES = [(ANYONE, "anyone"), (MEMBERS, "members"), (LISTED, "listed")]

    address = models.OneToOneField("hosting.Address", on_delete=models.CASCADE, related_name="mailing_list")
    name = models.CharField(max_length=200)
    policy = models.CharField(max_length=10, choices=POLICIES, default=MEMBERS)
    posters = models.JSONField(default=list)  # canonical addresses
    owner = models.ForeignKey(
        "hosting.Account", null=True, on_delete=models.SET_NULL, related_name="mailing_lists"
    )
    pause_after = models.PositiveSmallIntegerField(default=3)  # hard bounces until a member is paused
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return str(self.address)


class ListMember(models.Model):
    """Somebody on a list, here or elsewhere. Who has left keeps a row, so that a paste does not bring them back."""

    ACTIVE, PAUSED, LEFT = "active", "paused", "left"
    STATES = [(ACTIVE, "active"), (PAUSED, "paused"), (LEFT, "left")]

    mailing_list = models.ForeignKey(MailingList, on_delete=models.CASCADE, related_name="members")
    address = models.CharField(max_length=320)  # canonical
    state = models.CharField(max_length=10, choices=STATES, default=ACTIVE)
    reason = models.CharField(max_length=300, blank=True, default="")  # the other server's words, when paused
    bounces = models.PositiveIntegerField(default=0)
    bounced_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mailing_list", "address"], name="list_member_once"),
        ]

    def __str__(self) -> str:
        return self.address
