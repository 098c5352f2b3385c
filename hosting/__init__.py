"""Who may have mail: tenants, plans, domains, accounts, addresses, keys, DNS health, audit, and the panel.

Stands on `mta` and implements its port `mta.directory`; knows nothing of the web client above it.
"""
