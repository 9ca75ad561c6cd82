"""What facilitation remembers, a module for each kind of row."""
