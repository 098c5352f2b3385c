"""Files as Gmail and Takeout write them, for tests."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr


def feed(*filters: dict[str, str]) -> bytes:
    """mailFilters.xml with these filters."""
    entries = "".join(
        "\t<entry>\n\t\t<category term='filter'></category>\n\t\t<title>Mail Filter</title>\n"
        f"\t\t<id>tag:mail.google.com,2008:filter:z000000{at}</id>\n"
        "\t\t<updated>2026-03-02T09:11:12Z</updated>\n\t\t<content></content>\n"
        + "".join(
            f"\t\t<apps:property name={quoteattr(name)} value={quoteattr(value)}/>\n"
            for name, value in one.items()
        )
        + "\t</entry>\n"
        for at, one in enumerate(filters)
    )
    return (
        "<?xml version='1.0' encoding='UTF-8'?><feed xmlns='http://www.w3.org/2005/Atom' "
        "xmlns:apps='http://schemas.google.com/apps/2006'>\n\t<title>Mail Filters</title>\n"
        "\t<id>tag:mail.google.com,2008:filters:z0000001</id>\n\t<updated>2026-03-02T09:11:12Z</updated>\n"
        f"\t<author>\n\t\t<name>Ann</name>\n\t\t<email>ann@gmail.test</email>\n\t</author>\n{entries}</feed>"
    ).encode()
