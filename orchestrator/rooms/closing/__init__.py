"""What closes a room, for a while or for good, and what takes its place: lockdown, archive, upgrade, succession."""
