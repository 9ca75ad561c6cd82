"""Times at which nobody is there: the leads hear of each once, with who could help."""
