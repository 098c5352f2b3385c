"""Tests: they mirror the packages, plus wire/transcripts/ and journeys/."""
