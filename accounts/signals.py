"""`pool_changed(pool_id: UUID)`: the pool or one of its accounts was edited, created or deleted.

Sent after the transaction has committed, once per edit, also for bulk updates (which send no post_save). Receivers
may be told more often than needed; `Pool.version` tells what is new. An error in a receiver is logged, the edit stands.
"""

from django.dispatch import Signal

pool_changed = Signal()
