"""Closed code lists. One class per list; values are stored and sent exactly as spelled here.

Spellings follow the Human Trafficking Case Data Standard (HTCDS 2.0, IOM, CC BY 4.0) where it has the code. Codes that
it lacks are our open extensions and are listed in `EXTENSIONS`. Labels in English, Russian and Kyrgyz stand in
`sops/codes.yaml`; a test proves that no code is without them.
"""

from enum import StrEnum


class Known(StrEnum):
    """A yes or no, or one of the four kinds of not knowing."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    NOT_ASKED = "not_asked"
    DECLINED_TO_ANSWER = "declined_to_answer"
    NOT_APPLICABLE = "not_applicable"


NOT_KNOWN = frozenset({"unknown", "not_asked", "declined_to_answer", "not_applicable"})
"""The four kinds of not knowing: allowed beside the codes of every attribute of a person."""


class Language(StrEnum):
    """Languages of user-visible text (ISO 639-1)."""

    ENGLISH = "en"
    RUSSIAN = "ru"
    KYRGYZ = "ky"


class Role(StrEnum):
    """What a member of staff does in an organisation."""

    HOTLINE_OPERATOR = "hotline_operator"
    NGO_CASEWORKER = "ngo_caseworker"
    POLICE_OFFICER = "police_officer"
    MIGRATION_OFFICER = "migration_officer"
    SHELTER_STAFF = "shelter_staff"
    FOCAL_POINT = "focal_point"
    MONITORING_STAFF = "monitoring_staff"
    COORDINATOR = "coordinator"


class OrganisationType(StrEnum):
    """HTCDS `org_Type`, extended."""

    NGO = "NGO"
    LAW_ENFORCEMENT = "LawEnforcement"
    HEALTH_SERVICE = "HealthServiceOrganisation"
    CENTRAL_GOVERNMENT = "CentralGovernmentOrganisation"
    LOCAL_GOVERNMENT = "LocalGovernmentOrganisation"
    IMMIGRATION_SERVICE = "ImmigrationService"
    LEGAL_SERVICE = "LegalService"
    CORPORATE_BUSINESS = "CorporateBusiness"
    SCHOOL_OR_COLLEGE = "SchoolOrCollege"
    SHELTER = "Shelter"
    HOTLINE = "Hotline"
    PROSECUTION = "Prosecution"
    COURT = "Court"
    LABOUR_INSPECTORATE = "LabourInspectorate"
    CONSULAR_POST = "ConsularPost"
    INTERNATIONAL_ORGANISATION = "InternationalOrganisation"


class NrmRole(StrEnum):
    """What an organisation does in the mechanism."""

    FIRST_RESPONDER = "first_responder"
    COMPETENT_AUTHORITY = "competent_authority"
    COORDINATOR = "coordinator"
    SERVICE_PROVIDER = "service_provider"
    SHELTER = "shelter"
    HOTLINE = "hotline"
    OVERSIGHT = "oversight"


class OrganisationStatus(StrEnum):
    """Where an organisation is in its life in the directory."""

    APPLIED = "applied"
    PROBATION = "probation"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class Channel(StrEnum):
    """How a contact reached the hotline or front desk."""

    CALL = "call"
    VOICEMAIL = "voicemail"
    TEXT = "text"
    EMAIL = "email"
    WEB_CHAT = "web_chat"
    VISIT = "visit"


class ContactTopic(StrEnum):
    """What a contact was about."""

    POSSIBLE_TRAFFICKING = "possible_trafficking"
    EMPLOYMENT_ABROAD = "employment_abroad"
    RULES_OF_STAY = "rules_of_stay"
    RE_ENTRY_BAN = "re_entry_ban"
    REGISTRATION = "registration"
    HEALTH = "health"
    LEGAL_ADVICE = "legal_advice"
    OTHER = "other"


class ContactOutcome(StrEnum):
    """How a contact ended."""

    INFORMATION_GIVEN = "information_given"
    CASE_OPENED = "case_opened"
    CALLBACK_DUE = "callback_due"
    CALLED_BACK = "called_back"
    NOT_REACHED = "not_reached"
    SIGNPOSTED = "signposted"


class HeardOfUs(StrEnum):
    """How the person who made contact heard of the service."""

    RADIO_OR_TELEVISION = "radio_or_television"
    POSTER_OR_CARD = "poster_or_card"
    INTERNET = "internet"
    FRIEND_OR_FAMILY = "friend_or_family"
    POLICE = "police"
    NGO = "ngo"
    CONSULATE = "consulate"
    OTHER = "other"
    UNKNOWN = "unknown"
    NOT_ASKED = "not_asked"
    DECLINED_TO_ANSWER = "declined_to_answer"


class EntryChannel(StrEnum):
    """The ways into the mechanism (public sources on the Kyrgyz mechanism, and GBVIMS "who referred the client")."""

    HOTLINE = "hotline"
    NGO = "ngo"
    POLICE = "police"
    MIGRATION_SERVICE = "migration_service"
    BORDER_SERVICE = "border_service"
    LABOUR_INSPECTORATE = "labour_inspectorate"
    PROSECUTION = "prosecution"
    MOBILE_TASK_FORCE = "mobile_task_force"
    SELF_REPORT = "self_report"
    FAMILY = "family"
    COMMUNITY = "community"
    CONSULATE = "consulate"
    FOREIGN_PARTNER = "foreign_partner"
    HEALTH_SERVICE = "health_service"
    SCHOOL = "school"
    LOCAL_GOVERNMENT = "local_government"
    EMPLOYMENT_AGENCY = "employment_agency"
    OTHER = "other"


class Compartment(StrEnum):
    """What a sealed field tells about a person."""

    IDENTITY = "identity"
    CONTACT = "contact"
    LOCATION = "location"
    NARRATIVE = "narrative"
    HEALTH = "health"
    LEGAL = "legal"


class Purpose(StrEnum):
    """What a person may agree to."""

    SUPPORT = "support"
    IDENTIFICATION = "identification"
    CRIMINAL_PROCEEDINGS = "criminal_proceedings"
    REPORTING = "reporting"


class ConsentGiver(StrEnum):
    """Who gave the consent, or why none was needed."""

    SELF = "self"
    GUARDIAN = "guardian"
    BEST_INTEREST_DECISION = "best_interest_decision"
    NOT_REQUIRED_CHILD = "not_required_child"
    VITAL_INTERESTS = "vital_interests"


class ConsentDecision(StrEnum):
    """What one version of a consent says."""

    GIVEN = "given"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class ConsentObtained(StrEnum):
    """How a consent was obtained."""

    WRITTEN = "written"
    ORAL_WITNESSED = "oral_witnessed"
    ORAL = "oral"
    BY_INTERPRETER = "by_interpreter"


class InformedOf(StrEnum):
    """The seven things HTCDS asks a person to have been told before consent counts as informed."""

    INTERVIEW = "interview"
    PURPOSE = "purpose"
    USE = "use"
    RESEARCH_USE = "research_use"
    RIGHT_TO_REQUEST_DATA = "right_to_request_data"
    STORAGE_DURATION = "storage_duration"
    HOW_TO_WITHDRAW = "how_to_withdraw"


class LegalBasis(StrEnum):
    """Why a compartment may be shared: consent, or a named basis instead of it."""

    CONSENT = "consent"
    CHILD_BEST_INTEREST = "child_best_interest"
    VITAL_INTERESTS = "vital_interests"


class Standing(StrEnum):
    """Grounds beside the legal bases: what one opens because of where one stands, and nobody disclosed it."""

    LEAD = "lead"
    OWN_WORDS = "own_words"
    WITHOUT_NAME = "without_name"
    REVIEW = "review"


class DisclosureKind(StrEnum):
    """What happened to something about a person that left whoever kept it, or was looked at."""

    OPENED = "opened"
    LOOKED_AT = "looked_at"
    SENT = "sent"
    ACCEPTED = "accepted"
    HANDED_OVER = "handed_over"
    ASKED_WITHOUT_NAME = "asked_without_name"
    ENDED = "ended"


class Sex(StrEnum):
    """Sex as registered; apart from gender."""

    FEMALE = "female"
    MALE = "male"
    OTHER = "other"


class Gender(StrEnum):
    """HTCDS `prs_Gender`."""

    FEMININE = "Feminine"
    MASCULINE = "Masculine"
    TRANSGENDER_FEMININE = "TransgenderFeminine"
    TRANSGENDER_MASCULINE = "TransgenderMasculine"
    NON_CONFORMING = "NonConforming"
    NON_SPECIFIED_UNKNOWN = "NonSpecifiedUnknown"


class AgeBand(StrEnum):
    """CTDC age bands; the cut at 18 is kept in every set of bands.

    `0--17` and `18+` are ours: a child or an adult of whom no more is known.
    """

    AGE_0_8 = "0--8"
    AGE_9_17 = "9--17"
    AGE_18_20 = "18--20"
    AGE_21_23 = "21--23"
    AGE_24_26 = "24--26"
    AGE_27_29 = "27--29"
    AGE_30_38 = "30--38"
    AGE_39_47 = "39--47"
    AGE_48_PLUS = "48+"
    AGE_0_17 = "0--17"
    AGE_18_PLUS = "18+"


CHILD_BANDS = frozenset({AgeBand.AGE_0_8, AgeBand.AGE_9_17, AgeBand.AGE_0_17})


class MigrationStatus(StrEnum):
    """Residence situation in the country of the case."""

    NATIONAL = "national"
    REGULAR = "regular"
    IRREGULAR = "irregular"
    STATELESS = "stateless"


class VictimType(StrEnum):
    """Helped as a victim of trafficking or as a vulnerable migrant; never counted as one."""

    TRAFFICKING = "trafficking"
    VULNERABLE_MIGRANT = "vulnerable_migrant"


class Danger(StrEnum):
    """The danger a person is in."""

    IMMINENT = "imminent"
    HIGH = "high"
    LOW = "low"
    UNKNOWN = "unknown"


class ScreeningResult(StrEnum):
    """What the assessor decided after a screening; the rule's finding is recorded beside it."""

    INDICATED = "indicated"
    NOT_INDICATED = "not_indicated"


