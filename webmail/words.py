"""Texts that the scripts of the web client show, and the list of its keys. Scripts hold no sentences of their own."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import pgettext


def words() -> dict[str, str]:
    """By name, as static/js/mail.js asks for them."""
    return {
        "undo": _("Undo"),
        "view": _("View"),
        "swipe_archive": _("Archive"),
        "swipe_delete": _("Delete"),
        "swipe_read": _("Mark as read"),
        "swipe_unread": _("Mark as unread"),
        "swipe_move": _("Move to"),
        "swipe_snooze": _("Snooze"),
        "unread": _("unread"),
        "starred": _("starred"),
        "close": _("Close"),
        "asking": _("Asking to take you off the list …"),
        "phishing_ask": _(
            "Report this message as phishing? It goes to Spam, and your administrators get a copy of it."
        ),
        "phishing_button": _("Report phishing"),
        "retry": _("Try again"),
        "show": _("Show"),
        "failed": _("That did not work: no answer from the server."),
        "load_failed": _("This page could not be loaded."),
        "signed_out": _("Your session has ended. Sign in again."),
        "selected": _("%s selected"),
        "selected_page": _("All %d conversations on this page are selected."),
        "select_all_in": _("Select all %s conversations in %s"),
        "select_all_found": _("Select all %s conversations that match"),
        "select_all_that_match": _("Select all conversations that match"),
        "selected_all_in": _("All %s conversations in %s are selected."),
        "selected_all_found": _("All %s conversations that match are selected."),
        "selected_all_that_match": _("All conversations that match are selected."),
        "all_that_match": pgettext("how many are selected", "All"),
        "clear_selection": _("Clear selection"),
        "range": pgettext("first, last and number of conversations", "%s–%s of %s"),
        "stop": _("Stop"),
        "new_messages_one": _("1 new message."),
        "new_messages_many": _("%d new messages."),
        "new_mail": _("New mail: %s"),
        "move_one": _("Move conversation"),
        "move_many": _("Move %d conversations"),
        "remove_label": _(
            "Remove the label %s? Its conversations stay; those that lie nowhere else go to Trash."
        ),
        "remove_label_button": _("Remove label"),
        "leave_settings": _("Leave without saving? What you changed here is lost."),
        "leave_settings_button": _("Leave"),
        "new_label": _("New label"),
        "change_label": _("Change label"),
        "mark_read": _("Mark as read"),
        "mark_unread": _("Mark as unread"),
        "nothing_to_undo": _("There is nothing to undo."),
        "offline": _("You are offline. Showing the last view."),
        "waits": _("This waits until you are online again."),
        "waits_one": _("1 action waits."),
        "waits_many": _("%d actions wait."),
        "waited_one": _("What was waiting is done."),
        "waited_many": _("The %d actions that were waiting are done."),
        "waited_failed": _("Something that was waiting could not be done."),
        "notices_on": _("New mail is shown on this computer while a tab is open."),
        "notices_denied": _(
            "This browser does not let this page show notifications. Allow them in its settings."
        ),
        "undone": _("Taken back."),
        "rewound": _("The mailbox is as it was."),
    } | _asked_before_all()


def _asked_before_all() -> dict[str, str]:
    """What is asked once before something is done to everything in a place, and the button that does it, by verb."""
    sure = {
        "archive": (_("Archive all %s conversations? You can undo this."), _("Archive")),
        "delete": (_("Move all %s conversations to Trash? You can undo this."), _("Delete")),
        "junk": (_("Report all %s conversations as spam? You can undo this."), _("Report spam")),
        "unjunk": (_("Move all %s conversations back to the inbox? You can undo this."), _("Not spam")),
        "read": (_("Mark all %s conversations as read? You can undo this."), _("Mark as read")),
        "unread": (_("Mark all %s conversations as unread? You can undo this."), _("Mark as unread")),
        "star": (_("Star all %s conversations? You can undo this."), _("Star")),
        "unstar": (_("Remove the stars of all %s conversations? You can undo this."), _("Remove star")),
        "important": (
            _("Mark all %s conversations as important? You can undo this."),
            _("Mark as important"),
        ),
        "unimportant": (
            _("Mark all %s conversations as not important? You can undo this."),
            _("Not important"),
        ),
        "mute": (_("Mute all %s conversations? You can undo this."), _("Mute")),
        "unmute": (_("Stop muting all %s conversations? You can undo this."), _("Stop muting")),
        "snooze": (_("Snooze all %s conversations? You can undo this."), _("Snooze")),
        "unsnooze": (_("Bring all %s conversations back to the inbox? You can undo this."), _("Bring back")),
        "move": (_("Move all %s conversations? You can undo this."), _("Move")),
        "label": (_("Label all %s conversations? You can undo this."), _("Label")),
        "unlabel": (_("Take the label off all %s conversations? You can undo this."), _("Remove label")),
        "labels": (_("Change the labels of all %s conversations? You can undo this."), _("Change labels")),
        "delete-forever": (
            _("Delete all %s conversations forever? This cannot be undone here."),
            _("Delete forever"),
        ),
    }
    words = {f"sure_{verb}": text for verb, (text, _button) in sure.items()}
    return (
        words
        | {f"do_{verb}": button for verb, (_text, button) in sure.items()}
        | {
            "sure_many": _("This is done to all conversations that match. You can undo it."),
            "sure_many_forever": _(
                "All conversations that match are deleted forever. This cannot be undone here."
            ),
        }
    )


def keys() -> list[dict[str, object]]:
    """What every key does, in groups, for the overlay behind "?"."""
    return [
        {
            "title": _("Moving about"),
            "keys": [
                (("j", "k"), _("Older, newer conversation")),
                (("o", "Enter"), _("Open")),
                (("u",), _("Back to the list; refresh it")),
                (("n", "p"), _("Next, previous message")),
                (("`", "~"), _("Next, previous section")),
                (("/",), _("Search")),
                ((",",), _("To the tools")),
                ((".",), _("More actions")),
                (("?",), _("This list")),
                (("Esc",), _("Close what is open")),
                (("Shift+Esc",), _("From a message you write to the list")),
            ],
        },
        {
            "title": _("Going to"),
            "keys": [
                (("g i",), _("Inbox")),
                (("g s",), _("Starred")),
                (("g b",), _("Snoozed")),
                (("g t",), _("Sent")),
                (("g d",), _("Drafts")),
                (("g a",), _("All mail")),
                (("g l",), _("A label by its name")),
                (("g n", "g p"), _("Next, previous page")),
            ],
        },
        {
            "title": _("Selecting"),
            "keys": [
                (("x",), _("Select")),
                (("* a", "* n"), _("Select all, none")),
                (("* r", "* u"), _("Select read, unread")),
                (("* s", "* t"), _("Select starred, unstarred")),
            ],
        },
        {
            "title": _("Conversations"),
            "keys": [
                (("e",), _("Archive")),
                (("#",), _("Delete")),
                (("!",), _("Report spam")),
                (("s",), _("Star")),
                (("b",), _("Snooze")),
                (("m",), _("Mute")),
                (("v",), _("Move to")),
                (("l",), _("Label as")),
                (("y",), _("Take out of this place")),
                (("+", "-"), _("Important, not important")),
                (("Shift+i", "Shift+u"), _("Mark as read, unread")),
                (("_",), _("Unread from this message on")),
                (("[", "]"), _("Archive, then newer or older")),
                ((";", ":"), _("Open, close all messages")),
                (("Shift+n",), _("Look for news")),
                (("z",), _("Undo")),
            ],
        },
        {
            "title": _("Writing"),
            "keys": [
                (("c", "d"), _("Compose, in a new tab")),
                (("r", "Shift+r"), _("Reply, in a new tab")),
                (("a", "Shift+a"), _("Reply all, in a new tab")),
                (("f", "Shift+f"), _("Forward, in a new tab")),
                (("Ctrl+Enter",), _("Send")),
                (("Ctrl+Shift+C", "Ctrl+Shift+B"), _("Cc, Bcc")),
                (("Ctrl+Shift+F",), _("From")),
                (("Ctrl+K",), _("Link")),
                (("Ctrl+.", "Ctrl+,"), _("Next, previous message you write")),
                (("Ctrl+Shift+D",), _("Discard")),
            ],
        },
        {
            "title": _("Formatting"),
            "keys": [
                (("Ctrl+B", "Ctrl+I", "Ctrl+U"), _("Bold, italic, underline")),
                (("Alt+Shift+5",), _("Strike through")),
                (("Ctrl+Shift+-", "Ctrl+Shift++"), _("Smaller, larger")),
                (("Ctrl+Shift+7", "Ctrl+Shift+8"), _("Numbered, bulleted list")),
                (("Ctrl+Shift+9",), _("Quote")),
                (("Ctrl+[", "Ctrl+]"), _("Indent less, more")),
                (("Ctrl+Shift+L", "Ctrl+Shift+E", "Ctrl+Shift+R"), _("Alignment")),
                (("Ctrl+\\",), _("Remove formatting")),
            ],
        },
    ]
