"""Every byte of an image file, named: field, value, clause of the specification, and what covers it. Nothing is verified."""
