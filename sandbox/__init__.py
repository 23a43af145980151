"""Stand-ins for the outside world, for development and tests only: servers, mail, Stripe and demo content."""
