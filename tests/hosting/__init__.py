"""Tests of tenancy and the panel."""
