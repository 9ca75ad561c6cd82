"""Tests against real homeservers, which the run starts itself."""