class IndicatorSource(StrEnum):
    """How an indicator came to be known."""

    OBSERVED = "observed"
    TOLD = "told"
    DOCUMENT = "document"


class DecisionBody(StrEnum):
    """Whose identification it is: neither overwrites the other."""

    NGO = "ngo"
    STATE = "state"


class DecisionOutcome(StrEnum):
    """HTCDS trafficking status, with suspension and review."""

    POSSIBLE_VICTIM = "PossibleVictimOfTrafficking"
    ACTUAL_VICTIM = "ActualVictimOfTrafficking"
    NOT_A_VICTIM = "NotAVictimOfTrafficking"
    SUSPENDED = "Suspended"
    IN_REVIEW = "InReview"


class Identification(StrEnum):
    """The identification axis of a case."""

    REPORTED = "reported"
    SCREENED = "screened"
    PRESUMED = "presumed"
    IDENTIFIED = "identified"
    NOT_A_VICTIM = "not_a_victim"
    ANONYMOUS_NOTIFICATION = "anonymous_notification"


class CaseWork(StrEnum):
    """The case-work axis of a case."""

    OPEN = "open"
    ACTIVE = "active"
    FOLLOW_UP = "follow_up"
    CLOSED = "closed"


class CourseSubject(StrEnum):
    """What goes on beside a case under a procedure of its own."""

    PROCEEDINGS = "proceedings"
    REHABILITATION = "rehabilitation"
    STAY = "stay"


