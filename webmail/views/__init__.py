"""The pages of the web client, one module per page family. Views fetch, call one service and answer."""
