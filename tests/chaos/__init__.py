"""`make chaos`: every fault the simulator knows, in seeded random order, against the gateway over real HTTP."""
