package db

// The pages and edges of each connection, as the graph names them.
type (
	MunicipalityConnection = Connection[Municipality]
	MunicipalityEdge       = Edge[Municipality]
	InstitutionConnection  = Connection[Institution]
	InstitutionEdge        = Edge[Institution]
	PartnershipConnection  = Connection[Partnership]
	PartnershipEdge        = Edge[Partnership]
	EditionConnection      = Connection[Edition]
	EditionEdge            = Edge[Edition]
	CourseConnection       = Connection[Course]
	CourseEdge             = Edge[Course]
	CourseRunConnection    = Connection[CourseRun]
	CourseRunEdge          = Edge[CourseRun]
	InvitationConnection   = Connection[Invitation]
	InvitationEdge         = Edge[Invitation]
	RegistrationConnection = Connection[Registration]
	RegistrationEdge       = Edge[Registration]
	AudienceRowConnection  = Connection[AudienceRow]
	AudienceRowEdge        = Edge[AudienceRow]
	ParticipantConnection  = Connection[Participant]
	ParticipantEdge        = Edge[Participant]
	AuditEntryConnection   = Connection[AuditEntry]
	AuditEntryEdge         = Edge[AuditEntry]
	AttendeeConnection     = Connection[Attendee]
	AttendeeEdge           = Edge[Attendee]
	DeliveryConnection     = Connection[Delivery]
	DeliveryEdge           = Edge[Delivery]

	PracticeCommentConnection = Connection[PracticeComment]
	PracticeCommentEdge       = Edge[PracticeComment]
)
