"""The address book of a mailspace: people, groups, cards and tables to bring in and take away."""
