"""A mail server that delivers to nobody: real SMTP into a Maildir, and a page to read it."""
