"""Texts that the scripts of the web client show, and the list of its keys. Scripts hold no sentences of their own."""

from __future__ import annotations

from django.utils.translation import gettext as _


def words() -> dict[str, str]:
    """By name, as static/js/mail.js asks for them."""
    return {
        "undo": _("Undo"),
        "retry": _("Try again"),
        "show": _("Show"),
        "failed": _("That did not work: no answer from the server."),
        "load_failed": _("This page could not be loaded."),
        "signed_out": _("Your session has ended. Sign in again."),
        "sign_in": _("Sign in"),
        "selected": _("%d selected"),
        "new_messages_one": _("1 new message."),
        "new_messages_many": _("%d new messages."),
        "new_mail": _("New mail: %s"),
        "move_one": _("Move conversation"),
        "move_many": _("Move %d conversations"),
        "remove_label": _(
            "Remove the label %s? Its conversations stay; those that lie nowhere else go to Trash."
        ),
        "remove_label_button": _("Remove label"),
        "new_label": _("New label"),
        "change_label": _("Change label"),
        "mark_read": _("Mark as read"),
        "mark_unread": _("Mark as unread"),
        "nothing_to_undo": _("There is nothing to undo."),
        "offline": _("You are offline. Showing the last view."),
    }


def keys() -> list[dict[str, object]]:
    """What every key does, in groups, for the overlay behind "?"."""
    return [
        {
            "title": _("Moving about"),
            "keys": [
                (("j", "k"), _("Older, newer conversation")),
                (("o", "Enter"), _("Open")),
                (("u",), _("Back to the list")),
                (("n", "p"), _("Next, previous message")),
                (("/",), _("Search")),
                (("g i",), _("Inbox")),
                (("g s",), _("Starred")),
                (("g t",), _("Sent")),
                (("g d",), _("Drafts")),
                (("g a",), _("All mail")),
                (("g n", "g p"), _("Next, previous page")),
            ],
        },
        {
            "title": _("Conversations"),
            "keys": [
                (("x",), _("Select")),
                (("e",), _("Archive")),
                (("#",), _("Delete")),
                (("!",), _("Report spam")),
                (("s",), _("Star")),
                (("Shift+i",), _("Mark as read")),
                (("Shift+u",), _("Mark as unread")),
                (("v",), _("Move to")),
                (("l",), _("Label as")),
                (("[", "]"), _("Archive, then newer or older")),
                (("* a", "* n"), _("Select all, none")),
                (("z",), _("Undo")),
            ],
        },
        {
            "title": _("Writing and reading"),
            "keys": [
                (("c",), _("Compose")),
                (("r",), _("Reply")),
                (("a",), _("Reply all")),
                (("f",), _("Forward")),
                ((";", ":"), _("Open, close all messages")),
                (("?",), _("This list")),
                (("Esc",), _("Close what is open")),
            ],
        },
    ]
