"""What a person has chosen for their web mail. Looks (theme, density, left column, reading pane) are cookies of each
browser; what follows the person to every browser is here."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Preferences(models.Model):
    """One row per account, made when something is first changed; without it the defaults hold."""

    PAGE_SIZES = [(25, "25"), (50, "50"), (100, "100")]
    TO_LIST, TO_OLDER, TO_NEWER = "list", "older", "newer"
    AFTER = [
        (TO_LIST, _("Go back to the list")),
        (TO_OLDER, _("Open the next older conversation")),
        (TO_NEWER, _("Open the next newer conversation")),
    ]
    PLAIN, UNREAD_FIRST, STARRED_FIRST = "default", "unread", "starred"
    INBOXES = [
        (PLAIN, _("Newest first")),
        (UNREAD_FIRST, _("Unread first")),
        (STARRED_FIRST, _("Starred first")),
    ]
    NEVER = -1
    READ_AFTER = [
        (0, _("At once")),
        (1, _("After 1 second")),
        (3, _("After 3 seconds")),
        (NEVER, _("Never by itself")),
    ]
    ASK, SHOW = "ask", "show"
    RECEIPTS = [
        (ASK, _("Ask me each time")),
        ("always", _("Send them")),
        ("never", _("Never send them")),
    ]
    PICTURES = [
        (ASK, _("Ask before showing them")),
        (SHOW, _("Show them, fetched by this host")),
    ]
    UNDO_SECONDS = [
        (5, _("5 seconds")),
        (10, _("10 seconds")),
        (20, _("20 seconds")),
        (30, _("30 seconds")),
    ]
    QUIET, IMPORTANT, EVERY = "off", "important", "all"
    NOTICES = [
        (QUIET, pgettext_lazy("notifications", "Off")),
        (EVERY, _("For every new conversation in the inbox")),
        (IMPORTANT, _("Only for important ones")),
    ]
    SWIPES = [
        ("archive", _("Archive")),
        ("delete", _("Delete")),
        ("read", _("Mark as read or unread")),
        ("move", _("Move to")),
        ("snooze", _("Snooze")),
        ("none", _("Nothing")),
    ]

    account = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="web_mail"
    )
    page_size = models.PositiveSmallIntegerField(choices=PAGE_SIZES, default=50)
    after_action = models.CharField(max_length=8, choices=AFTER, default=TO_LIST)
    time_zone = models.CharField(max_length=64, blank=True, default="")  # "": that of the browser
    language = models.CharField(max_length=16, blank=True, default="")  # "": that of the browser
    undo_seconds = models.PositiveSmallIntegerField(choices=UNDO_SECONDS, default=5)
    compose_full = models.BooleanField(default=False)  # windows that write open over the whole page
    write_plain = models.BooleanField(default=False)  # new messages begin as plain text
    answer_all = models.BooleanField(default=False)  # what `reply` and the button in a row mean
    signature_above = models.BooleanField(default=True)  # the signature stands above what is quoted
    send_archive = models.BooleanField(default=False)  # answers offer to be sent and archived at once
    receipts = models.CharField(max_length=8, choices=RECEIPTS, default=ASK)  # when a sender asks for one
    conversations = models.BooleanField(default=True)  # off: every message is a row of its own
    inbox_type = models.CharField(max_length=8, choices=INBOXES, default=PLAIN)
    read_after = models.SmallIntegerField(choices=READ_AFTER, default=0)  # seconds
    keyboard = models.BooleanField(default=True)
    notifications = models.CharField(max_length=10, choices=NOTICES, default=QUIET)
    pictures = models.CharField(max_length=8, choices=PICTURES, default=ASK)
    pictures_at_delivery = models.BooleanField(default=False)
    dark_mail = models.BooleanField(default=False)  # darken the senders' own colours in the dark theme, too
    morning = models.PositiveSmallIntegerField(default=8)  # the hour at which "tomorrow" wakes
    evening = models.PositiveSmallIntegerField(default=18)  # the hour of "later today"
    swipe_right = models.CharField(max_length=8, choices=SWIPES, default="archive")  # towards the line's end
    swipe_left = models.CharField(max_length=8, choices=SWIPES, default="delete")
    face = models.BigIntegerField(default=0)  # the OwnPicture that shows this person; 0: none
    greeted = models.BooleanField(default=False)  # the first card was filled in, or put away
    cards_closed = models.JSONField(default=list, blank=True)  # cards of a new inbox that were put away
    label_looks = models.JSONField(
        default=dict, blank=True
    )  # {mailbox id: {"list": "hide"|"unread", "rows": "hide"}}

    def __str__(self) -> str:
        return f"preferences of account {self.account_id}"


class ShownSender(models.Model):
    """A sender whose remote pictures this person always wants to see."""

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="shown_senders"
    )
    address = models.CharField(max_length=320)  # lower case

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "address"], name="shown_sender")]

    def __str__(self) -> str:
        return f"pictures of {self.address} for account {self.account_id}"


class RecentSearch(models.Model):
    """What a person searched for lately in a mailspace; offered again while they type."""

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="recent_searches"
    )
    mailspace = models.BigIntegerField()
    text = models.CharField(max_length=1000)
    at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "mailspace", "text"], name="recent_search")]

    def __str__(self) -> str:
        return f"a search of account {self.account_id}"


class Signature(models.Model):
    """What stands below the messages of a person. HTML as the editor writes it, cleaned when it was saved."""

    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="signatures")
    name = models.CharField(max_length=100)
    html = models.TextField(blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="signature_name")]

    def __str__(self) -> str:
        return self.name


class OwnPicture(models.Model):
    """A picture of a person's own: their face, or one that stands in a signature. Drawn anew by us; never the bytes
    that came. `content_id` names it in signatures and in what is sent."""

    FACE, SIGNATURE = "face", "signature"
    KINDS = [(kind, kind) for kind in (FACE, SIGNATURE)]

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="own_pictures"
    )
    kind = models.CharField(max_length=10, choices=KINDS)
    content_id = models.CharField(max_length=100, unique=True)
    type = models.CharField(max_length=20)
    size = models.IntegerField()
    data = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.kind} {self.content_id}"


class IdentityLook(models.Model):
    """How messages from one address of a person look: which signature, and where answers are asked to go. Whether
    they may write from it is decided by `hosting`, each time."""

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="identity_looks"
    )
    address = models.CharField(max_length=320)  # canonical
    reply_to = models.CharField(max_length=320, blank=True, default="")
    signature_new = models.ForeignKey(Signature, null=True, on_delete=models.SET_NULL, related_name="+")
    signature_answer = models.ForeignKey(Signature, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "address"], name="identity_look")]

    def __str__(self) -> str:
        return self.address


class Template(models.Model):
    """A message to begin with. Words in braces are filled in when it is used (webmail/templates.py)."""

    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="templates")
    name = models.CharField(max_length=100)
    subject = models.CharField(max_length=900, blank=True, default="")
    html = models.TextField(blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="template_name")]

    def __str__(self) -> str:
        return self.name


class Chore(models.Model):
    """Something long that is done for one person in the background: the row is the truth, a worker that has its
    lease does it, and another begins it again when the lease runs out (webmail/chores.py).
    """

    EXPORT, STORAGE, IMPORT, CONTACTS = "export", "storage", "import", "contacts"
    KINDS = [(kind, kind) for kind in (EXPORT, STORAGE, IMPORT, CONTACTS)]
    WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"
    STATES = [(state, state) for state in (WAITING, RUNNING, DONE, FAILED)]

    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="chores")
    mailspace = models.BigIntegerField()
    kind = models.CharField(max_length=8, choices=KINDS)
    state = models.CharField(max_length=8, choices=STATES, default=WAITING)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    tries = models.PositiveSmallIntegerField(default=0)
    file = models.CharField(max_length=200, blank=True, default="")  # its name below DATA_DIR
    size = models.BigIntegerField(default=0)  # of the file
    data = models.JSONField(default=dict, blank=True)  # what was asked for, and what came of it
    problem = models.TextField(blank=True, default="")  # why it failed, a sentence
    created_at = models.DateTimeField(auto_now_add=True)
    lease_until = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "mailspace", "kind"],
                condition=models.Q(state__in=["waiting", "running"]),
                name="chore_once",
            )
        ]
        indexes = [models.Index(fields=["state", "lease_until"], name="chore_due")]

    def __str__(self) -> str:
        return f"{self.kind} for account {self.account_id}"
