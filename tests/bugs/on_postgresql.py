"""Deliberate bugs of the ledger on PostgreSQL: each lock alone, as two hide each other."""

from tests.bugs.bug import Bug

TRANSACTIONS = "service/ledger/postgresql/transactions.py"
WRITER = "service/ledger/postgresql/lane_writer.py"
TESTS = "tests/ledger/test_postgres_store.py"
TURNS = "tests/ledger/test_postgres_turns.py"
AWAY = "tests/running/test_server_away.py"

ON_POSTGRESQL = (
    Bug(
        2, "begin anew with the numbers of commits after a move",
        "service/ledger/postgresql/postgres_move.py",
        "n = greatest(n, %s)", "n = greatest(0, %s * 0)", "tests/ledger/test_migration.py",
    ),
    Bug(
        2, "go on with a ledger that was moved, in a process that had it open",
        "service/ledger/sqlite/sqlite_store.py",
        '.fetchone()[0] > SCHEMA_VERSION:', '.fetchone()[0] < 0:',
        "tests/ledger/test_refused_migration.py",
    ),
    Bug(
        2, "take a table that was copied in part for what it was then",
        "service/ledger/migration/copying.py",
        "if sum_of(beginning) == sum_of(_rows(there, table)):", "if beginning:",
        "tests/ledger/test_migration.py",
    ),
    Bug(
        1, "let a server acknowledge what is not on disk",
        "service/ledger/postgresql/connections.py",
        "IN ('off', 'local') THEN 'on'", "IN ('local') THEN 'on'", TESTS,
    ),
    Bug(
        1, "take a cancelled wait for a standby for success",
        "service/ledger/postgresql/lane_session.py",
        "self.cancelled or notice.sqlstate == WARNING", "self.cancelled", TESTS,
    ),
    Bug(
        2, "number a commit as it begins", TRANSACTIONS,
        "  RETURNING n\n", "  RETURNING pg_current_xact_id()::text::bigint AS n\n", TESTS,
    ),
    Bug(
        3, "commit in a lane that was taken over", TRANSACTIONS,
        "AND epoch = of RETURNING 1", "RETURNING 1",
        "tests/ledger/test_postgres_lanes.py",
    ),
    Bug(
        3, "decide for a shard that was taken over", TRANSACTIONS,
        "(SELECT count(*) FROM fence) = cardinality(%(fenced)s::int[])",
        "EXISTS (SELECT FROM fence)", "tests/ledger/test_postgres_shares.py",
    ),
    Bug(
        2, "forget who waits longer than a lease for its part",
        "service/ledger/postgresql/lane_session.py",
        "if not lanes.hold_on(session, self._lane_in(session, timeline), self.seconds):",
        "if not self._lane_in(session, timeline):", "tests/ledger/test_postgres_shares.py",
    ),
    Bug(
        3, "take over a shard without raising its epoch", "service/ledger/postgresql/shares.py",
        "greatest(epoch, {TIMELINE}) + 1,", "greatest(epoch, {TIMELINE}),",
        "tests/ledger/test_postgres_shares.py",
    ),
    Bug(
        2, "leave its part for ever to whoever froze or was cut off",
        "service/ledger/postgresql/shares.py",
        'LIVES = """until > clock_timestamp() AND EXISTS (', 'LIVES = """EXISTS (',
        "tests/ledger/test_postgres_shares.py",
    ),
    Bug(
        2, "keep others waiting for their part as long as letters come",
        "service/running/worker.py",
        "            if time.monotonic() >= until:\n", "            if not until:\n",
        "tests/running/test_shared_work.py",
    ),
    Bug(
        2, "take letters that others have not passed", "service/incoming/intake.py",
        "share.reached if share.whole else self._lease.lowest()", "share.reached",
        "tests/app/test_shards.py",
    ),
    Bug(
        2, "say nothing of letters to come that would be passed over",
        "service/incoming/parts_check.py",
        "marks.beyond(ends) != ends", "False",
        "tests/cli/test_fsck_parts.py",
    ),
    Bug(
        3, "remember what others may change", "service/learners/aggregate.py",
        "return self.known if self.is_alone else Beside(self.known)", "return self.known",
        "tests/app/test_statements_of_two.py",
    ),
    Bug(
        3, "remember which enrolments others have begun", "service/learners/writer.py",
        "            self.lookup.forget_enrollments()\n", "            pass\n",
        "tests/app/test_reads_of_others.py",
    ),
    Bug(
        4, "say nothing of what was known of others", "service/learners/writer.py",
        "saw = None if self.memory.is_alone else dict[str, int]()", "saw = None",
        "tests/app/test_reads_of_others.py",
    ),
    Bug(
        3, "hold a storm as if nobody else had one", "service/rules/storm.py",
        "HELD if count + others > limit", "HELD if count > limit", "tests/app/test_storm_of_two.py",
    ),
    Bug(
        3, "look at what a write rests on before its turn", TRANSACTIONS,
        "            turn = session.execute(CLOSE, values, prepare=True)\n"
        "            if what.rests_on:\n"
        "                session.execute(STILL, values, prepare=True)\n",
        "            if what.rests_on:\n"
        "                session.execute(STILL, values, prepare=True)\n"
        "            turn = session.execute(CLOSE, values, prepare=True)\n",
        TESTS,
    ),
    Bug(
        3, "look for what others have written before its turn", TRANSACTIONS,
        "            turn = session.execute(CLOSE, values, prepare=True)\n",
        "            _run(session, what.in_turn)\n"
        "            what = Append(rests_on=what.rests_on)\n"
        "            turn = session.execute(CLOSE, values, prepare=True)\n", TURNS,
    ),
    Bug(
        3, "let others commit while somebody reads and then writes", TRANSACTIONS,
        "SELECT FROM head FOR UPDATE\n", "SELECT FROM head\n", TURNS,
    ),
    Bug(
        3, "hold on to rows that whoever is alone needs", TRANSACTIONS,
        "SET LOCAL lock_timeout = 500", "SET LOCAL lock_timeout = 60000", TURNS,
    ),
    Bug(
        3, "give up where a deadlock was ended", "service/ledger/sql.py",
        "(sqlite3.IntegrityError, IntegrityError, RunAgain)",
        "(sqlite3.IntegrityError, IntegrityError)", TURNS,
    ),
    Bug(
        3, "take a commit that was not answered for lost", WRITER,
        "        if again and (again.head - lane.head) % PLACES:\n",
        "        if again is None:\n", "tests/ledger/test_lost_commits.py",
    ),
    Bug(
        1, "give a letter the receipt of another door", WRITER,
        "again.answer if closing.asks else found", "found", "tests/ledger/test_lost_commits.py",
    ),
    Bug(
        1, "number a letter out of line", "service/incoming/letters.py",
        "            (IN_LINE, [(1, 1)]),\n", "", "tests/incoming/test_two_doors.py",
    ),
    Bug(
        2, "keep who works waiting for the line of the doors", "service/incoming/letters.py",
        "Append(tables=tables, asked=LAST)", "Append(in_turn=tables, asked=LAST)",
        "tests/incoming/test_two_doors.py",
    ),
    Bug(
        2, "end the writer where the server was away", "service/running/worker.py",
        "if not self.threads.guarded(\"writer\", self._take):", "if self._take():", AWAY,
    ),
    Bug(
        3, "hold a lease without renewing it", "service/running/worker.py",
        "            self.threads.guarded(\"lease\", lease.renew)\n", "            pass\n", AWAY,
    ),
    Bug(
        2, "keep writers waiting for whoever starts", "service/ledger/postgresql/tables.py",
        "added + _without_indexes_there(session, script)", "added + script",
        "tests/ledger/test_postgres_upkeep.py",
    ),
)  # fmt: skip
