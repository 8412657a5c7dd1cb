"""A kept connection is looked at before each request, without asking the server anything.

PostgreSQL says nothing unasked on an idle connection. When there is something to read, it is the farewell of
a server that was stopped, or the end of the stream; only then is the server asked, as Django would.
"""

from __future__ import annotations

import select

from django.db.backends.postgresql import base
from psycopg.pq import TransactionStatus


class DatabaseWrapper(base.DatabaseWrapper):
    """Saves a round trip for every request."""

    def is_usable(self) -> bool:
        """Whether the connection can be used; a network that fell silent shows at the next query only."""
        if self.connection is None or self.connection.closed:
            return False
        # A transaction that has failed takes no further statement.
        if self.connection.info.transaction_status == TransactionStatus.INERROR:
            return False
        waiting = select.poll()
        waiting.register(self.connection.fileno(), select.POLLIN)
        return not waiting.poll(0) or super().is_usable()
