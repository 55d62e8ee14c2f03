"""Pages of governance. Ids are decimal uint256, people are addresses."""

from django.urls import path

import governance.converters  # noqa: F401 - uint256 and address
from governance.views import actions, delegation, feeds, members, proposals, signin

app_name = "governance"
urlpatterns = [
    path("proposals/", proposals.index, name="proposals"),
    path("proposals/list/", proposals.index_part, name="proposals_part"),
    path("proposals/feed.atom", feeds.ProposalFeed(), name="feed"),
    path("proposals/calendar.ics", feeds.calendar, name="calendar"),
    path("proposals/new/", actions.compose, name="compose"),
    path("proposals/<uint256:proposal_id>/", proposals.page, name="proposal"),
    path("proposals/<uint256:proposal_id>/standing/", proposals.standing_part, name="standing_part"),
    path("proposals/<uint256:proposal_id>/change/", proposals.change_part, name="change_part"),
    path("proposals/<uint256:proposal_id>/record/", proposals.record_part, name="record_part"),
    path("proposals/<uint256:proposal_id>/known/", proposals.known, name="known"),
    path("proposals/<uint256:proposal_id>/vote/", actions.vote, name="vote"),
    path("proposals/<uint256:proposal_id>/queue/", actions.queue, name="queue"),
    path("proposals/<uint256:proposal_id>/execute/", actions.execute, name="execute"),
    path("members/", members.index, name="members"),
    path("members/list/", members.index_part, name="members_part"),
    path("members/<address:address>/", members.page, name="member"),
    path("delegate/", delegation.page, name="delegate"),
    path("delegate/part/", delegation.part, name="delegate_part"),
    path("transactions/explain/", actions.explain, name="explain"),
    path("signin/", signin.picker, name="signin"),
    path("signin/message/", signin.message, name="signin_message"),
    path("signin/verify/", signin.verify, name="signin_verify"),
    path("signin/out/", signin.leave, name="signout"),
    path("demo-wallet/rpc/", signin.demo_rpc, name="demo_rpc"),
]
