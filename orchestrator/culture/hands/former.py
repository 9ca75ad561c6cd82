"""By which key something goes now that was written down under a former one."""

from __future__ import annotations

from orchestrator.documents.declared import Community, Documents
from orchestrator.model.ids import CommunityKey, Json, RoomKey


def community_of(documents: Documents, key: Json) -> Community | None:
    """Find a community by the key that it had when something was written down, which may have changed since."""
    name = CommunityKey(str(key))
    formerly = (community for community in documents.communities if name in community.previously)
    return documents.community(name) or next(formerly, None)


def key_of(community: Community, key: RoomKey) -> RoomKey:
    """Tell the present key of a room."""
    if community.room(key) is not None:
        return key
    return next((room.key for room in community.rooms if key in room.previously), key)
