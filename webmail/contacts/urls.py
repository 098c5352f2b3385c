"""Every address of the address book, below `/mail/contacts/`."""

from django.urls import path

from . import changing, views

urlpatterns = [
    path("", views.book, name="contacts"),
    path("new/", changing.new, name="contact-new"),
    path("of/", views.of, name="contact-of"),
    path("other/", views.others, name="contacts-others"),
    path("duplicates/", views.duplicates, name="contacts-duplicates"),
    path("import/", changing.bring, name="contacts-import"),
    path("export/", views.export, name="contacts-export"),
    path("several/", changing.several, name="contacts-several"),
    path("undo/", changing.undo, name="contacts-undo"),
    path("merge/", changing.merge, name="contact-merge"),
    path("keep/", changing.keep, name="contact-keep"),
    path("groups/", changing.new_group, name="contact-group-new"),
    path("groups/<int:group>/", changing.change_group, name="contact-group"),
    path("<int:contact>/", views.card, name="contact"),
    path("<int:contact>/edit/", changing.edit, name="contact-edit"),
    path("<int:contact>/delete/", changing.delete, name="contact-delete"),
    path("<int:contact>/photo/", views.photo, name="contact-photo"),
]
