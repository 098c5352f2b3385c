"""Messages as values: bytes in, frozen values out, and back. Pure: no database, no network, no Django."""
