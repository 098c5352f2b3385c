"""`python -m tests.check_migrations`: fails if a model has changed and its migration is missing."""

import os
import sys

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

if __name__ == "__main__":
    import django
    from django.core.management import call_command

    django.setup()
    try:
        call_command("makemigrations", check=True, dry_run=True, verbosity=1)
    except SystemExit as ending:
        sys.exit(ending.code)
