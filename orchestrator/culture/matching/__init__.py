"""What a message holds: words however they are dressed up, links, invitations, files, names. Pure, and linear."""
