"""Handing on, taking over: what people change about published turns by themselves."""
