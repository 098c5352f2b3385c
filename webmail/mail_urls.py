"""Every address of the web client, below `/mail/`. Addresses are stable: people keep and send them."""

from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path, register_converter

from webmail.views import (
    actions,
    attachments,
    body,
    conversation,
    history,
    labels,
    live,
    mail,
    pane,
    search,
    settings,
)


class BoxConverter:
    """`inbox`, `sent` …, or `label/` and its path, whose parts are never only digits (webmail.boxes.label_slug)."""

    regex = (
        r"inbox|starred|snoozed|sent|drafts|scheduled|archive|all|spam|trash|label(?:/(?!\d+(?:/|$))[^/]+)+"
    )

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(BoxConverter, "box")

app_name = "mail"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", mail.index, name="index"),
    path("inbox/", mail.box, {"box": "inbox"}, name="inbox"),
    path("changes/", history.changes, name="changes"),
    path("changes/undo/", history.undo, name="change-undo"),
    path("search/", search.search, name="search"),
    path("settings/", settings.settings, name="settings"),
    path("settings/pop3/", settings.pop3, name="settings-pop3"),
    path("settings/mailbox/", settings.choose, name="choose"),
    path("events/", live.events, name="events"),
    path("live/rows/<box:box>/", live.rows, name="live-rows"),
    path("live/conversation/<int:thread>/", live.conversation, name="live-conversation"),
    path("actions/", actions.act, name="act"),
    path("actions/<slug:verb>/", actions.act, name="act-verb"),
    path("labels/", labels.create, name="label-create"),
    path("labels/<int:label>/", labels.change, name="label-change"),
    path("labels/<int:label>/looks/", labels.looks, name="label-looks"),
    path("labels/<int:label>/remove/", labels.remove, name="label-remove"),
    path("message/<int:message>/", conversation.letter, name="letter"),
    path("original/<int:message>/", conversation.original, name="original"),
    path("download/<int:message>/", attachments.download, name="download"),
    path("body/<int:message>/", body.body, name="body"),
    path("inline/<int:message>/<path:content_id>", attachments.inline, name="inline"),
    path("attachments/<int:message>/", attachments.every, name="attachments"),
    path("attachment/<int:message>/<str:part>/<path:name>", attachments.attachment, name="attachment"),
]
if find_spec("webmail.compose_urls"):
    urlpatterns.append(path("compose/", include("webmail.compose_urls")))
urlpatterns += [
    path("<box:box>/", mail.box, name="box"),
    path("<box:box>/<int:thread>/", pane.conversation, name="conversation"),
]
