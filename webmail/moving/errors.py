"""What can go wrong with another host, each with one plain sentence for the person whose mail it is."""


class Trouble(Exception):
    """It did not work this time and may work later."""


class Declined(Trouble):
    """The other host answered: no, or what cannot be read. Asked again, it will say the same."""


class Refused(Trouble):
    """It will not work until somebody changes something: a wrong password, an address that is never asked."""


class BadPassword(Refused):
    """The other host does not take name and password."""


class Gone(Exception):
    """The row is no longer ours to work on: stopped, removed, or taken by another worker."""
