"""Who signs: a key file, a hardware token, a command of somebody else. All look like `formats.signing.Signer`."""
