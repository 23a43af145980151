"""What each of the newsroom's own lists is for, in one sentence on the page, and the first step where it is empty."""

from django.utils.translation import gettext_lazy as _

from newsroom.registry import Screen

SCREENS = {
    "newsroom.article": Screen(
        _("Everything written, from draft to withdrawal. Publishing is a step on an article's page."),
        _("Add an article: a headline and a text are enough to begin, and nobody outside sees a draft."),
    ),
    "newsroom.author": Screen(
        _("The names that stand over articles. Who is behind a pseudonym is shown only to those who may know."),
        _("Add the first author, and articles can carry a byline."),
    ),
    "newsroom.section": Screen(
        _("The parts of the paper. A section that has articles cannot be deleted."),
        _("Add a section before the first article; each article stands in one."),
    ),
    "newsroom.tag": Screen(
        _("Words that lead to each other's articles. A tag changes nothing about who sees an article.")
    ),
    "newsroom.image": Screen(
        _("Pictures with their words and rights. A worker draws all sizes; the uploaded file itself is never shown."),
        _("Upload a picture with a description for those who do not see it."),
    ),
    "newsroom.page": Screen(
        _("Standing pages such as the imprint. An unpublished page answers as if it were not there."),
        _("Add an imprint and a page on how to reach the newsroom safely."),
    ),
    "newsroom.formeraddress": Screen(
        _("Old addresses that lead to an article. They cannot take the address of another page."),
        _("A changed slug and an import add their own; add others by hand."),
    ),
    "newsroom.outlet": Screen(
        _("The outlet's name, language and time zone, as pages and mails show them. There is exactly one."),
        _("Add it first: no mail can be signed without a name."),
    ),
    "newsroom.outgoingmail": Screen(
        _("Every mail to one person and what became of it. Newsletters are under deliveries; words are not shown."),
        _("Nothing has been sent yet. The first confirmation or receipt appears here."),
    ),
    "newsroom.suppression": Screen(
        _("Addresses that must not be written to, as keyed hashes. An address cannot be read back from here."),
        _("Nobody asked to be left alone yet, and nothing bounced."),
    ),
    "newsroom.job": Screen(
        _("What runs once a day, and when it last succeeded. A job is not started from here."),
        _("The first minute of a running beat writes these rows."),
    ),
    "newsroom.alarm": Screen(
        _("What was wrong, when, and what to do. An alarm ends with its reason; it is not closed by hand."),
        _("Nothing has gone wrong yet. What does is mailed, and stands here for three months after its end."),
    ),
    "newsroom.historyentry": Screen(
        _("Who changed or read what, when and why, in one log. Nobody can alter a line: the database refuses."),
        _("Nothing was changed yet."),
    ),
    "newsroom.personaldataaccess": Screen(
        _("Who of the staff read or exported what of readers, and why. It is a part of the history, and as fixed."),
        _("Nobody has opened a reader's data yet."),
    ),
    "newsroom.staffmember": Screen(
        _("Who works here, with which roles. Both change by the steps on a person's page, each with a reason."),
        _("Invite somebody: they choose their own password and a second factor."),
    ),
    "newsroom.staffinvitation": Screen(
        _("Invitations, and lost devices that wait for a second person. A link is never shown; only its hash is kept."),
        _("Invite somebody from the list of staff."),
    ),
}
