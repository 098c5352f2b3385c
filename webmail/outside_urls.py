"""The page "Outside world" of a demonstration, below `/outside/`. In a real installation each of these is a 404."""

from django.urls import URLPattern, path

from webmail.views import outside

app_name = "outside"
urlpatterns: list[URLPattern] = [
    path("", outside.arrived, name="arrived"),
    path("write/", outside.write, name="write"),
    path("records/", outside.records, name="records"),
    path("records/withdraw/", outside.withdraw, name="withdraw"),
    path("<slug:id>/", outside.message, name="message"),
    path("<slug:id>/original/", outside.original, name="original"),
]
