"""What bank maintenance did to the money: windows, value dates, three-way match, open items. Amounts are never floats."""
