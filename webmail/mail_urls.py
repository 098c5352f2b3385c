"""Every address of the web client, below `/mail/`. Addresses are stable: people keep and send them."""

from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path, register_converter

from webmail.moving import outside_views
from webmail.moving import views as moving_views
from webmail.views import (
    actions,
    attachments,
    auto_reply,
    blocking,
    body,
    conversation,
    enclosed,
    files,
    forwarding,
    held,
    history,
    invitation,
    jobs,
    labels,
    live,
    mail,
    masks,
    notices,
    original,
    own_pictures,
    pane,
    phishing,
    pictures,
    printing,
    receipt,
    rule_files,
    rules,
    search,
    sendings,
    settings,
    settings_accounts,
    settings_export,
    settings_import,
    settings_programs,
    settings_storage,
    spam_lessons,
    suggest,
    unsubscribe,
    welcome,
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
    path("quarantine/", held.held, name="quarantine"),
    path("quarantine/do/", held.change, name="quarantine-do"),
    path("changes/", history.changes, name="changes"),
    path("changes/undo/", history.undo, name="change-undo"),
    path("changes/rewind/", history.rewind, name="rewind"),
    path("changes/job/<int:job>/", history.progress, name="change-job"),
    path("search/", search.search, name="search"),
    path("search/advanced/", search.advanced, name="search-advanced"),
    path("search/suggest/", suggest.suggest, name="suggest"),
    path("search/recent/", suggest.recent, name="search-recent"),
    path("settings/", settings.settings, name="settings"),
    path("settings/general/", settings.choices, {"tab": "general"}, name="settings-general"),
    path("settings/inbox/", settings.choices, {"tab": "inbox"}, name="settings-inbox"),
    path("settings/advanced/", settings.choices, {"tab": "advanced"}, name="settings-advanced"),
    path("settings/labels/", settings.labels, name="settings-labels"),
    path("settings/programs/", settings_programs.setup, name="settings-programs"),
    path("settings/programs/profile/", settings_programs.profile, name="settings-profile"),
    path("settings/accounts/", settings_accounts.every, name="settings-accounts"),
    path("settings/signature/", settings_accounts.signature, name="settings-signature"),
    path("settings/signature/<int:signature>/", settings_accounts.signature, name="settings-signature-one"),
    path("settings/template/", settings_accounts.template, name="settings-template"),
    path("settings/template/<int:template>/", settings_accounts.template, name="settings-template-one"),
    path(
        "settings/signature/<int:signature>/remove/",
        settings_accounts.remove,
        {"kind": "signature"},
        name="settings-signature-remove",
    ),
    path(
        "settings/template/<int:template>/remove/",
        settings_accounts.remove,
        {"kind": "template"},
        name="settings-template-remove",
    ),
    path("settings/pictures/", own_pictures.upload, name="own-pictures"),
    path("settings/pictures/<int:picture>/", own_pictures.picture, name="own-picture"),
    path("face/", own_pictures.face, name="face"),
    path("settings/storage/", settings_storage.storage, name="settings-storage"),
    path("settings/export/", settings_export.export, name="settings-export"),
    path("settings/export/<int:chore>/", settings_export.download, name="settings-export-file"),
    path("settings/export/<int:chore>/remove/", settings_export.remove, name="settings-export-remove"),
    path("settings/import/", settings_import.bring, name="settings-import"),
    path("settings/import/<int:chore>/", settings_import.change, name="settings-import-do"),
    path("settings/outside/", outside_views.outside, name="settings-outside"),
    path("settings/outside/<int:outside>/", outside_views.change, name="settings-outside-do"),
    path("settings/moving/", moving_views.moving, name="settings-moving"),
    path("settings/moving/<int:source>/", moving_views.change, name="settings-moving-do"),
    path("settings/moving/<int:source>/progress/", moving_views.progress, name="settings-moving-progress"),
    path("chores/<int:chore>/", settings_export.progress, name="chore"),
    path("welcome/", welcome.welcome, name="welcome"),
    path("settings/quick/", settings.quick, name="settings-quick"),
    path("settings/pop3/", settings.pop3, name="settings-pop3"),
    path("settings/masks/", masks.every, name="settings-masks"),
    path("settings/masks/<int:mask>/", masks.change, name="settings-mask"),
    path("settings/filters/", rules.every, name="settings-filters"),
    path("settings/filters/new/", rules.new, name="settings-filter-new"),
    path("settings/filters/like/", rules.like, name="settings-filter-like"),
    path("settings/filters/preview/", rules.preview, name="settings-filter-preview"),
    path("settings/filters/back/", rules.put_back, name="settings-filter-back"),
    path("settings/filters/block/", blocking.block, name="settings-block"),
    path("settings/filters/spam/", spam_lessons.forget, name="settings-spam-forget"),
    path("settings/filters/filters.json", rule_files.export, name="settings-filters-export"),
    path("settings/filters/import/", rule_files.import_, name="settings-filters-import"),
    path("settings/filters/<int:rule>/", rules.one, name="settings-filter"),
    path("settings/filters/<int:rule>/do/", rules.change, name="settings-filter-do"),
    path("settings/forwarding/", forwarding.addresses, name="settings-forwarding"),
    path("settings/forwarding/do/", forwarding.change, name="settings-forwarding-do"),
    path("settings/reply/", auto_reply.reply, name="settings-reply"),
    path("settings/mailbox/", settings.choose, name="choose"),
    path("events/", live.events, name="events"),
    path("live/rows/<box:box>/", live.rows, name="live-rows"),
    path("live/notices/", notices.notices, name="live-notices"),
    path("live/conversation/<int:thread>/", live.conversation, name="live-conversation"),
    path("live/sending/<int:message>/", live.sending, name="live-sending"),
    path("sending/", sendings.sending, name="sending"),
    path("sending/planned/", sendings.planned, name="sending-planned"),
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
    path("receipt/<int:message>/", receipt.receipt, name="receipt"),
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
urlpatterns.append(path("contacts/", include("webmail.contacts.urls")))
if find_spec("webmail.compose_urls"):
    urlpatterns.append(path("compose/", include("webmail.compose_urls")))
urlpatterns += [
    path("<box:box>/", mail.box, name="box"),
    path("<box:box>/<int:thread>/", pane.conversation, name="conversation"),
]
