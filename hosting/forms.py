"""The panel's forms. They hold what was typed; names, limits and rights are judged by the services."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hosting.models import Account, MailingList, Tenant
from mta.directory import InboundPolicy, MaildropOptions

MB = 1024**2
GB = 1024**3
_QUOTA = re.compile(r"(\d+(?:[.,]\d+)?)\s*(?:([KMGT])I?B?|(B))?", re.IGNORECASE)
_UNITS = {"B": 1, "K": 1024, "M": MB, "G": GB, "T": 1024 * GB}
MOST_BYTES = 1 << 60


class QuotaField(forms.CharField):
    """`5`, `5 GB`, `500 MB`; empty is `empty_value`. A number alone counts GB."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("required", False)
        super().__init__(max_length=20, **options)
        self.widget.attrs.update({"inputmode": "text", "autocomplete": "off", "placeholder": "5 GB"})

    def clean(self, value: Any) -> int | None:  # type: ignore[override]
        text = super().clean(value).strip()
        if not text:
            return None
        match = _QUOTA.fullmatch(text)
        unit = (match[2] or match[3] or "G").upper() if match else ""
        size = int(float(match[1].replace(",", ".")) * _UNITS[unit]) if match else MOST_BYTES
        if size >= MOST_BYTES:
            raise forms.ValidationError(_("Write a size such as 5 GB or 500 MB."))
        return size


def quota_text(size: int) -> str:
    """Bytes as QuotaField takes them back."""
    if not size:
        return ""
    for unit, factor in (("TB", 1024 * GB), ("GB", GB), ("MB", MB), ("KB", 1024)):
        if size % factor == 0:
            return f"{size // factor} {unit}"
    return f"{size} B"


def focus_refused(form: forms.Form) -> None:
    """The cursor waits in the first field that was refused, not in the first of the form."""
    refused = next((name for name in form.fields if name in form.errors), None)
    if refused is None:
        return
    for field in form.fields.values():
        field.widget.attrs.pop("autofocus", None)
    form.fields[refused].widget.attrs["autofocus"] = True


def _password(label: Any, *, new: bool) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=1024,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password" if new else "current-password"}),
    )


class SignInForm(forms.Form):
    username = forms.CharField(
        label=_("Address or sign-in name"),
        max_length=320,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "username",
                "autocapitalize": "off",
                "spellcheck": "false",
                "autofocus": True,
            }
        ),
    )
    password = _password(_("Password"), new=False)

    def ask_again(self) -> None:
        """The name stays as it is; the cursor waits where the mistake most likely is."""
        self.fields["username"].widget.attrs.pop("autofocus", None)
        self.fields["password"].widget.attrs["autofocus"] = True


class TenantForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=200, widget=forms.TextInput(attrs={"autofocus": True}))
    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=[
            (Tenant.CUSTOMER, _("Customer: uses mail")),
            (Tenant.RESELLER, _("Reseller: has customers of its own")),
        ],
        initial=Tenant.CUSTOMER,
        widget=forms.RadioSelect,
    )
    username = forms.CharField(
        label=_("Sign-in name of its administrator"),
        max_length=63,
        required=False,
        help_text=_("Leave it empty to run this customer yourself."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}),
    )
    password = _password(_("Password"), new=True)
    max_domains = forms.IntegerField(label=_("Domains at most"), min_value=0, max_value=10**6, required=False)
    max_accounts = forms.IntegerField(
        label=_("Accounts at most"), min_value=0, max_value=10**7, required=False
    )
    storage = QuotaField(label=_("Storage to give out"), help_text=_("Empty fields mean no limit."))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].required = False

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if given.get("username") and not given.get("password"):
            self.add_error("password", _("The administrator needs a password."))
        return given


class LimitsForm(forms.Form):
    max_domains = forms.IntegerField(label=_("Domains at most"), min_value=0, max_value=10**6, required=False)
    max_accounts = forms.IntegerField(
        label=_("Accounts at most"), min_value=0, max_value=10**7, required=False
    )
    storage = QuotaField(label=_("Storage to give out"), help_text=_("Empty fields mean no limit."))


class DomainForm(forms.Form):
    name = forms.CharField(
        label=_("Domain"),
        max_length=253,
        help_text=_("The part after the @, such as example.org."),
        widget=forms.TextInput(
            attrs={"autocapitalize": "off", "spellcheck": "false", "autocomplete": "off", "autofocus": True}
        ),
    )
    tenant = forms.ModelChoiceField(label=_("Belongs to"), queryset=Tenant.objects.none(), empty_label=None)


