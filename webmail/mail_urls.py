"""Every address of the web client, below `/mail/`. Addresses are stable: people keep and send them."""

from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path, register_converter

from webmail.views import (
    actions,
    attachments,
    body,
    conversation,
    enclosed,
    files,
    history,
    invitation,
    jobs,
    labels,
    live,
    mail,
    notices,
    original,
    pane,
    phishing,
    pictures,
    printing,
    search,
    settings,
    suggest,
    unsubscribe,
    why,
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
    path("changes/rewind/", history.rewind, name="rewind"),
    path("changes/job/<int:job>/", history.progress, name="change-job"),
    path("search/", search.search, name="search"),
    path("search/advanced/", search.advanced, name="search-advanced"),
    path("search/suggest/", suggest.suggest, name="suggest"),
    path("search/recent/", suggest.recent, name="search-recent"),
    path("settings/", settings.settings, name="settings"),
    path("settings/pop3/", settings.pop3, name="settings-pop3"),
    path("settings/mailbox/", settings.choose, name="choose"),
    path("events/", live.events, name="events"),
    path("live/rows/<box:box>/", live.rows, name="live-rows"),
    path("live/notices/", notices.notices, name="live-notices"),
    path("live/conversation/<int:thread>/", live.conversation, name="live-conversation"),
    path("snooze/", mail.snooze_choices, name="snooze-choices"),
    path("jobs/<int:job>/", jobs.job, name="job"),
    path("jobs/<int:job>/stop/", jobs.stop, name="job-stop"),
    path("actions/", actions.act, name="act"),
    path("actions/<slug:verb>/", actions.act, name="act-verb"),
    path("labels/", labels.create, name="label-create"),
    path("labels/<int:label>/", labels.change, name="label-change"),
    path("labels/<int:label>/looks/", labels.looks, name="label-looks"),
    path("labels/<int:label>/remove/", labels.remove, name="label-remove"),
    path("message/<int:message>/", conversation.letter, name="letter"),
    path("original/<int:message>/", original.original, name="original"),
    path("why/<int:message>/", why.why, name="why"),
    path("print/<int:thread>/", printing.printed, name="print"),
    path("invitation/<int:message>/", invitation.answer, name="invitation"),
    path("unsubscribe/<int:message>/", unsubscribe.unsubscribe, name="unsubscribe"),
    path("phishing/<int:message>/", phishing.phishing, name="phishing"),
    path("files/", files.files, name="files"),
    path("preview/<int:message>/<str:part>/", files.preview, name="preview"),
    path("preview/<int:message>/<str:part>/page/", files.page, name="page"),
    path("thumbnail/<int:message>/<str:part>/", files.thumbnail, name="thumbnail"),
    path("download/<int:message>/", attachments.download, name="download"),
    path("body/<int:message>/", body.body, name="body"),
    path("picture/<str:token>/", pictures.picture, name="picture"),
    path("pictures/<int:message>/", pictures.show, name="pictures"),
    path("pictures/<int:message>/always/", pictures.always, name="pictures-always"),
    path("part/<int:message>/<str:part>/", enclosed.enclosed, name="enclosed"),
    path("part/<int:message>/<str:part>/body/", enclosed.enclosed_body, name="enclosed-body"),
    path("packed/<int:message>/<str:part>/<int:place>/<path:name>", enclosed.packed, name="packed"),
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
