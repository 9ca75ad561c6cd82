"""What a person types about rooms: looking at what would change, making it so, and saying where it all comes from."""
