"""What can go wrong with a queued message, in the queue's own words."""


class NoSuchOutgoing(LookupError):
    """No message with that id waits here (or it is not this mailspace's)."""


class TooLate(Exception):
    """The message cannot be taken back any more: delivery has begun."""


class LostClaim(Exception):
    """The lease ran out and somebody else has the recipient now; nothing was recorded."""
