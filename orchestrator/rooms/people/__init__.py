"""Who comes, who goes, who asks to be let in, and who may talk to the bot in private."""
