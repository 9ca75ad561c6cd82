"""Authored files, checked and joined: what people wrote becomes what the crafts read."""
