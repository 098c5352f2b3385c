"""The sidecar: one process, one event loop, in front of SMTP, submission, IMAP and POP3.

`main` starts it, `listener` opens its doors, `bridge` carries blocking work to threads, and one module per
protocol speaks to clients. Statuses on the wire come from `statuses`. Started by `manage.py serve_mail`.
"""
