"""Notes from whoever goes to whoever comes: shown by a link, never copied, and gone after a week."""
