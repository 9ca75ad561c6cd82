"""Who keeps which room when, for whoever asks; and what people want of us."""