class PlanStatus(StrEnum):
    """Where an individual plan stands."""

    NONE = "none"
    DRAFTED = "drafted"
    AGREED = "agreed"
    COMPLETED = "completed"
    ENDED = "ended"


class CommissionOutcome(StrEnum):
    """What the special commission says to a plan."""

    ASKED = "asked"
    APPROVED = "approved"
    CHANGES_ASKED = "changes_asked"
    DECLINED = "declined"


class WorkNow(StrEnum):
    """Whether somebody works or is in training, at a follow-up."""

    WORKING = "working"
    IN_TRAINING = "in_training"
    NEITHER = "neither"


class IncomeNow(StrEnum):
    """What somebody lives on, at a follow-up."""

    OWN = "own"
    ALLOWANCE = "allowance"
    OTHERS = "others"
    NO_INCOME = "no_income"


class LivingStandardNow(StrEnum):
    """How somebody's standard of living changed since the support began."""

    BETTER = "better"
    SAME = "same"
    WORSE = "worse"


class CompensationStage(StrEnum):
    """What became of a claim for compensation."""

    CLAIMED = "claimed"
    AWARDED = "awarded"
    REFUSED = "refused"
    PAID = "paid"


class Support(StrEnum):
    """The support axis: derived from referrals and service episodes, from nothing else."""

    NONE = "none"
    REQUESTED = "requested"
    RECEIVING = "receiving"
    COMPLETED = "completed"
    STOPPED = "stopped"


class ClosureReason(StrEnum):
    """Why a case was closed."""

    SUPPORT_COMPLETED = "support_completed"
    NOT_A_VICTIM = "not_a_victim"
    DECLINED_BY_PERSON = "declined_by_person"
    LOST_CONTACT = "lost_contact"
    MOVED = "moved"
    DIED = "died"
    ANONYMOUS_NOTIFICATION = "anonymous_notification"
    ENTERED_IN_ERROR = "entered_in_error"


