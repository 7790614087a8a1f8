"""Deliberate bugs, one or more for each promise, and the tests that must turn red by them."""

from tests.bugs.bug import Bug
from tests.bugs.on_postgresql import ON_POSTGRESQL
from tests.bugs.people import PEOPLE
from tests.bugs.planted_in_backtests import IN_BACKTESTS
from tests.bugs.readers import READERS

BUGS = (
    Bug(
        1, "skip the fsync", "service/ledger/sqlite/database.py",
        "        connection.execute(\"PRAGMA synchronous = FULL\")",
        "        connection.execute(\"PRAGMA synchronous = OFF\")", "tests/ledger/test_ledger.py",
    ),
    Bug(
        1, "leave the fsync to the next checkpoint", "service/ledger/sqlite/database.py",
        "        connection.execute(\"PRAGMA synchronous = FULL\")",
        "        connection.execute(\"PRAGMA synchronous = NORMAL\")",
        "tests/reliability/test_campaign.py tests/ledger/test_ledger.py",
    ),
    Bug(
        1, "answer 202 when the commit failed", "service/incoming/group_commit.py",
        "            if id(posted) in receipts:\n"
        "                posted.receipt.set_result(receipts[id(posted)])\n",
        "            if id(posted) in receipts or posted:\n"
        "                posted.receipt.set_result(receipts.get(id(posted), 1))\n",
        "tests/incoming/test_group_commit.py",
    ),
    Bug(
        1, "answer 202 before the commit", "service/incoming/group_commit.py",
        "            return await posted.receipt\n", "            return 1\n",
        "tests/incoming/test_group_commit.py tests/incoming/test_webhook_answers.py",
    ),
    Bug(
        1, "complete a message before it is kept", "service/incoming/queues/service_bus.py",
        "            await self._kept(messages)\n",
        "            await self._settle(self._receiver.complete_message, messages)\n"
        "            await self._kept(messages)\n",
        "tests/incoming/queues/test_service_bus_keeping.py",
    ),
    Bug(
        1, "commit an offset before its record is kept", "service/incoming/queues/kafka.py",
        "        self._keep(arrivals, len(records) - len(arrivals))\n",
        "        self._member.kept({place_of(r): (r.offset() or 0) + 1 for r in records})\n"
        "        assert self._consumer\n        self._commit(self._consumer)\n"
        "        self._keep(arrivals, len(records) - len(arrivals))\n",
        "tests/incoming/queues/test_kafka_keeping.py",
    ),
    Bug(
        1, "go on with a ledger that lost its last commits",
        "service/ledger/sqlite/sqlite_store.py",
        "if lost := shortfalls(path):", "if lost := shortfalls(path)[1:]:",
        "tests/reliability/test_damage.py",
    ),
    Bug(
        1, "count letters without a mark", "service/incoming/letters.py",
        '        ledger.remember_end("letters", "n")\n', "", "tests/reliability/test_damage.py",
    ),
    Bug(
        1, "close on who has connected as the service ends", "service/incoming/http_protocol.py",
        "asyncio.get_running_loop().call_later(LAST_HEAD_SECONDS, self._close_unasked)",
        "self.transport.close()", "tests/incoming/test_webhook_last_answers.py",
    ),
    Bug(
        2, "one bad event costs its letter", "service/incoming/intake.py",
        "            for letter, items in pairs\n",
        "            for letter, items in pairs\n"
        "            if not any(isinstance(i, SetAside) for i in items)\n",
        "tests/incoming/test_intake.py",
    ),
    Bug(
        2, "mark letters taken before their facts are recorded", "service/learners/writer.py",
        "self._append(batch.events, batch.decisions, tables=tables, in_turn=in_turn, "
        "passed=passed)\n",
        "self._append((), Decisions(), tables=tables, passed=passed)\n"
        "        self._append(batch.events, batch.decisions, in_turn=in_turn)\n",
        "tests/reliability/test_fault_points.py",
    ),
    Bug(
        2, "leave open what nobody can send any more", "service/sending/operator.py",
        "    ids = list(queue.removed(views, channels, live))\n", "    ids = []\n",
        "tests/sending/test_removed.py",
    ),
    Bug(
        2, "cancel at once what half a file does not say", "service/rules/verdict.py",
        "    if case.now >= until or not (gone or case.owed.rule in changed):\n",
        "    if True:\n", "tests/sending/test_rule_gone.py",
    ),
    Bug(
        2, "an ask that fails forgets who moved", "service/rules/scheduler.py",
        "        asked = self._ask(decider, position, now)\n",
        "        try:\n            asked = self._ask(decider, position, now)\n"
        "        finally:\n            self._looked_up_to = position\n",
        "tests/rules/triggers/test_stalled_faults.py",
    ),
    Bug(
        2, "leave open what a dead worker had in hand", "service/sending/delivery_pool.py",
        "            delivery.take_over(now)\n", "            delivery.look_again(now)\n",
        "tests/reliability/test_fault_points.py",
    ),
    Bug(
        2, "write the moment that a wrong clock shows", "service/running/clocks.py",
        "            return (now.wall,) if self._doubt is None else (expected, now.wall)\n",
        "            return (now.wall,)\n",
        "tests/running/test_trusted_clock.py tests/running/test_clock_jumps.py",
    ),
    Bug(
        2, "send by a clock in doubt", "service/running/threads.py",
        "        return self._threads.stopping.is_set() or self._clock.doubt() is not None\n",
        "        return self._threads.stopping.is_set()\n", "tests/running/test_resting.py",
    ),
    Bug(
        2, "forget what is from the future", "service/incoming/intake.py",
        "            yield self._letters.try_again(premature)\n", "",
        "tests/incoming/test_premature.py",
    ),
    Bug(
        2, "leave for later what a clock ahead put off", "service/running/worker.py",
        "        if self._taken_at < before - JUMP_MS:\n", "        if self._taken_at < 0:\n",
        "tests/running/test_resting.py",
    ),
    Bug(
        3, "commit decisions apart from their facts", "service/learners/writer.py",
        "self._append(batch.events, batch.decisions, tables=tables, "
        "in_turn=in_turn, passed=passed)\n",
        "self._append(batch.events, Decisions(), tables=tables, "
        "in_turn=in_turn, passed=passed)\n"
        "        self._append((), batch.decisions)\n",
        "tests/reliability/test_fault_points.py",
    ),
    Bug(
        3, "send what another took over while this slept", "service/sending/planner.py",
        "        if newest[lead.id] != lead.version:\n", "        if False:\n",
        "tests/sending/test_frozen_sender.py",
    ),
    Bug(
        3, "take the time of a claim for now", "service/sending/delivery.py",
        "                at = now + steady_clock() - begun\n                if",
        "                if",
        "tests/sending/test_frozen_sender.py",
    ),
    Bug(
        3, "record what became of messages eight at a time", "service/sending/streams.py",
        "            if any(each is own for each in self._unrecorded for own in outcomes):\n",
        "            if len(self._unrecorded) >= 8:\n",
        "tests/reliability/test_stops_under_mail.py",
    ),
    Bug(
        3, "say of all that a dead worker claimed that nobody knows", "service/sending/streams.py",
        "unknown if may_have_left else given_back(now) for", "unknown for",
        "tests/reliability/test_stops_under_mail.py",
    ),
    Bug(
        3, "mark sent before sending", "service/sending/delivery.py",
        "claim = AttemptStarted(at=now, worker=self._worker, until=now + CLAIM_MS)",
        'claim = AttemptEnded(at=now, outcome="accepted", then="sent")',
        "tests/sending/test_delivery.py",
    ),
    Bug(
        3, "drop the duplicate check", "service/learners/enrollment.py",
        "        if fact.key in self.keys:\n            return None\n", "",
        "tests/learners/test_writer.py tests/learners/test_order_freedom.py",
    ),
    Bug(
        3, "let what was delivered twice be of another enrolment", "service/learners/neighbours.py",
        "        if fact.key in each.keys:\n", "        if fact.key == each.id:\n",
        "tests/learners/test_facts_without_an_instance.py",
    ),
    Bug(
        3, "look at no other enrolment as a reminder leaves", "service/sending/planner.py",
        "*chose]) | beside\n", "*chose])\n",
        "tests/sending/test_done_elsewhere.py",
    ),
    Bug(
        3, "tell two records of one person the same", "service/rules/done_or_gone.py",
        "            return MERGED\n", "            pass\n", "tests/sending/test_merged.py",
    ),
    Bug(
        3, "decide at the end of the batch", "service/learners/writer.py",
        "            self._decide(AppendedEvent(after.id, after.version, event, after))\n",
        "            self._late = [*getattr(self, '_late', []), (after.id, event)]\n",
        "tests/learners/test_decide_in_batch.py",
    ),
    Bug(
        3, "a place in the list in the id", "service/rules/decider.py",
        "return _id((rule.mode, rule.id, entry.key),",
        "return _id((rule.mode, rule.id, str(rule.entries.index(entry))),",
        "tests/rules/test_decide.py",
    ),
    Bug(
        3, "a new Message-ID at each attempt", "service/sending/planner.py",
        'message_id=f"<{notification.id}@', 'message_id=f"<{notification.id}.{now}@',
        "tests/sending/test_delivery.py",
    ),
    Bug(
        3, "claim what somebody else has claimed", "service/sending/streams.py",
        "            return set()\n        return self._one_by_one",
        "            return {events[0][0].id}\n        return self._one_by_one",
        "tests/sending/test_last_moment.py",
    ),
    Bug(
        3, "claim first what is due last", "service/sending/delivery.py",
        "[id for id in found if id not in others]",
        "[id for id in reversed(found) if id not in others]",
        "tests/sending/test_domain_pace.py tests/reliability/test_busy_day.py",
    ),
    Bug(
        3, "forget what has left to a domain this minute", "service/sending/domain_pace.py",
        "        self._left[domain] += 1\n", "", "tests/sending/test_domain_pace.py",
    ),
    Bug(
        3, "move the mark past silences not asked", "service/rules/triggers/stalled.py",
        "end, asked.more = due[-1][1], True", "asked.more = True",
        "tests/rules/triggers/test_stalled.py",
    ),
    Bug(
        3, "send what is no longer true", "service/rules/verdict.py",
        "        reason = untrue(Item(case.owed, case.subject), case.rule, case.reading)\n",
        "        reason = None\n",
        "tests/sending/test_last_moment.py",
    ),
    Bug(
        4, "go on in views that somebody deleted", "service/ledger/follower.py",
        " or self._opened[0] != wanted.generation", "", "tests/running/test_views_process.py",
    ),
    Bug(
        4, "tell of what an import says", "service/learners/writer.py",
        "        if event.transitions and not told.imported:\n", "        if event.transitions:\n",
        "tests/learners/test_imported.py",
    ),
    Bug(
        3, "tell of a channel that works again", "service/rules/triggers/channel_failing.py",
        "case FailingChannel(works=False, occurrence=occurrence):",
        "case FailingChannel(occurrence=occurrence):",
        "tests/rules/triggers/test_channel_failing.py",
    ),
    Bug(
        3, "a restart tells of what it has not tried", "service/sending/channel_health.py",
        "elif not state.untried:", "else:", "tests/rules/triggers/test_channel_failing.py",
    ),
    Bug(
        3, "leaving takes back a completion", "service/rules/triggers/event.py",
        '"enrollment.completed": lambda episode: not episode.revoked,',
        '"enrollment.completed": lambda episode: not (episode.revoked or episode.was_left),',
        "tests/rules/triggers/test_taken_back.py",
    ),
    Bug(
        3, "two deliveries of one completion are two", "service/learners/enrollment.py",
        "        if self.restates is None or transition != Completed.TOPIC:\n",
        "        if transition:\n",
        "tests/rules/triggers/test_taken_back.py",
    ),
    Bug(
        3, "make up a digest and leave its items open", "service/rules/digests.py",
        "        closed.add(item, Ended(at=now, state=DROPPED, reason=REASON, into=made.id))",
        "        assert item",
        "tests/sending/test_digests.py",
    ),
    Bug(
        3, "tell a bundle to whoever reads the first thing in it", "service/rules/plan.py",
        "readers.setdefault(address_key(address or \"\"), [])", "readers.setdefault(\"\", [])",
        "tests/sending/test_bundles.py",
    ),
    Bug(
        3, "count what may not leave again as told in its bundle", "service/rules/plan.py",
        "n.into == lead.id and all(", "not n.into and all(",
        "tests/sending/test_bundles_again.py",
    ),
    Bug(
        3, "forget what one that was handed back speaks for", "service/sending/planner.py",
        "for n in speakers.values() for id in n.speaks_for]", "for id in first.speaks_for]",
        "tests/sending/test_bundles_again.py",
    ),
    Bug(
        3, "close one hour twice for a reader who moves", "service/rules/digests.py",
        "later_than = last.local if isinstance(last, DigestClosed) else", "later_than =",
        "tests/sending/test_digests_and_readers.py",
    ),
    Bug(
        3, "a step of an escalation counts from the silence", "service/rules/escalation.py",
        "bound = self.now - entry.after_ms\n", "bound = self.now\n",
        "tests/rules/test_escalation.py",
    ),
    Bug(
        4, "remind of what an import made due", "service/rules/triggers/stalled.py",
        "        return since + self.silence_ms <= imported_at\n", "        return False\n",
        "tests/rules/triggers/test_imported_silences.py",
    ),
    Bug(
        4, "let a rebuild decide", "service/app/app.py",
        "        self._record_active(now)\n        self.del",
        "        anew = self.views.position == 0\n        self._record_active(now)\n"
        "        if anew:\n"
        "            for row in self.views.reader()['enrollments'].rows:\n"
        "                (found,) = self.writer.enrollments([row['id']])\n"
        "                last = self.writer.store.stream(row['id'])[-1]\n"
        "                appended = AppendedEvent(found.id, found.version, last, found)\n"
        "                decided = self._decide(appended, self.writer.world(now), now)\n"
        "                if decided:\n                    self.writer.commit(decided)\n"
        "        self.del",
        "tests/rules/test_rebuild_decides_nothing.py",
    ),
    Bug(
        4, "a restart forgets which rules were active", "service/rules/scheduler.py",
        "            f\"{each.rule.mode}/{each.rule.id}\": started(each, now)\n",
        "            f\"{each.rule.mode}/{each.rule.id}\": SilenceMark(0, 0)\n",
        "tests/rules/triggers/test_stalled.py",
    ),
    *IN_BACKTESTS,
    Bug(
        5, "read facts in the order in which they came", "service/learners/enrollment.py",
        "        if not self.facts.is_passed_by(entry):\n", "        if not entry:\n",
        "tests/learners/test_histories.py",
    ),
    Bug(
        5, "what is late forgets when the last episode ended", "service/learners/fact_tree.py",
        "            self.within(state.ended_at, timing.lateness),\n", "",
        "tests/learners/test_fact_tree.py",
    ),
    Bug(
        5, "the report that came last counts", "service/learners/instance.py",
        "        order, newest, history = self.order, self.newest, self.history\n",
        "        order, newest, history = None, self.newest, self.history\n",
        "tests/learners/test_instances.py",
    ),
    *PEOPLE,
    *READERS,
    *ON_POSTGRESQL,
)  # fmt: skip
