"""Changes asked for from outside, made by the bot at work: applied at once in its rows, then watched until they are done.

Applying is one transaction a community; from then on the claims say what should be, and delivery carries it out, also
after a crash. So whoever asked may go away at any moment: nothing is lost, and asking again goes on.
"""
