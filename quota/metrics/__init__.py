"""What the pool tells a monitoring system, right for any number of processes on any number of machines.

# Note [Where the numbers come from]
#     A scrape reaches one process of many, so no number is kept in one. Money, tokens and calls are summed up from the
#     rollups, which are exact. Requests and their times are counted by the worker, in the Redis step that acknowledges
#     the entries they were read from (`quota/lua/acknowledge.lua`): once, or not at all. What only a process knows
#     (who waits in it, what it refused at the door) it reports every few seconds (`pulse`). The rest is looked at when
#     somebody asks. A request pays nothing for any of it.

catalogue   every metric there is
counting    stream entries → counts (pure)
tallies     what this process counts by itself
pulse       that on its way to Redis
gather      everything a scrape tells, read
exposition  that as Prometheus reads it
"""
