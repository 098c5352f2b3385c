"""`manage.py domain`, `account` and `setup`."""
