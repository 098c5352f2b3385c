"""Who a mailspace writes with: counted, ranked, and found by the beginnings of words."""
