"""A broker full of Sunbird's telemetry: `python -m bench.kafka_broker COUNT`, until stdin ends."""

import json
import sys

from confluent_kafka import Producer

from bench.feed import COURSES, LEARNERS
from bench.site import BEGIN
from tests.incoming.queues.kafka_broker import Broker

TOPIC, PARTITIONS = "prod.telemetry.audit", 4
SECONDS = 60.0
MORE = 1_000
"""Records beyond those that are read, so that nobody waits for a last batch to be full."""
PROPS = ["userId", "courseId", "batchId", "enrolledDate", "active", "lastContentAccessTime"]


def enrollment(n: int) -> bytes:
    """The n-th enrollment, about 750 bytes, as Sunbird's services tell of it."""
    learner, course = f"5f1c7c2e-0b7a-{n % LEARNERS:08}", f"do_31{n // LEARNERS % COURSES:016}"
    related = [{"id": course, "type": "Course"}, {"id": f"0135{n % 7:015}", "type": "CourseBatch"}]
    producer = {"id": "org.sunbird.learning.platform", "pid": "lms-service", "ver": "3.0"}
    context = {"channel": "in.sunbird", "env": "Course", "pdata": producer, "cdata": related}
    told = {
        "eid": "AUDIT", "ets": BEGIN + n, "ver": "3.0", "mid": f"LP.AUDIT.{n:032x}",
        "actor": {"id": learner, "type": "User"}, "context": context,
        "object": {"id": learner, "type": "User", "rollup": {"l1": course}},
        "edata": {"props": PROPS, "state": "Create", "type": "enrol"},
        "tags": [], "syncts": BEGIN + n, "@timestamp": "2026-01-01T00:00:00.000Z",
    }  # fmt: skip
    return json.dumps(told).encode()


def fill(servers: str, count: int) -> None:
    """So many records, spread over the partitions."""
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 20})
    for n in range(count + MORE):
        producer.produce(TOPIC, enrollment(n), partition=n % PARTITIONS)
        if n % 1_000 == 0:
            producer.flush(SECONDS)
    assert producer.flush(SECONDS) == 0


if __name__ == "__main__":
    with Broker() as broker:
        broker.add(TOPIC, PARTITIONS)
        fill(broker.servers, int(sys.argv[1]))
        print(broker.servers, flush=True)
        sys.stdin.read()
