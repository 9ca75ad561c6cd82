"""What differs between documents, what was applied and what is live; and making it so."""
