"""What goes into a shared cache is JSON: a cache that somebody else can write must not run code here."""

import json
from typing import Any


class JsonSerializer:
    """For `django.core.cache.backends.redis`, whose default is pickle. Integers stay bare so that INCR works."""

    def dumps(self, obj: Any) -> bytes | int:
        if isinstance(obj, int) and not isinstance(obj, bool):
            return obj
        return json.dumps(obj).encode()

    def loads(self, data: bytes) -> Any:
        return json.loads(data)
