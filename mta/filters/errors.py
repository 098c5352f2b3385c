"""Why a rule, an address or an automatic reply is not taken. The text is a sentence for the person who asked."""


class CannotFilter(Exception):
    """Nothing was changed."""


class NoSuchRule(CannotFilter):
    """It is not here, or belongs to somebody else."""


class NoSuchForwarding(CannotFilter):
    """The address is not here, or the link to confirm it is wrong, used or too old."""
