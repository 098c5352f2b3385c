#!/usr/bin/env python3
"""Mailstead's one command. `python3 manage.py up --demo` starts it, `python3 manage.py test` tests it.

Standard library only: `bootstrap` makes the virtual environment and starts this file again inside it.
"""

import sys

import bootstrap

if __name__ == "__main__":
    sys.exit(bootstrap.main(sys.argv))
