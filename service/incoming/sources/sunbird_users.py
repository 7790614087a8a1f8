"""Tell of whom Sunbird says that their account was deleted.

The user service asks for it on the topic `{env}.delete.user`: a `BE_JOB_REQUEST` with the action
`delete-user`. The job that does it also deletes whom the user manages, and tells of the user on
the topic of AUDIT events, by the type `DeleteUserStatus`. No page documents either; this is what
the services of release 5 to 8 write.
"""

import msgspec

from service.incoming.sources.parsing import (
    Scalar,
    Unusable,
    event_time,
    identifier,
    key_of,
)
from service.incoming.sources.sunbird_events import Audit, learner_of, state_of, without_provider
from service.learners.facts import Fact, LearnerLeft

JOB = "BE_JOB_REQUEST"
DELETE_USER = "delete-user"
DELETED_STATUS = "deleteuserstatus"
"""The type of the AUDIT event, as `name_of` calls it."""
NO_IDS = "edata.userId: expected an id, and in managed_users a list of ids, got something else"


class Deletion(msgspec.Struct, gc=False, rename={"user_id": "userId"}):
    """Hold whose accounts a job deletes: a user's, and those of whom the user manages."""

    user_id: Scalar = None
    managed_users: list[Scalar] | None = None


def is_deletion(action: object) -> bool:
    """Tell whether a job deletes a user, by its action."""
    return str(action).strip().lower().replace("_", "-") == DELETE_USER


def leavers_in(event: Audit) -> list[str]:
    """Read who leaves by a job, each once; raises Unusable if nobody is named."""
    try:
        edata = event.edata
        said = {"userId": edata and edata.user_id, "managed_users": edata and edata.managed_users}
        found = msgspec.convert(said, Deletion)
    except msgspec.ValidationError:
        raise Unusable(NO_IDS) from None
    of_object, field = event.object.id if event.object else None, "edata.userId"
    user = without_provider(identifier(found.user_id, field) or of_object, field)
    led = (identifier(each, "edata.managed_users") for each in found.managed_users or ())
    managed = (without_provider(each, "edata.managed_users") for each in led if each)
    return list(dict.fromkeys((user, *managed)))


def left(event: Audit, name: str, received_at: int) -> list[Fact]:
    """Make a fact for everybody who leaves by an event of this name; raises Unusable."""
    occurred_at = event_time(event.ets, "ets", received_at)
    who = leavers_in(event) if name == DELETE_USER else [learner_of(event)]
    mid, said = "" if event.mid is None else str(event.mid).strip(), LearnerLeft()
    own = ("sunbird", "", name, state_of(event), mid, str(occurred_at))
    return [
        Fact(
            source="sunbird",
            account="",
            name=name,
            key=key_of(own, occurred_at, "", None, said),
            occurred_at=occurred_at,
            said=said,
            course="",
            kind="",
            person=person,
        )
        for person in who
    ]
