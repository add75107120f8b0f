"""Whether what must hold did. Pure: what was seen in, findings out.

callers   what callers were told
calls     what the accounts received
minute    requests per minute: never more, never refused for nothing, the soonest second to come back
day       what an account may use in a UTC day
breaker   set aside, probed, taken back
books     the pool's own books, against what the double saw
"""
