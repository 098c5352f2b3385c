"""The history of the hosting tables."""
