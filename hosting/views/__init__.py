"""Sign-in, first run and the panel. Views fetch, call one service and answer."""