class SuspendForm(forms.Form):
    """In a dialog; every field may be left alone."""

    reason = forms.CharField(label=_("Reason"), max_length=500, required=False)
    keep_mail = forms.BooleanField(label=_("Keep receiving mail"), initial=True, required=False)


class AccountForm(forms.Form):
    local_part = forms.CharField(
        label=_("Address"),
        max_length=64,
        widget=forms.TextInput(
            attrs={"autocapitalize": "off", "spellcheck": "false", "autocomplete": "off", "autofocus": True}
        ),
    )
    domain = forms.ChoiceField(label=_("Domain"))
    full_name = forms.CharField(
        label=_("Name"), max_length=200, required=False, help_text=_("Shown to those who get mail from here.")
    )
    password = _password(_("Password"), new=True)
    quota = QuotaField(
        label=_("Storage"),
        help_text=_("Empty: what the plan gives, 1 GB where storage is limited, or no limit."),
    )


class AccountEditForm(forms.Form):
    full_name = forms.CharField(label=_("Name"), max_length=200, required=False)
    quota = QuotaField(label=_("Storage"), help_text=_("Empty means no limit."))


class Pop3Form(forms.Form):
    """In the panel and in a person's own settings."""

    deletes = forms.ChoiceField(
        label=_("When a program deletes a message"),
        choices=[("trash", _("Move it to Trash")), ("erase", _("Delete it for good"))],
        widget=forms.RadioSelect,
    )
    marks_read = forms.BooleanField(
        label=_("Messages a program fetches count as read"),
        required=False,
        widget=forms.CheckboxInput(attrs={"data-switch": ""}),
    )
    newest = forms.IntegerField(
        label=_("Messages a program sees"),
        min_value=1,
        max_value=10**6,
        required=False,
        help_text=_("Only the newest ones, up to this number. Empty: all of the inbox."),
        widget=forms.NumberInput(attrs={"placeholder": _("All")}),
    )

    @classmethod
    def of(cls, account: Account, posted: Any = None) -> Pop3Form:
        """The form of an account, filled with what holds now or with what was sent."""
        return cls(
            posted,
            initial={
                "deletes": "erase" if account.pop3_erases else "trash",
                "marks_read": account.pop3_marks_read,
                "newest": account.pop3_newest or None,
            },
        )

    def options(self) -> MaildropOptions:
        given = self.cleaned_data
        return MaildropOptions(given["deletes"] == "erase", given["marks_read"], given["newest"] or 0)


class PasswordForm(forms.Form):
    password = _password(_("New password"), new=True)


class AliasForm(forms.Form):
    local_part = forms.CharField(
        label=_("Address"),
        max_length=64,
        widget=forms.TextInput(attrs={"autocapitalize": "off", "spellcheck": "false", "autocomplete": "off"}),
    )
    targets = forms.CharField(
        label=_("Goes to"),
        max_length=5000,
        help_text=_("One or more addresses, here or anywhere, with a comma or a new line between them."),
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "autocapitalize": "off"}),
    )


class CatchAllForm(forms.Form):
    catch_all = forms.CharField(
        label=_("Mail to names that do not exist goes to"),
        max_length=320,
        required=False,
        help_text=_("An address of this domain. Empty: such mail is refused, and its sender hears of it."),
        widget=forms.TextInput(attrs={"autocapitalize": "off", "spellcheck": "false", "autocomplete": "off"}),
    )


def _addresses(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows, "spellcheck": "false", "autocapitalize": "off", "dir": "ltr"})


class ListForm(forms.Form):
    local_part = forms.CharField(
        label=_("Address"),
        max_length=64,
        widget=forms.TextInput(attrs={"autocapitalize": "off", "spellcheck": "false", "autocomplete": "off"}),
    )
    list_name = forms.CharField(
        label=_("Name"), max_length=200, help_text=_("Members see it beside the address.")
    )
    policy = forms.ChoiceField(
        label=_("Who may post"),
        choices=[
            (MailingList.MEMBERS, _("Its members")),
            (MailingList.LISTED, _("Only named addresses")),
            (MailingList.ANYONE, _("Anyone")),
        ],
        initial=MailingList.MEMBERS,
        widget=forms.RadioSelect,
    )
    posters = forms.CharField(
        label=_("Addresses that may post"), max_length=20_000, required=False, widget=_addresses(2)
    )
    owner = forms.CharField(
        label=_("Owner"),
        max_length=320,
        required=False,
        help_text=_(
            "An account here that hears of members who cannot be reached. Empty: the administrators."
        ),
        widget=forms.TextInput(attrs={"autocapitalize": "off", "spellcheck": "false", "autocomplete": "off"}),
    )
    pause_after = forms.IntegerField(
        label=_("Refusals until a member is paused"), min_value=1, max_value=50, required=False, initial=3
    )


