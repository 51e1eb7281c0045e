"""A manufacturing station: the same steps for every unit that is connected, limits, one verdict each."""
