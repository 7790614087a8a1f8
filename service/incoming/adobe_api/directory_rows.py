"""Read users and learning objects of Adobe's API as rows of people, courses and instances."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from service.incoming.adobe_api.resources import (
    Document,
    Resource,
    mapping,
    one_or_many,
    resources_in,
    text_of,
    texts_of,
)
from service.incoming.sources.parsing import Unusable, instant
from service.learners.directory.course_instances import CourseInstance
from service.learners.directory.courses import CourseRow, kind_of
from service.learners.directory.languages import read_language
from service.learners.directory.leaving import left_as_adobe_says
from service.learners.directory.people_csv import ADOBE_FIELDS, is_address
from service.learners.directory.people_table import PersonRow
from service.learners.directory.tables.csv_file import column_key
from service.learners.directory.time_zones import ReadName
from service.learners.facts import course_id

SOURCE = "adobe"
USER, INSTANCE = "user", "learningObjectInstance"
ReadZone = Callable[[str], ReadName]
LOCALE = "en-us"
"""A course has one title here; en-US is Adobe's own default locale."""


def users_in(document: Document, account: str, zone: ReadZone) -> dict[str, PersonRow]:
    """Read the users of a document, and the managers that came along, by id."""
    return {each.id: row_of_user(each, account, zone) for each in _users(document)}


def has_unread_zones(document: Document, zone: ReadZone) -> bool:
    """Tell whether a user of a document has a zone that cannot be read."""
    said = (each.text("timeZoneCode") for each in _users(document))
    return any(code and zone(code).name is None for code in said)


def _users(document: Document) -> Iterator[Resource]:
    came = (*resources_in(document, "included"), *resources_in(document, "data"))
    return (each for each in came if each.kind == USER)


def row_of_user(user: Resource, account: str, zone: ReadZone) -> PersonRow:
    """Read what is said of one user; what is not said stays as it was."""
    address, state, code = user.text("email"), user.text("state"), user.text("timeZoneCode")
    return PersonRow(
        lms_id=user.id,
        source=SOURCE,
        account=account,
        name=user.text("name"),
        email=address if address and is_address(address) else None,
        manager=_manager(user),
        timezone=zone(code).name if code else None,
        locale=_locale(user),
        unique_id=user.text("userUniqueId"),
        left_as=None if state is None else left_as_adobe_says(state),
        fields=_fields(user),
    )


def _manager(user: Resource) -> str | None:
    """Read the id of the manager; empty where it is said that there is none any more."""
    said = mapping(user.relationships.get("manager"))
    has_none = "data" in said and said["data"] in (None, [])
    return next(iter(user.related("manager")), "" if has_none else None)


def _locale(user: Resource) -> str | None:
    """Read the language as templates name it: that of the pages, or else of the contents."""
    said = (user.text("uiLocale"), user.text("contentLocale"))
    return next(filter(None, (read_language(text).name for text in said if text)), None)


def _fields(user: Resource) -> dict[str, str]:
    """Read the active fields, and what an import of the report keeps beside them.

    One that is there without a value has none any more.
    """
    kept = {k: v for k, v in user.attributes.items() if column_key(k) in ADOBE_FIELDS}
    said = kept | mapping(user.attributes.get("fields"))
    return {name: ", ".join(texts_of(value)) for name, value in said.items()}


class CourseAnswer(NamedTuple):
    """Hold a learning object and its instances as the API says."""

    course: CourseRow
    instances: list[CourseInstance]


def learning_objects_in(document: Document, account: str) -> dict[str, CourseAnswer]:
    """Read the learning objects of a document, by their id in its one spelling."""
    came = [each for each in resources_in(document, "included") if each.kind == INSTANCE]
    instances = {each.id: each for each in came}
    found = {}
    for each in resources_in(document, "data"):
        own = [instances[id] for id in each.related("instances") if id in instances]
        id = course_id(each.id)
        found[id] = CourseAnswer(
            _course(each, id, account), [_instance(one, id, account) for one in own]
        )
    return found


def _course(said: Resource, id: str, account: str) -> CourseRow:
    return CourseRow(
        id=id,
        source=SOURCE,
        account=account,
        title=_name(said),
        kind=kind_of(id),
        tags=tuple(texts_of(said.attributes.get("tags"))) if "tags" in said.attributes else None,
    )


def _instance(said: Resource, course: str, account: str) -> CourseInstance:
    return CourseInstance(
        id=course_id(said.id),
        source=SOURCE,
        account=account,
        course=course,
        name=_name(said),
        state=said.text("state"),
        completion_deadline=_moment(said, "completionDeadline"),
        enrollment_deadline=_moment(said, "enrollmentDeadline"),
        unenrollment_deadline=_moment(said, "unenrollmentDeadline"),
    )


def _name(said: Resource) -> str | None:
    """Read the name in the default locale, or else the first there is."""
    listed = map(mapping, one_or_many(said.attributes.get("localizedMetadata")))
    names = [(text_of(each.get("locale")) or "", text_of(each.get("name"))) for each in listed]
    named = [(locale.replace("_", "-").lower(), name) for locale, name in names if name]
    return dict(reversed(named)).get(LOCALE) or (named[0][1] if named else None)


def _moment(said: Resource, name: str) -> int | None:
    """Read a date in ms since 1970 UTC; None for what is none."""
    try:
        return instant(said.attributes.get(name), name)
    except Unusable:
        return None
