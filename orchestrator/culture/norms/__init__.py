"""Norms: posted and pinned so that everybody can read them, told when they change, and looked at together again."""
