"""The built-in spam filter: what a message shows, what is known of such messages, and one finding with its reason."""
