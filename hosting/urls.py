"""The addresses of sign-in, first run and the panel, included at the root by `webmail.urls`."""

from __future__ import annotations

from django.urls import path

from hosting.views import (
    accounts,
    aliases,
    audit,
    domains,
    doubtful,
    lists,
    other_names,
    overview,
    setup,
    signing,
    tenants,
)

app_name = "hosting"

urlpatterns = [
    path("", signing.sign_in, name="sign_in"),
    path("sign-out/", signing.sign_out, name="sign_out"),
    # the first run
    path("setup/host/", setup.host_name, name="setup_host"),
    path("setup/doors/", setup.doors, name="setup_doors"),
    path("setup/reach/", setup.reach, name="setup_reach"),
    path("setup/domain/", setup.first_domain, name="setup_domain"),
    path("setup/<str:token>", setup.administrator, name="setup"),
    # the panel
    path("panel/", overview.overview, name="overview"),
    path("panel/find/", overview.find, name="find"),
    path("panel/customers/", tenants.listing, name="tenants"),
    path("panel/customers/add/", tenants.add, name="tenant_add"),
    path("panel/customers/<int:tenant_id>/", tenants.detail, name="tenant"),
    path("panel/customers/<int:tenant_id>/suspend/", tenants.suspend, name="tenant_suspend"),
    path("panel/customers/<int:tenant_id>/resume/", tenants.resume, name="tenant_resume"),
    path("panel/domains/", domains.listing, name="domains"),
    path("panel/domains/add/", domains.add, name="domain_add"),
    path("panel/domains/<str:name>/", domains.detail, name="domain"),
    path("panel/domains/<str:name>/records/", domains.records, name="domain_records"),
    path("panel/domains/<str:name>/zone/", domains.zone_file, name="domain_zone"),
    path("panel/domains/<str:name>/suspend/", domains.suspend, name="domain_suspend"),
    path("panel/domains/<str:name>/resume/", domains.resume, name="domain_resume"),
    path("panel/domains/<str:name>/aliases/", aliases.listing, name="aliases"),
    path("panel/domains/<str:name>/catch-all/", aliases.set_catch_all, name="catch_all"),
    path("panel/domains/<str:name>/aliases/<int:address_id>/", aliases.edit, name="alias"),
    path("panel/domains/<str:name>/aliases/<int:address_id>/remove/", aliases.remove, name="alias_remove"),
    path("panel/domains/<str:name>/lists/", lists.listing, name="lists"),
    path("panel/domains/<str:name>/lists/<int:list_id>/", lists.one, name="list"),
    path("panel/domains/<str:name>/lists/<int:list_id>/remove/", lists.remove, name="list_remove"),
    path(
        "panel/domains/<str:name>/lists/<int:list_id>/members/<int:member_id>/",
        lists.member,
        name="list_member",
    ),
    path("panel/domains/<str:name>/doubtful/", doubtful.page, name="doubtful"),
    path("panel/domains/<str:name>/doubtful/settle/", doubtful.settle, name="held_settle"),
    path("panel/domains/<str:name>/names/", other_names.listing, name="names"),
    path("panel/domains/<str:name>/names/remove/", other_names.remove, name="name_remove"),
    # for members of a list who are elsewhere
    path("lists/leave/<str:token>/", lists.leave, name="list_leave"),
    path("panel/accounts/", accounts.listing, name="accounts"),
    path("panel/accounts/add/", accounts.add, name="account_add"),
    path("panel/accounts/<int:account_id>/", accounts.detail, name="account"),
    path("panel/accounts/<int:account_id>/password/", accounts.set_password, name="account_password"),
    path("panel/accounts/<int:account_id>/pop3/", accounts.set_pop3, name="account_pop3"),
    path("panel/accounts/<int:account_id>/suspend/", accounts.suspend, name="account_suspend"),
    path("panel/accounts/<int:account_id>/resume/", accounts.resume, name="account_resume"),
    path("panel/changes/", audit.listing, name="audit"),
]
