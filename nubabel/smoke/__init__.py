"""`manage.py smoke_test`: is a deployment whole? Asked from outside, over HTTP alone.

visit    one look at a deployment: its address, its key, what was learned so far, what must be undone
hearing  the live stream, while something is done
steps    what is looked at, in order
running  the steps, one after the other, and the undoing
"""
