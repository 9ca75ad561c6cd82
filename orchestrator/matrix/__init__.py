"""The only speaker to the homeserver, and the only importer of nio."""