class Service(StrEnum):
    """What may be asked for in a referral (public sources on the Kyrgyz mechanism; OSCE pillars)."""

    CASE_MANAGEMENT = "case_management"
    SHELTER = "shelter"
    MEDICAL = "medical"
    PSYCHOSOCIAL = "psychosocial"
    LEGAL = "legal"
    SOCIAL_SUPPORT = "social_support"
    DOCUMENTS = "documents"
    INTERPRETATION = "interpretation"
    RETURN = "return"
    REINTEGRATION = "reintegration"
    EDUCATION = "education"
    EMPLOYMENT = "employment"
    GUARDIANSHIP = "guardianship"
    STATE_IDENTIFICATION = "state_identification"
    CRIMINAL_PROCEEDINGS = "criminal_proceedings"
    WITNESS_PROTECTION = "witness_protection"
    COMPENSATION = "compensation"


SUPPORT_SERVICES = frozenset(
    set(Service)
    - {
        Service.CASE_MANAGEMENT,
        Service.STATE_IDENTIFICATION,
        Service.CRIMINAL_PROCEEDINGS,
        Service.WITNESS_PROTECTION,
    }
)
"""The services that count for the support axis: case management and the state's own procedures do not."""


class Priority(StrEnum):
    """How fast a receiving organisation must answer (inter-agency convention: 24 h, 72 h, 14 days)."""

    EMERGENCY = "emergency"
    URGENT = "urgent"
    NORMAL = "normal"


class ReferralStatus(StrEnum):
    """Where a referral is in its life cycle."""

    DRAFT = "draft"
    SENT = "sent"
    RECEIVED = "received"
    INFO_REQUESTED = "info_requested"
    WAITLISTED = "waitlisted"
    ACCEPTED = "accepted"
    IN_SERVICE = "in_service"
    COMPLETED = "completed"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN_BY_PERSON = "withdrawn_by_person"
    REVOKED_BY_SENDER = "revoked_by_sender"
    FAILED = "failed"
    ENTERED_IN_ERROR = "entered_in_error"


class DeclinedBy(StrEnum):
    """Who said no."""

    PROVIDER = "provider"
    PERSON = "person"


class RefusalReason(StrEnum):
    """Why a referral was declined or failed."""

    NO_CAPACITY = "no_capacity"
    NOT_ELIGIBLE = "not_eligible"
    SERVICE_NOT_OFFERED = "service_not_offered"
    LANGUAGE_NOT_SERVED = "language_not_served"
    UNSAFE = "unsafe"
    DECLINED_BY_PERSON = "declined_by_person"
    COULD_NOT_BE_REACHED = "could_not_be_reached"
    ORGANISATION_CLOSED = "organisation_closed"
    OTHER = "other"


class Outcome(StrEnum):
    """What came of a referral or a service episode."""

    FULL = "full"
    PARTIAL = "partial"
    DID_NOT_ENGAGE = "did_not_engage"
    DECLINED_BY_PERSON = "declined_by_person"
    NOT_ELIGIBLE = "not_eligible"
    NO_CAPACITY = "no_capacity"
    MOVED = "moved"
    RE_REFERRED = "re_referred"
    DIED = "died"
    UNKNOWN = "unknown"


class ExploitationType(StrEnum):
    """HTCDS `vic_TypeOfExploitation`, extended."""

    FORCED_LABOUR = "ForcedLabour"
    SEXUAL_EXPLOITATION = "SexualExploitation"
    CHILD_LABOUR = "ChildLabour"
    FORCED_MARRIAGE = "ForcedMarriage"
    SERVITUDE = "Servitude"
    FORCED_MILITARY = "ForcedMilitaryByNonStateActors"
    ORGAN_REMOVAL = "OrganRemoval"
    FORCED_BEGGING = "ForcedBegging"
    FORCED_ADOPTION = "ForcedAdoption"
    SURROGACY = "Surrogacy"
    FORCED_CRIMINALITY = "ForcedCriminality"
    INFANT_TRAFFICKING = "InfantTrafficking"
    OTHER = "Other"


