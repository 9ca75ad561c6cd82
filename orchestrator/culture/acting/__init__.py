"""What follows from a verdict: what is done, who is told, how it is undone, and what people can ask about it."""
