"""Ban lists of other communities (MSC2313), read only: followed after a look, and bans that are lifted again with them."""
