"""The edge: pydantic models of the files, and nothing of theirs gets past it."""
