"""Addresses below `/mail/compose/`: the page that writes, and what its window asks for."""

from django.urls import URLPattern, path

from webmail.views import compose, compose_sending, compose_tools, compose_window, draft_files, masks

urlpatterns: list[URLPattern] = [
    path("", compose.page, name="compose"),
    path("window/", compose_window.parts, name="compose-window"),
    path("full/", compose_window.full, name="compose-full"),
    path("opening/", compose.opening, name="compose-opening"),
    path("save/", compose.save, name="compose-save"),
    path("people/", compose.people, name="compose-people"),
    path("undo/<int:outgoing>/", compose_sending.undo, name="compose-undo"),
    path("unschedule/<int:message>/", compose_sending.unschedule, name="compose-unschedule"),
    path("times/", compose_sending.times, name="compose-times"),
    path("schedule/", compose_sending.times, name="compose-schedule"),
    path("edit/<int:message>/", compose_tools.edit, name="compose-edit"),
    path("attach/", compose_tools.attach, name="compose-attach"),
    path("convert/", compose_tools.convert, name="compose-convert"),
    path("templates/", compose_tools.every_template, name="compose-templates"),
    path("template/<int:template>/", compose_tools.template, name="compose-template"),
    path("signatures/", compose_tools.every_signature, name="compose-signatures"),
    path("mask/", masks.from_compose, name="compose-mask"),
    path("security/", compose_tools.security, name="compose-security"),
    path("restore/", compose.restore, name="compose-restore"),
    path("quote/<int:message>/", draft_files.quote_of_message, name="compose-quote-of"),
    path("<int:draft>/send/", compose_sending.send, name="compose-send"),
    path("<int:draft>/discard/", compose.discard, name="compose-discard"),
    path("<int:draft>/print/", compose_tools.printed, name="compose-print"),
    path("<int:draft>/quote/", draft_files.quote, name="compose-quote"),
    path("<int:draft>/quote/edit/", compose_tools.edit_quote, name="compose-quote-edit"),
    path("<int:draft>/files/", draft_files.upload, name="compose-upload"),
    path("<int:draft>/files/<int:file>/", draft_files.file, name="compose-file"),
    path("<int:draft>/files/<int:file>/remove/", draft_files.remove, name="compose-remove"),
]
