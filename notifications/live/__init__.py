"""The live view's engine room: one reader per process, however many browsers and programs listen.

frames     one event, ready to be sent; ids and their order
feed       the latest events of a pool, each listener at its own place in them
board      a pool's numbers, and what of them changed since a listener last looked
channel    a pool: its feed and its board, and a bell that rings when there is news
hub        the tasks that keep channels up to date while anybody listens
watcher    one listener's place in a channel
selection  what a listener wants to hear
access     who listens, and which pools those may see
"""