class Industry(StrEnum):
    """HTCDS `vic_ForcedLabourIndustry`: sections of ISIC rev. 4, extended by the three divisions of section A."""

    AGRICULTURE_FORESTRY_FISHING = "A_AgricultureForestryAndFishing"
    CROPS_AND_ANIMALS = "A01_CropAndAnimalProduction"
    FORESTRY = "A02_ForestryAndLogging"
    FISHING = "A03_FishingAndAquaculture"
    MINING = "B_MiningAndQuarrying"
    MANUFACTURING = "C_Manufacturing"
    ENERGY = "D_ElectricityGasSteamAndAirConditioningSupply"
    WATER_AND_WASTE = "E_WaterSupplySewerageWasteManagement"
    CONSTRUCTION = "F_Construction"
    TRADE = "G_WholesaleAndRetailTradeRepairOfMotorVehicles"
    TRANSPORT = "H_TransportationAndStorage"
    HOSPITALITY = "I_AccommodationAndFoodServiceActivities"
    INFORMATION = "J_InformationAndCommunication"
    FINANCE = "K_FinancialAndInsuranceActivities"
    REAL_ESTATE = "L_RealEstateActivities"
    PROFESSIONS = "M_ProfessionalScientificAndTechnicalActivities"
    ADMINISTRATIVE_SUPPORT = "N_AdministrativeAndSupportServiceActivities"
    PUBLIC_ADMINISTRATION = "O_PublicAdministrationAndDefence"
    EDUCATION = "P_Education"
    HEALTH_AND_SOCIAL_WORK = "Q_HumanHealthAndSocialWorkActivities"
    ARTS = "R_ArtsEntertainmentAndRecreation"
    OTHER_SERVICES = "S_OtherServiceActivities"
    HOUSEHOLDS = "T_ActivitiesOfHouseholdsAsEmployers"
    EXTRATERRITORIAL = "U_ActivitiesOfExtraterritorialOrganizations"


class SexualExploitationType(StrEnum):
    """HTCDS `vic_TypeOfSexExploitation`."""

    PROSTITUTION = "Prostitution"
    PORNOGRAPHY = "Pornography"
    REMOTE_SERVICES = "RemoteInteractiveServices"
    PRIVATE_SERVICES = "PrivateSexualServices"


class MeansOfControl(StrEnum):
    """HTCDS `vic_MethodsOfControl`, extended by a code of its field definitions that its list lacks."""

    PHYSICAL_THREATS = "PhysicalThreats"
    THREATS_OF_LAW_ENFORCEMENT = "ThreatsLawEnforcement"
    THREATS_TO_FAMILY = "ThreatensChildrenFamily"
    DEBT_BONDAGE = "DebtBondage"
    FALSE_PROMISES = "FalsePromises"
    PHYSICAL_ABUSE = "PhysicalAbuse"
    SEXUAL_ABUSE = "SexualAbuse"
    TAKES_EARNINGS = "TakesEarnings"
    RESTRICTS_MONEY = "RestrictsFinancialAccess"
    RESTRICTS_MEDICAL_CARE = "RestrictsMedicalCare"
    WITHHOLDS_NECESSITIES = "WithholdsNecessities"
    PSYCHOLOGICAL_ABUSE = "PsychologicalAbuse"
    PSYCHOACTIVE_SUBSTANCE = "PsychoactiveSubstance"
    EXCESSIVE_HOURS = "ExcessiveWorkingHours"
    WITHHOLDS_DOCUMENTS = "WithholdsDocuments"
    RESTRICTS_MOVEMENT = "RestrictsMovement"
    OTHER = "Other"


class RecruitmentMethod(StrEnum):
    """HTCDS `vic_MethodOfRecruitment`."""

    PLACE_OF_BUSINESS = "AtAPlaceOfBusiness"
    EDUCATIONAL_INSTITUTION = "AtAnEducationalInstitution"
    AT_WORK = "AtWork"
    SOCIAL_NETWORKS = "ThroughOnlineSocialNetworks"
    ONLINE_ADVERTISEMENT = "ThroughAnOnlineAdvertisement"
    TELEVISION_ADVERTISEMENT = "ThroughATelevisionAdvert"
    NEWSPAPER_ADVERTISEMENT = "ThroughANewspaperAdvert"
    FAMILY = "ThroughFamilyOrFamilyEvents"
    FRIENDS = "ThroughFriendsOrSocialEvents"
    OTHER = "Other"


class OnlinePlatform(StrEnum):
    """HTCDS `vic_RecruitmentWebsitesAndApps` and `vic_ExploitationWebsitesAndApps`."""

    FACEBOOK = "Facebook"
    INSTAGRAM = "Instagram"
    WHATSAPP = "WhatsApp"
    TELEGRAM = "Telegram"
    FACEBOOK_MESSENGER = "FacebookMessenger"
    VIBER = "Viber"
    SNAPCHAT = "SnapChat"
    LINE = "Line"
    FOR_SALE = "4Sale"
    WECHAT = "WeChat"
    QQ = "QQ"
    QZONE = "QZone"
    TIKTOK = "TikTok"
    TWITTER = "Twitter"
    OTHER = "Other"


