"""Documents; a package only so that `python -m docs.screenshots.take` works."""
