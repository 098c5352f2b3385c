"""What happened to each message, in order: the record that people and administrators look things up in."""
