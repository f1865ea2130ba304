"""Every table in one place, so that migrations and tests see all of them."""

from sqlmodel import SQLModel

import domain.approvals.models
import domain.attachments.models
import domain.audit.models
import domain.break_glass.models
import domain.budgets.models
import domain.capacity.models
import domain.cases.models
import domain.classifications.models
import domain.consents.models
import domain.contacts.models
import domain.courses.models
import domain.deadlines.models
import domain.duplicates.models
import domain.escalations.models
import domain.exploitation.models
import domain.figures.models
import domain.funding.models
import domain.honey.models
import domain.notifications.models
import domain.organisations.models
import domain.persons.models
import domain.places.models
import domain.proceedings.models
import domain.referrals.models
import domain.rehabilitation.models
import domain.requests.models
import domain.retention.models
import domain.screenings.models
import domain.sealing.models
import domain.services.models
import domain.statistics.models
import domain.webhooks.models  # noqa: F401  # each import registers tables with the metadata

METADATA = SQLModel.metadata
