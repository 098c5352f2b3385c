"""To the internet: where mail for a domain goes, how it is handed over, and the worker that does both."""
