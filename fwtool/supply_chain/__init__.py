"""What firmware is made of: bills of materials, advisories about their parts, and how it was built. All of it offline."""
