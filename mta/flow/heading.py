"""The lines that are put in front of a message that came from outside. Pure."""

from __future__ import annotations

from mta.flow.passage import Passage
from mta.message import trace


def prefix(passage: Passage, address: str, line: bytes) -> bytes:
    """RFC 5321 §4.4: Return-Path first, for final delivery; then who it was for, and our Received."""
    return b"".join(
        (
            trace.return_path(passage.arrival.sender),
            trace.delivered_to(address),
            passage.verdict.results,  # RFC 8601 §4: above what it speaks of
            line,
        )
    )


def received(passage: Passage, address: str) -> bytes:
    arrival = passage.arrival
    # RFC 5321 §7.6: "for" only where it cannot tell one recipient of another.
    only = address if len(arrival.recipients) == 1 else None
    iprev = passage.verdict.of("iprev")
    return trace.received(
        arrival.client_name,
        arrival.ip,
        iprev.domain if iprev is not None and iprev.result == "pass" else None,
        arrival.hostname,
        arrival.protocol,
        arrival.tls,
        passage.trace_id,
        only,
        passage.at,
    )