class MembersForm(forms.Form):
    members = forms.CharField(
        label=_("Add members"),
        max_length=200_000,
        help_text=_("Paste addresses, here or anywhere: one a line, or with commas between them."),
        widget=_addresses(3),
    )


class DomainAliasForm(forms.Form):
    name = forms.CharField(
        label=_("Another name"),
        max_length=253,
        help_text=_("A domain such as example.net. Every address of this domain is good with it, too."),
        widget=forms.TextInput(attrs={"autocapitalize": "off", "spellcheck": "false", "autocomplete": "off"}),
    )


def _points(value: float) -> str:
    return f"{value:g}"


class InboundForm(forms.Form):
    """What a domain does with doubtful mail. Points are the spam filter's (docs/spam.md)."""

    junk_at = forms.ChoiceField(
        label=_("The spam filter is"),
        help_text=_(
            "From so many points mail goes to Spam. A message shows its points in “Why is this here”."
        ),
    )
    refuse_at = forms.ChoiceField(label=_("Surely spam is"))
    hold_spam = forms.ChoiceField(
        label=_("What is surely spam is"),
        choices=[("1", _("held in the quarantine")), ("0", _("refused at the door; its sender is told"))],
    )
    hold_forged = forms.ChoiceField(
        label=_("Forged mail is"),
        choices=[("0", _("refused, as its supposed sender asks")), ("1", _("held in the quarantine"))],
        help_text=_(
            "Mail from an address whose domain asks (by DMARC) for what it did not send to be refused."
        ),
    )
    greylist = forms.BooleanField(
        label=_("Ask unknown servers to come again when in doubt"),
        required=False,
        help_text=_("Delays doubtful mail of strangers by some minutes; most spam never comes again."),
    )

    def __init__(self, data: Any = None, *, policy: InboundPolicy) -> None:
        initial = {
            "junk_at": _points(policy.junk_at),
            "refuse_at": _points(policy.refuse_at),
            "hold_spam": "1" if policy.hold_spam else "0",
            "hold_forged": "1" if policy.hold_forged else "0",
            "greylist": policy.greylist,
        }
        super().__init__(data, initial=initial)
        words = {
            "7": _("gentle, from 7 points"),
            "5": _("usual, from 5 points"),
            "3.5": _("strict, from 3.5 points"),
        }
        self._offer("junk_at", words, initial["junk_at"])
        more = {each: _("what has %(n)s points or more") % {"n": each} for each in ("10", "15", "25")}
        self._offer("refuse_at", more, initial["refuse_at"])

    def _offer(self, name: str, words: dict[str, Any], kept: Any) -> None:
        """The usual choices, and what is in force if it is none of them."""
        if kept not in words:
            words[str(kept)] = _("%(n)s points") % {"n": kept}
        self.fields[name].choices = list(words.items())  # type: ignore[attr-defined]

    def policy(self) -> dict[str, Any]:
        """As the values of InboundPolicy."""
        given = self.cleaned_data
        return {
            "junk_at": float(given["junk_at"]),
            "refuse_at": float(given["refuse_at"]),
            "hold_spam": given["hold_spam"] == "1",
            "hold_forged": given["hold_forged"] == "1",
            "greylist": given["greylist"],
        }


class AdministratorForm(forms.Form):
    full_name = forms.CharField(
        label=_("Your name"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True}),
    )
    username = forms.CharField(
        label=_("Sign-in name"),
        max_length=63,
        initial="admin",
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "off", "spellcheck": "false"}
        ),
    )
    password = _password(_("Password"), new=True)


class HostForm(forms.Form):
    hostname = forms.CharField(
        label=_("Host name"),
        max_length=253,
        help_text=_("The name other mail servers reach this host by, such as mail.example.org."),
        widget=forms.TextInput(attrs={"autocapitalize": "off", "spellcheck": "false", "autocomplete": "off"}),
    )


class FirstDomainForm(forms.Form):
    name = DomainForm.base_fields["name"]
