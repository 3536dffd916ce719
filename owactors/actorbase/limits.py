"""Every bound of the base, in one place. Sizes in bytes, times in seconds."""

from datetime import timedelta
from typing import Final

MAX_MESSAGE: Final = 64 << 20
"""Largest pickle of a message; a larger one comes back to its sender as PoisonMessage."""

PART_SIZE: Final = 512 << 10
"""A larger message is sent in parts of this size, between which other letters are sent."""

PARTED_AT_ONCE: Final = 4
"""So many large messages share one connection; others wait for their turn."""

MAX_FRAME: Final = PART_SIZE + 64
"""Largest body of a frame."""

READ_CHUNK: Final = 256 << 10
WRITE_TURN: Final = 1 << 20
"""Bytes written to one connection in one turn of the loop, so that a large message stops nobody else."""

GATHER: Final = 64 << 10
"""Small frames are written together up to this size."""

DISPATCH_BATCH: Final = 64
"""Messages handled before the loop looks at its sockets and timers again."""

BATCH_WITHIN: Final = 0.005
"""A batch of slow messages ends earlier, so that what the first of them sent goes out."""

ACK_EVERY: Final = 64
ACK_WITHIN: Final = 0.01

MAX_UNACKED_FRAMES: Final = 100_000
MAX_UNACKED_BYTES: Final = 256 << 20
"""What may wait for one peer process; beyond this a message becomes a dead letter at once."""

ROOM_FRAMES: Final = 1000
ROOM_BYTES: Final = 8 << 20
"""A coroutine that waits for room goes on when less than this waits for the peer."""

PAUSE_FRAMES: Final = 4096
PAUSE_BYTES: Final = 64 << 20
"""Received and not yet handled, per connection: over this the receiver stops reading, under half it resumes."""

MAX_CONNECTIONS: Final = 4096
MAX_UNPROVEN: Final = 256
"""Incoming connections that have not finished their handshake."""

HANDSHAKE_WITHIN: Final = 5.0
CONNECT_WITHIN: Final = 4.0
RETRY_FOR: Final = 8.0
"""A peer that neither answers nor refuses is dead after this long."""

VERIFY_FOR: Final = 1.5
"""A connection timed out: so long the peer may be tried again before it is dead."""

RETRY_PAUSE: Final = 0.25
USER_TIMEOUT_MS: Final = 8000
KEEPALIVE: Final = (3, 2, 3)
"""TCP keepalive: idle seconds, interval, probes: a vanished host is noticed after 9 s."""

PING_EVERY: Final = 2.0
SILENT: Final = 6.0
"""An admin that has not answered for so long is dead, and so is its host."""

LATE_TICK: Final = 1.0
"""An admin that looks up later than this was not able to hear the others."""

REGISTER_EVERY: Final = timedelta(seconds=5)
"""Members of a convention register so often: after a cut they are back within this time."""

CREATE_WITHIN: Final = 50.0
"""Thespian's own limit for a create."""

ORPHAN_GRACE: Final = 1
"""A process whose parent died is killed this many seconds after its own attempt to exit (SIGALRM)."""

DRAIN_WITHIN: Final = 7.0
DRAIN_STALLED: Final = 2.0
"""A process that ends waits so long for its last letters to be taken; not on when none was taken for the second."""

EXIT_TASKS_WITHIN: Final = 1.0
"""Cancelled coroutines may finish for this long when a process exits."""

SLOW_HANDLER: Final = 0.1
REMEMBERED_PEERS: Final = 4096
