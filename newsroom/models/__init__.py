from newsroom.models.articles import Article, Byline, Correction, FormerAddress
from newsroom.models.authors import Author
from newsroom.models.dashboard import PreparedPanel
from newsroom.models.history import HistoryEntry, PersonalDataAccess
from newsroom.models.images import Image
from newsroom.models.imports import ImportedArticle
from newsroom.models.mail import Job, OutgoingMail, SoftBounces, Suppression
from newsroom.models.outlet import Outlet, OutletWords
from newsroom.models.pages import Page
from newsroom.models.pictures import PictureInText
from newsroom.models.restoring import OffsiteLine, Restoration
from newsroom.models.revisions import ArticleRevision
from newsroom.models.running import Alarm, Heartbeat
from newsroom.models.sections import Section, Tag
from newsroom.models.site import SiteVersion
from newsroom.models.staff import StaffInvitation, StaffMember, StaffSession
from newsroom.models.unsaved import UnsavedWords

__all__ = [
    "Alarm",
    "Article",
    "ArticleRevision",
    "Author",
    "Byline",
    "Correction",
    "FormerAddress",
    "Heartbeat",
    "HistoryEntry",
    "Image",
    "ImportedArticle",
    "Job",
    "OffsiteLine",
    "OutgoingMail",
    "Outlet",
    "OutletWords",
    "Page",
    "PersonalDataAccess",
    "PictureInText",
    "PreparedPanel",
    "Restoration",
    "Section",
    "SiteVersion",
    "SoftBounces",
    "StaffInvitation",
    "StaffMember",
    "StaffSession",
    "Suppression",
    "Tag",
    "UnsavedWords",
]
