"""Turns as calendars and pictures show them: written from what is known, and read under secret addresses."""
