"""The SQLite database backend with the write ticket: see base.py. Named in settings as `mta.sqlite`."""
