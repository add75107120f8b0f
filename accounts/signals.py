"""`pool_changed(pool_id: UUID)`: the pool or one of its accounts was edited, created or deleted.

Sent after the transaction has committed, once per edit, also for bulk updates (which send no post_save). Receivers
may be told more often than needed; `Pool.version` tells what is new. An error in a receiver is logged, the edit stands.

`account_mended(pool_id: UUID, account_id: UUID)`: a person brought the account back or gave it a new key, so what was
held against the old one (an invalid key, a cool-down) should be dropped. Sent inside the edit's transaction, before its
`pool_changed`, so that what a receiver writes down comes to be with the edit or not at all; an error undoes the edit.
"""

from django.dispatch import Signal

pool_changed = Signal()
account_mended = Signal()