class RecruiterRelation(StrEnum):
    """HTCDS `vic_RelationshipToTrafficker` in its own spelling, extended by what CTDC tells apart."""

    FAMILIAL = "Familial"
    ACQUAINTED = "Acquainted"
    UNACQUAINTED = "Unaquainted"
    INTIMATE_PARTNER = "IntimatePartner"
    FRIEND = "Friend"


class Movement(StrEnum):
    """Whether the person was taken over a border."""

    INTERNAL = "internal"
    CROSS_BORDER = "cross_border"


class ExploitationDuration(StrEnum):
    """How long an episode lasted: the CTDC bands, in months."""

    UP_TO_12 = "0--12"
    UP_TO_24 = "13--24"
    FROM_25 = "25+"


class AttachmentFormat(StrEnum):
    """What an attachment is, found out from its content."""

    JPEG = "jpeg"
    PNG = "png"
    PDF = "pdf"


class ClassificationKind(StrEnum):
    """Whose view of what happened it is, or as what the person is helped: kept apart, never mixed."""

    SELF_DESCRIBED = "self_described"
    AGENCY_ALLEGED = "agency_alleged"
    LEGAL_OFFENCE = "legal_offence"
    HELPED_AS = "helped_as"


class SelfDescription(StrEnum):
    """What the person calls what happened to them."""

    EXPLOITED = "exploited"
    CHEATED_WORKER = "cheated_worker"
    HELD = "held_against_will"
    IN_DEBT = "in_debt"
    MIGRANT = "migrant"
    FAMILY_MATTER = "family_matter"
    NO_HARM = "no_harm"
    OTHER = "other"


class Offence(StrEnum):
    """What an agency alleges or the law calls it; open to extension, since cases get filed under other names."""

    TRAFFICKING = "trafficking_in_persons"
    FORCED_LABOUR = "forced_labour"
    CHILD_TRAFFICKING = "child_trafficking"
    ILLEGAL_MIGRATION = "illegal_migration"
    FRAUD = "fraud"
    KIDNAPPING = "kidnapping"
    UNLAWFUL_DETENTION = "unlawful_detention"
    PROSTITUTION_OF_OTHERS = "prostitution_of_others"
    ORGAN_TRADE = "organ_trade"
    FORCED_MARRIAGE = "forced_marriage"
    LABOUR_LAW_BREACH = "labour_law_breach"
    ADMINISTRATIVE_OFFENCE = "administrative_offence"
    NONE = "none"
    OTHER = "other"


class ClassifyingBody(StrEnum):
    """Who said so."""

    PERSON = "person"
    POLICE = "police"
    PROSECUTION = "prosecution"
    COURT = "court"
    MIGRATION_SERVICE = "migration_service"
    BORDER_SERVICE = "border_service"
    LABOUR_INSPECTORATE = "labour_inspectorate"
    NGO = "ngo"
    OTHER = "other"


class Currency(StrEnum):
    """ISO 4217: the currencies in which services are paid; each has two decimal places."""

    SOM = "KGS"
    TENGE = "KZT"
    UZBEK_SUM = "UZS"
    SOMONI = "TJS"
    MANAT = "TMT"
    ROUBLE = "RUB"
    DOLLAR = "USD"
    EURO = "EUR"


class FundingSource(StrEnum):
    """Who paid for a service: the state first, the Emergency Fund where the state gives nothing."""

    STATE = "state"
    EMERGENCY_FUND = "emergency_fund"
    OWN_MEANS = "own_means"
    DONOR = "donor"
    OTHER = "other"


class AwardGround(StrEnum):
    """Why the Emergency Fund is asked, and not the state."""

    NO_SUCH_SERVICE = "state_gives_no_such_service"
    DECLINED = "state_declined"
    NO_ANSWER = "state_did_not_answer"
    TOO_LATE = "state_too_late"
    TOO_LITTLE = "state_gives_too_little"


class AwardStatus(StrEnum):
    """Where an Emergency Fund award is in its life."""

    ASKED = "asked"
    GRANTED = "granted"
    DECLINED = "declined"
    PAID = "paid"


class AwardRefusal(StrEnum):
    """Why an award was declined."""

    NOT_ELIGIBLE = "not_eligible"
    STATE_PROVIDES = "state_provides"
    FUND_EXHAUSTED = "fund_exhausted"
    INCOMPLETE = "incomplete"
    OTHER = "other"


class CapacityAnswer(StrEnum):
    """What a provider says when it is asked whether it could take somebody."""

    CAPACITY = "capacity"
    WAITLIST = "waitlist"
    NO_CAPACITY = "no_capacity"
    ASSESSMENT_NEEDED = "assessment_needed"


