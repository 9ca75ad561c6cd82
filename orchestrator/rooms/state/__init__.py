"""One state event out of many claims: what each room should hold, and who may do what in it."""
