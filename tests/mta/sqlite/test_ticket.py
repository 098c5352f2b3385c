"""The write ticket of `mta.sqlite`."""

import pytest
from django.db import connection, transaction


@pytest.mark.django_db(transaction=True)
def test_the_ticket_is_held_inside_a_transaction_and_given_back_after_it() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the ticket is SQLite's")
    with transaction.atomic():
        assert connection.ticket.held
    assert not connection.ticket.held