class QuestionStatus(StrEnum):
    """Where a capacity question stands; derived from its instants."""

    ASKED = "asked"
    ANSWERED = "answered"
    EXPIRED = "expired"
    CLOSED = "closed"


class PlaceSex(StrEnum):
    """For whom a shelter place is meant, by sex."""

    WOMEN = "women"
    MEN = "men"
    ANY = "any"


class PlaceFamily(StrEnum):
    """For whom a shelter place is meant, by who comes along."""

    SINGLE = "single"
    WITH_CHILDREN = "with_children"
    UNACCOMPANIED_CHILD = "unaccompanied_child"


class PlaceState(StrEnum):
    """What a shelter place is at this moment; derived, never stored."""

    FREE = "free"
    RESERVED = "reserved"
    OCCUPIED = "occupied"
    OUT_OF_ORDER = "out_of_order"
    NOT_OFFERED = "not_offered"


class FreePlaces(StrEnum):
    """Whether a shelter has a free place: all that the directory tells."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class PlacementStatus(StrEnum):
    """Where a placement stands; derived from its instants."""

    RESERVED = "reserved"
    OCCUPIED = "occupied"
    LEFT = "left"
    RELEASED = "released"


class EscalationUnit(StrEnum):
    """What is without a responsible organisation."""

    CASE = "case"
    REFERRAL = "referral"
    CONTACT = "contact"


class DuplicateAnswer(StrEnum):
    """What who leads a case says of another one that is like it."""

    SAME_PERSON = "same_person"
    ANOTHER_PERSON = "another_person"
    UNKNOWN = "unknown"


class EscalationReason(StrEnum):
    """Why something has no responsible organisation, or not one that may open what is sealed."""

    ORGANISATION_CLOSED = "organisation_closed"
    ORGANISATION_SUSPENDED = "organisation_suspended"
    NO_CONSENT = "no_consent"
    CONFLICT_WALL = "conflict_wall"
    SERVICE_NOT_OFFERED = "service_not_offered"


class Population(StrEnum):
    """Of whom a figure speaks. Vulnerable migrants are counted apart and never as victims."""

    ALL = "all"
    VICTIMS_OF_TRAFFICKING = "victims_of_trafficking"
    VULNERABLE_MIGRANTS = "vulnerable_migrants"


class CountUnit(StrEnum):
    """What a figure counts. No figure is without its unit."""

    CONTACTS = "contacts"
    CALLS = "calls"
    CASES = "cases"
    PERSONS = "persons"
    REFERRALS = "referrals"
    SERVICE_EPISODES = "service_episodes"
    AWARDS = "awards"
    CALLBACKS = "callbacks"
    STEPS = "steps"
    CAPACITY_QUESTIONS = "capacity_questions"
    ORGANISATIONS = "organisations"
    CONSENTS = "consents"
    DECISIONS = "decisions"
    CLAIMS = "claims"
    FOLLOW_UPS = "follow_ups"
    ENTRIES = "entries"
    ITEMS = "items"
    CAMPAIGNS = "campaigns"
    DOCUMENTS = "documents"


class DashboardFigure(StrEnum):
    """What the coordinator's dashboard counts; the first word says of what. Waits begin with the sending or asking."""

    REFERRALS_SENT = "referrals_sent"
    REFERRALS_RECEIVED = "referrals_received"
    REFERRALS_ACCEPTED = "referrals_accepted"
    REFERRALS_IN_SERVICE = "referrals_in_service"
    REFERRALS_COMPLETED = "referrals_completed"
    REFERRALS_DECLINED = "referrals_declined"
    REFERRALS_EXPIRED = "referrals_expired"
    REFERRALS_WAITING = "referrals_waiting"
    REFERRALS_OVERDUE = "referrals_overdue"
    REFERRALS_WITHOUT_CAPACITY = "referrals_without_capacity"
    STEPS_MISSED = "steps_missed"
    QUESTIONS_ASKED = "questions_asked"
    QUESTIONS_ANSWERED = "questions_answered"
    QUESTIONS_WITH_CAPACITY = "questions_with_capacity"
    QUESTIONS_WITHOUT_CAPACITY = "questions_without_capacity"


class PersonField(StrEnum):
    """The coded fields of a person of which the share of not knowing is reported."""

    SEX = "sex"
    GENDER = "gender"
    AGE_BAND = "age_band"
    CITIZENSHIPS = "citizenships"
    MIGRATION_STATUS = "migration_status"
    DOCUMENTS_HELD = "documents_held"
    LANGUAGES = "languages"
    DISABILITY = "disability"


