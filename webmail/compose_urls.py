"""Addresses below `/mail/compose/`: the page that writes, and what its window asks for."""

from django.urls import URLPattern, path

from webmail.views import compose, draft_files

urlpatterns: list[URLPattern] = [
    path("", compose.page, name="compose"),
    path("opening/", compose.opening, name="compose-opening"),
    path("save/", compose.save, name="compose-save"),
    path("people/", compose.people, name="compose-people"),
    path("undo/<int:outgoing>/", compose.undo, name="compose-undo"),
    path("restore/", compose.restore, name="compose-restore"),
    path("quote/<int:message>/", draft_files.quote_of_message, name="compose-quote-of"),
    path("<int:draft>/send/", compose.send, name="compose-send"),
    path("<int:draft>/discard/", compose.discard, name="compose-discard"),
    path("<int:draft>/quote/", draft_files.quote, name="compose-quote"),
    path("<int:draft>/files/", draft_files.upload, name="compose-upload"),
    path("<int:draft>/files/<int:file>/", draft_files.file, name="compose-file"),
    path("<int:draft>/files/<int:file>/remove/", draft_files.remove, name="compose-remove"),
]
