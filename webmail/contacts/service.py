"""The address book of a mailspace: this listing is everything that can be done with it.

Called by its pages, by compose (`suggest`) and by whoever moves a mailbox here. Whoever is kept is told to
`mta.correspondents`, so that one look finds everybody who may be written to.
"""

from .book import (
    PAGE,
    add,
    add_group,
    change,
    change_group,
    contact,
    contact_of,
    contacts,
    count,
    delete,
    groups,
    photo,
    put_in_group,
    remove_group,
    set_photo,
    suggest,
    undo,
)
from .bringing import export_csv, export_vcards, import_csv, import_file, import_vcards
from .faces import photos_of
from .merging import duplicates, merge, preview
from .values import CannotKeep, CannotRead, GroupInfo, Imported, Kept, NoSuchContact, Person, Suggestion

__all__ = [
    "PAGE",
    "CannotKeep",
    "CannotRead",
    "GroupInfo",
    "Imported",
    "Kept",
    "NoSuchContact",
    "Person",
    "Suggestion",
    "add",
    "add_group",
    "change",
    "change_group",
    "contact",
    "contact_of",
    "contacts",
    "count",
    "delete",
    "duplicates",
    "export_csv",
    "export_vcards",
    "groups",
    "import_csv",
    "import_file",
    "import_vcards",
    "merge",
    "photo",
    "photos_of",
    "preview",
    "put_in_group",
    "remove_group",
    "set_photo",
    "suggest",
    "undo",
]
