"""The mail system: no web pages, no logins. Its owner of mail is the mailspace."""
