"""The port `mta.limits`: how often and how many at once, counted over all processes.

`service.current()` is the ledger of this process: `hit`, `note`, `hold`, `peek`, `forget`; all of them work in
memory and never wait, so they may be called in an event loop. A thread exchanges what was counted with the other
processes: through Redis where there is one, else through two small tables (`sharing`). If that fails, each process
goes on counting for itself: mail first.
"""
