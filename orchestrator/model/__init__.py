"""Words that every part of the house shares: ids, events, effects, time, power and the protocol of the crafts."""
