"""Character sets: bytes of a message part to text that is safe to store.

Never raises, never returns NUL, lone surrogates or C0 controls other than newline and tab.
Called by the header, tree and parse modules of this package.
"""

import codecs
import re
from functools import lru_cache

# WHATWG's labels: what senders call X is, in practice, its superset Y.
_SUPERSETS = {
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "ansi_x3.4-1968": "cp1252",
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "iso_8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "iso-8859-9": "cp1254",
    "iso-8859-11": "cp874",
    "tis-620": "cp874",
    "windows-874": "cp874",
    "gb2312": "gb18030",
    "gb_2312-80": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "cp936": "gb18030",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601-1989": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "sjis": "cp932",
    "big5": "big5hkscs",
    "iso-2022-jp": "iso2022_jp_ext",
    "iso-8859-8-i": "iso8859-8",
    "iso-8859-6-i": "iso8859-6",
    "utf8mb4": "utf-8",
    "unicode-1-1-utf-8": "utf-8",
    "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman",
}
# Only encodings of text, and none whose decoder is slow or reinterprets escapes: UTF-7 hides markup,
# punycode and idna are quadratic, unicode_escape is a programming language.
_ALLOWED = re.compile(
    r"(?:utf-(?:8|16|32)(?:-[lb]e|-sig)?|utf_8_sig|iso8859-\d+|iso2022_\w+|cp\d+|koi8-[rut]|gb18030|gbk|gb2312|hz|"
    r"big5(?:hkscs)?|euc_\w+|shift_\w+|johab|mac-\w+|tis-620|kz1048|ptcp154|hp-roman8)\Z"
)
_LABEL = re.compile(r"[a-z0-9][a-z0-9._:+-]{0,39}\Z")
_UNSTORABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


@lru_cache(maxsize=512)
def codec_name(label: str) -> str | None:
    """Python's codec for a charset label of a message; None when unknown, unsafe or plain ASCII."""
    label = label.strip().strip("\"'").lower()
    if not _LABEL.match(label):
        return None
    if label in ("us-ascii", "ascii", "unknown-8bit", "8bit", "binary"):
        return None
    try:
        name = codecs.lookup(_SUPERSETS.get(label, label)).name
    except (LookupError, ValueError):
        return None
    return name if _ALLOWED.match(name) else None


def decode_charset(data: bytes, label: str) -> str:
    """Text of `data` in the charset `label`; a wrong or missing label falls back to UTF-8, then Windows-1252."""
    name = codec_name(label) if label else None
    if name is None:
        return _unlabelled(data)
    try:
        return data.decode(name)
    except (UnicodeError, ValueError):
        pass
    if name == "utf-8":
        return _broken_utf8(data)
    try:
        text = data.decode("utf-8")  # a wrong label over UTF-8 is the commonest mistake
        if not text.isascii():
            return text
    except UnicodeError:
        pass
    try:
        return data.decode(name, "replace")
    except (UnicodeError, ValueError):
        return _unlabelled(data)


def _unlabelled(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeError:
        return _windows(data)


def _broken_utf8(data: bytes) -> str:
    """UTF-8 with a cut or damaged character keeps its good ones; text that has none was never UTF-8."""
    text = data.decode("utf-8", "replace")
    if any(char > "\x7f" and char != "\ufffd" for char in text):
        return text
    return _windows(data)


def _windows(data: bytes) -> str:
    try:
        return data.decode("cp1252")
    except UnicodeError:
        return data.decode("latin-1")


def storable(text: str) -> str:
    """Without NUL, lone surrogates and C0 controls except newline and tab: what a database can keep."""
    return _UNSTORABLE.sub("", text)
