"""What each list of this package is for, in one sentence on the page, and the first step where it is empty."""

from django.utils.translation import gettext_lazy as _

from newsroom.registry import Screen

SCREENS = {
    "subscriptions.subscriber": Screen(
        _("People who signed up. Nothing is changed by hand: readers do it on their own page, or ask the newsroom."),
        _("Put the sign-up form on a page, or import a list that you may prove."),
    ),
    "subscriptions.subscription": Screen(
        _("Who gets which newsletter. Staff can end a subscription when a reader asks, and can never begin one."),
        _("The first confirmed sign-up appears here."),
    ),
    "subscriptions.consent": Screen(
        _("The ledger of consent, with the words shown. A line is never changed; an address is not in it."),
        _("The first confirmed sign-up writes the first line."),
    ),
    "subscriptions.consentrenewal": Screen(
        _("Questions to readers whether they still agree. Who does not answer is not written to any more."),
        _("Begin one when a new version of the policy needs a new consent."),
    ),
    "subscriptions.delivery": Screen(
        _("What was sent of each issue, one line a person. Sending again is decided on the issue's page."),
        _("The first issue that goes out writes these lines."),
    ),
    "subscriptions.embeddinghost": Screen(
        _("Sites that may show the sign-up form in a frame of theirs. No other site can frame any page of this one."),
        _("Add the host of a partner's site."),
    ),
    "subscriptions.erasure": Screen(
        _("That somebody was erased, and when. It names nobody, and cannot be undone."),
        _("Nobody asked to be erased yet."),
    ),
    "subscriptions.issue": Screen(
        _("The issues of every newsletter. The schedule makes them; opening one is where it is edited and approved."),
        _("Add a newsletter, and its next issue appears here."),
    ),
    "subscriptions.mailevent": Screen(
        _("What mail servers reported of bounces and complaints. It is weighed at once; nothing is to be done here."),
        _("No report has arrived. See the documents on deliverability for how they come."),
    ),
    "subscriptions.mirror": Screen(
        _("Other addresses of the site that mails can name where it is blocked. A mirror is not checked from here."),
        _("Add an address that readers can still reach."),
    ),
    "subscriptions.newsletter": Screen(
        _("When each newsletter goes out, and what happens when nobody approves. Changes count for later issues."),
        _("Add a newsletter with its day and hour; its first issue is made by itself."),
    ),
    "subscriptions.privacypolicy": Screen(
        _("Versions of the policy that consent refers to. A version in force is never edited; write a new one."),
        _("Write and publish one first: without it nobody can sign up."),
    ),
    "subscriptions.retentionperiod": Screen(
        _("How long each kind of data is kept; a job ends it every night. What a promise fixes cannot be changed."),
        _("Each migration writes the missing periods."),
    ),
    "subscriptions.segment": Screen(
        _("Groups of readers that an issue can be sent to. A segment never reaches somebody who did not subscribe."),
        _("Add one when an issue is not for everybody."),
    ),
    "subscriptions.sendinglimit": Screen(
        _("How fast mail leaves, in all and to one domain. A limit slows down and loses nobody."),
        _("Without a line the product warms up and slows down by itself."),
    ),
    "subscriptions.signuprequest": Screen(
        _("Sign-ups that a worker has not taken up yet. A line older than a quarter of an hour means that none runs."),
        _("All sign-ups have been taken up."),
    ),
    "subscriptions.subscriberimport": Screen(
        _("Lists from elsewhere, with a verdict for each line. Who left or was erased is never brought back."),
        _("Upload a list with its source and what proves the consent."),
    ),
    "subscriptions.unsubscribereason": Screen(
        _("What people said on leaving, as counts. Nobody's answer leads back to them."),
        _("Nobody gave a reason yet."),
    ),
}
