"""Every IMAP command: in which state it is allowed (RFC 3501 §3) and who carries it out."""

from __future__ import annotations

from mta.serve.imap import mailboxes, messages, quotas, signing_in
from mta.serve.imap.appending import append
from mta.serve.imap.fetching import fetch
from mta.serve.imap.idling import idle
from mta.serve.imap.searching import search, sort, thread
from mta.serve.imap.selecting import check, close, examine, select, unselect
from mta.serve.imap.session import Handler
from mta.wire.imap import commands as c

COMMANDS: dict[type[c.Command], tuple[str, Handler]] = {
    c.Capability: ("any", signing_in.capability),
    c.Noop: ("any", signing_in.noop),
    c.Logout: ("any", signing_in.logout),
    c.Id: ("any", signing_in.id_),
    c.StartTls: ("signed out", signing_in.start_tls),
    c.Login: ("signed out", signing_in.login),
    c.Authenticate: ("signed out", signing_in.authenticate),
    c.Enable: ("signed in", signing_in.enable),
    c.Compress: ("signed in", signing_in.compress),
    c.Namespace: ("signed in", mailboxes.namespace),
    c.List: ("signed in", mailboxes.list_),
    c.Lsub: ("signed in", mailboxes.lsub),
    c.Status: ("signed in", mailboxes.status),
    c.GetQuota: ("signed in", quotas.get_quota),
    c.GetQuotaRoot: ("signed in", quotas.get_quota_root),
    c.SetQuota: ("signed in", quotas.set_quota),
    c.Create: ("signed in", mailboxes.create),
    c.Delete: ("signed in", mailboxes.delete),
    c.Rename: ("signed in", mailboxes.rename),
    c.Subscribe: ("signed in", mailboxes.subscribe),
    c.Unsubscribe: ("signed in", mailboxes.unsubscribe),
    c.Append: ("signed in", append),
    c.Select: ("signed in", select),
    c.Examine: ("signed in", examine),
    c.Idle: ("signed in", idle),
    c.Check: ("selected", check),
    c.Close: ("selected", close),
    c.Unselect: ("selected", unselect),
    c.Expunge: ("selected", messages.expunge),
    c.Search: ("selected", search),
    c.Sort: ("selected", sort),
    c.Thread: ("selected", thread),
    c.Fetch: ("selected", fetch),
    c.Store: ("selected", messages.store),
    c.Copy: ("selected", messages.copy),
    c.Move: ("selected", messages.move),
}