class SubjectRequestKind(StrEnum):
    """What a person may ask about their own file; the export of an access request is also what they may carry away."""

    ACCESS = "access"
    CORRECTION = "correction"
    RESTRICTION = "restriction"
    ERASURE = "erasure"


class SubjectRequestStatus(StrEnum):
    """Where such a request stands."""

    RECEIVED = "received"
    GRANTED = "granted"
    REFUSED = "refused"


class Requester(StrEnum):
    """Who asks: the person, or somebody in their name, who may be the one that they must be protected from."""

    PERSON = "person"
    GUARDIAN = "guardian"
    REPRESENTATIVE = "representative"


class RefusalGround(StrEnum):
    """The only grounds on which a request of the person may be refused; the country says which fits which."""

    GUARDIAN_SUSPECTED = "guardian_suspected"
    CHILD_BEST_INTEREST = "child_best_interest"
    REQUESTER_NOT_ESTABLISHED = "requester_not_established"
    VITAL_INTERESTS = "vital_interests"
    LEGAL_DUTY = "legal_duty"
    RIGHTS_OF_OTHERS = "rights_of_others"
    ACCURATE_AS_RECORDED = "accurate_as_recorded"


class Redaction(StrEnum):
    """Why a field of their own file is not given to whoever asks for it."""

    OTHERS = "others"
    SAFETY = "safety"
    REQUESTER = "requester"
    ROLE = "role"


class HoldGround(StrEnum):
    """Why a file is kept beyond its period: only for what the person needs it for."""

    COMPENSATION_CLAIM = "compensation_claim"
    PROCEEDINGS = "proceedings"
    COMPLAINT = "complaint"


class ErasureReason(StrEnum):
    """Why keys were destroyed."""

    RETENTION = "retention"
    REQUEST = "request"
    ERROR = "error"
    PACKAGE = "package"


EXTENSIONS: dict[str, frozenset[str]] = {
    "OrganisationType": frozenset(
        {
            "Shelter",
            "Hotline",
            "Prosecution",
            "Court",
            "LabourInspectorate",
            "ConsularPost",
            "InternationalOrganisation",
        }
    ),
    "DecisionOutcome": frozenset({"Suspended", "InReview"}),
    "ExploitationType": frozenset({"ForcedCriminality", "InfantTrafficking"}),
    "Industry": frozenset({"A01_CropAndAnimalProduction", "A02_ForestryAndLogging", "A03_FishingAndAquaculture"}),
    "MeansOfControl": frozenset({"RestrictsMovement"}),
    "RecruiterRelation": frozenset({"IntimatePartner", "Friend"}),
}
"""Codes of ours inside lists whose other spellings are HTCDS."""


class WallReason(StrEnum):
    """Why somebody must not learn that a case exists."""

    SUSPECTED = "suspected"
    RELATED_TO_PERSON = "related_to_person"
    RELATED_TO_SUSPECT = "related_to_suspect"
    MAY_WARN_SUSPECT = "may_warn_suspect"
    PERSON_ASKS = "person_asks"
    OWN_CONFLICT = "own_conflict"
    NOT_STATED = "not_stated"


class BreakGlassReason(StrEnum):
    """Why a compartment is opened in an emergency: each a risk to life."""

    IMMEDIATE_VIOLENCE = "immediate_violence"
    MEDICAL_EMERGENCY = "medical_emergency"
    CHILD_IN_DANGER = "child_in_danger"
    MISSING_PERSON = "missing_person"
    SELF_HARM = "self_harm"


class ReviewOutcome(StrEnum):
    """What the independent body found of an emergency access."""

    JUSTIFIED = "justified"
    UNJUSTIFIED = "unjustified"


class ApprovalVerb(StrEnum):
    """Acts that two persons of two organisations must agree on."""

    DIRECTORY_LOAD = "directory.load"
    DIRECTORY_CLOSE = "directory.close"
    DIRECTORY_MERGE = "directory.merge"
    DIRECTORY_REINSTATE = "directory.reinstate"
    GLASS_RESTORE = "glass.restore"
    BACKUP_RESTORE = "backup.restore"


class ApprovalDecision(StrEnum):
    """What the other one said."""

    APPROVED = "approved"
    REFUSED = "refused"


class ApprovalStatus(StrEnum):
    """How an act stands that two must agree on."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"
    EXECUTED = "executed"


class BudgetKind(StrEnum):
    """What is counted, so that nobody opens or tries without end."""

    EMERGENCY = "emergency"
    OPENING = "opening"
    STATUS = "status"
    REFUSAL = "refusal"
    SEARCH = "search"
