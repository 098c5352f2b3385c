"""What can be wrong with a request to the store. Nouns here; numbers and codes at the edges."""


class StoreError(Exception):
    """Any refusal of the store; its text is a sentence a person can read."""


class NoSuchMailspace(StoreError):
    pass


class NoSuchMailbox(StoreError):
    pass


class MailboxExists(StoreError):
    pass


class NoSuchMessage(StoreError):
    pass


class NoSuchDraft(StoreError):
    pass


class OverQuota(StoreError):
    """Storing this would pass the mailspace's quota."""


class BadName(StoreError):
    """A mailbox name that cannot be used."""


class CannotChange(StoreError):
    """The store does not allow this change, e.g. deleting the Inbox."""


class BadKeyword(CannotChange):
    """A keyword that is no atom, too long, or one too many."""


class Interrupted(StoreError):
    """A command in several steps was taken back before its last one; nothing of it is left."""


class TooMuch(StoreError):
    """A search that asks so much that it was given up."""


class NothingToUndo(StoreError):
    """The action is unknown, too old, or already undone."""


class NoSuchJob(StoreError):
    """Nothing that is done in the background has that number here."""


class DraftThere(StoreError):
    """A draft was begun under this Message-ID already. `draft` is its id while it is open, None once it is not."""

    def __init__(self, draft: int | None) -> None:
        super().__init__("That draft was begun already.")
        self.draft = draft
