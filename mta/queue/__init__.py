"""Outbound mail that has not arrived yet, as rows: who it is for, how it stands, when it is tried next."""
