"""A consumer whose assignment never changes faster than librdkafka can follow.

librdkafka (seen with 2.8; the code is the same in 2.15) stops a partition again when it is taken away while it is still
stopping, and dies of the second answer: by the assertion `rktp->rktp_started` in
rd_kafka_assignment_partition_stopped, or by locking a queue that is none. Three changes of an assignment within a
millisecond or so are enough, and closing is one.

One thread of the client serves, in order, whatever is asked for partitions and for the group. So when it has answered a
question, the stops asked for before have been served, and their answers stand in its queue before anything asked next.
"""

from __future__ import annotations

import contextlib

from confluent_kafka import Consumer, TopicPartition


# confluent-kafka has no types for its C classes.
class SteadyConsumer(Consumer):  # type: ignore[misc]
    """`confluent_kafka.Consumer`, but each change of the assignment waits until the one before has come through."""

    def assign(self, partitions: list[TopicPartition]) -> None:
        self._settle()
        super().assign(partitions)

    def unassign(self) -> None:
        self._settle()
        super().unassign()

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        self._settle()
        super().incremental_assign(partitions)

    def incremental_unassign(self, partitions: list[TopicPartition]) -> None:
        self._settle()
        super().incremental_unassign(partitions)

    def close(self) -> None:
        with contextlib.suppress(RuntimeError):  # closed already
            self._settle()
        super().close()

    def _settle(self) -> None:
        self.memberid()  # answered without the network
