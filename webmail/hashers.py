"""How sign-in passwords are hashed: argon2id at 19 MiB, two passes, one lane.

Django's own parameters take 100 MiB and 8 lanes for each sign-in; a mail server sees many sign-ins at once,
and the sidecar must not be filled by a handful of them. These are the OWASP minimum, 22 ms each.
"""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2(Argon2PasswordHasher):
    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1
