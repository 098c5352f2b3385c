"""What a mailspace wants done with the mail that arrives: rules, blocked senders, forwarding, an automatic reply."""
