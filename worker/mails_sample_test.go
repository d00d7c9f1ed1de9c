package worker

import (
	"time"

	"github.com/vaktreffen/vaktreffen/db"
)

// mailOf is a mail of a kind with everything that any kind tells.
func mailOf(kind string, locale db.Locale) *db.Mail {
	id := func(kind db.Kind, n byte) db.ID { return db.ID{1, 0x9b, 6: 0x70, 7: byte(kind), 8: 0x80, 15: n} }
	at := func(text string) time.Time {
		instant, err := time.Parse(time.RFC3339, text)
		if err != nil {
			panic(err)
		}
		return instant
	}
	sent, until, expires := at("2027-01-02T03:04:05Z"), at("2027-04-30T22:00:00Z"), at("2027-05-03T15:30:00Z")
	address, organiser := "marieke.devries@example.net", "secretariaat@groningen.example.org"
	first, last := db.Date("2027-05-20"), db.Date("2027-05-21")
	m := &db.Mail{
		Delivery:  &db.Delivery{ID: id(db.KindDelivery, 1), Kind: db.MailKind(kind), DatedAt: &sent, CreatedAt: sent},
		Person:    &db.Person{ID: id(db.KindPerson, 2), Name: "Marieke de Vries", Address: &address, Language: locale},
		Organiser: &db.Person{ID: id(db.KindPerson, 3), Name: "Jörg Müller, Gemeente Groningen", Address: &organiser},
		Campaign: &db.Campaign{
			ID: id(db.KindCampaign, 4), RespondBy: &until, CreatedAt: sent,
			Message: "Wir freuen uns auf <Sie> & Ihre Fragen.\n\nBring a \"colleague\".",
		},
		Edition: &db.Edition{
			Title: "Vaktreffen „Energie & Klima“", Summary: "Two days on water in the city.", Year: 2027, TimeZone: "Europe/Amsterdam", StartsOn: &first, EndsOn: &last,
			VenueName: "Provinciehuis", VenueAddress: "Martinikerkhof 12", VenueCity: "Groningen", Languages: []string{"de", "en"},
		},
		Hours: []db.Hours{
			{Starts: at("2027-05-20T07:30:00Z"), Ends: at("2027-05-20T15:00:00Z")}, {Starts: at("2027-05-21T07:00:00Z"), Ends: at("2027-05-21T10:30:00Z")},
		},
		Position:    3,
		AnswerToken: "answer-token", PlaceToken: "place-token", SignInToken: "sign-in-token", OptOutToken: "opt-out-token", BounceToken: "bounce0token",
	}
	switch kind {
	case KindInvitation, KindInvitationReminder:
	case KindDelegationInvited, KindDelegationReminder:
		m.Delegation = &db.Delegation{Places: 4, RespondBy: until, Message: m.Campaign.Message}
		m.Campaign, m.AnswerToken, m.PlaceToken, m.OptOutToken, m.DeskToken = nil, "", "", "", "desk-token"
	case KindReportPublished:
		m.AnswerToken, m.OptOutToken, m.Campaign.ReportID = "", "", id(db.KindReport, 6)
		m.Report, m.ReportIn = "Twelve municipalities shared what they know about **wind** & water:\n\n- parks\n- a council's {part}\n\nIt goes on next year.", db.English
	case KindFeedbackRequested, KindFeedbackReminder:
		m.AnswerToken, m.OptOutToken, m.FeedbackToken, m.Campaign.Message = "", "", "feedback-token", ""
		m.Survey = &db.Survey{ClosesAt: until, Anonymous: kind == KindFeedbackRequested}
	case KindCampaignSummary:
		m.Organiser, m.Campaign.SendAt = nil, at("2027-01-15T11:00:00Z")
		m.Summary = &db.Summary{
			Total: 120, Sent: 108, Failed: 6, Bounced: 3, Suppressed: 2, Uncertain: 1,
			Reasons: []db.ReasonCount{
				{Reason: db.ReasonNoMailbox, Count: 5}, {Reason: db.ReasonNotWanted, Count: 3}, {Reason: db.ReasonOptedOut, Count: 2},
				{Reason: db.ReasonConnectionLost, Count: 1}, {Reason: db.ReasonMailboxFull, Count: 1},
			},
		}
	case KindCertificateIssued:
		m.Campaign, m.Edition, m.Hours = nil, nil, nil
		m.CourseRun = &db.CourseRun{
			StartsOn: "2027-04-15", EndsOn: "2027-04-16", TimeZone: "Europe/Amsterdam", Languages: []string{"nl"}, VenueName: "Stadhuis", VenueCity: "Utrecht",
			Course: &db.Course{Title: "Masterclass „Rat & Region“", Summary: "One day with a trainer.", Days: 2},
		}
		m.Certificate = &db.Certificate{ID: id(db.KindCertificate, 6), Code: "ABCDEFGHJKMNPQRS", IssuedAt: at("2027-04-17T09:00:00Z")}
	case KindActionAssigned, KindActionDue:
		earlier := db.Date("2026-12-20")
		m.Campaign, m.TasksToken = nil, "tasks-token"
		m.Tasks = []db.Task{
			{Description: "Ask the <water board> for its figures & share them.", Meeting: m.Edition.Title, DueOn: &earlier, Late: true},
			{Description: "Invite Bremen.", Meeting: "Vaktreffen 2026", DueOn: &first}, {Description: "Think about 2028.", Meeting: "Vaktreffen 2026"},
		}
		if kind == KindActionAssigned {
			m.Tasks = m.Tasks[1:2]
		}
	case KindHelpOffered:
		m.Campaign = nil
		m.Help = &db.Help{
			ReportID: id(db.KindReport, 6), Question: "How do you keep <residents> & wind turbines friends?", AskedBy: "Oldenburg (Oldb)",
			Helper: "Groningen", Person: "Olga Organisator", Note: "We have held three evenings about it.", Asked: true,
		}
	case KindSignIn:
		m.Organiser, m.Campaign, m.Edition, m.Hours = nil, nil, nil, nil
	case KindIntakeRequested, KindIntakeReminder, KindRunConfirmed, KindRunCancelled, KindRunBelowMinimum:
		due, minimum := at("2027-04-08T15:00:00Z"), 8
		m.Campaign, m.Edition, m.Hours = nil, nil, nil
		m.CourseRun = &db.CourseRun{
			StartsOn: "2027-04-15", EndsOn: "2027-04-15", TimeZone: "Europe/Amsterdam", Languages: []string{"nl"}, VenueName: "Stadhuis", VenueCity: "Utrecht",
			Course: &db.Course{Title: "Masterclass „Rat & Region“", Summary: "One day with a trainer."}, IntakeDueAt: &due, MinParticipants: &minimum,
			Seats: &db.Seats{Taken: 5},
		}
		status := db.Confirmed
		if kind == KindIntakeRequested || kind == KindIntakeReminder {
			status = db.Held
		}
		m.Registration = &db.Registration{ID: id(db.KindRegistration, 5), Sequence: 2, Status: status}
		if kind == KindRunBelowMinimum {
			m.Registration, m.Organiser = nil, nil
		}
	default:
		m.Registration = &db.Registration{ID: id(db.KindRegistration, 5), Sequence: 2, OfferExpiresAt: &expires}
	}
	if kind == KindMeetingChanged || kind == KindMeetingCancelled {
		now := db.Facts{
			Title: m.Edition.Title, Year: 2027, StartsOn: first, EndsOn: last, TimeZone: m.Edition.TimeZone, Hours: m.Hours,
			VenueName: m.Edition.VenueName, VenueAddress: m.Edition.VenueAddress, VenueCity: m.Edition.VenueCity, Cancelled: kind == KindMeetingCancelled,
		}
		before := now
		before.Cancelled, before.VenueName, before.VenueAddress, before.EndsOn, before.Hours = false, "Stadhuis", "Grote Markt 1", first, m.Hours[:1]
		m.Delivery.Kind = db.MailNotice
		m.Notice = &db.Notice{Changes: []db.Change{{Before: before, Now: now}}, Entries: []db.Entry{{Registration: m.Registration, Cancelled: now.Cancelled}}}
		if kind == KindMeetingChanged {
			hours := []db.Hours{{Starts: at("2027-05-20T12:00:00Z"), Ends: at("2027-05-20T13:30:00Z")}}
			m.Notice.Changes = append(m.Notice.Changes, db.Change{Session: new(db.Session), New: true, Now: db.Facts{
				Title: "Harbour & Eems", StartsOn: first, EndsOn: first, TimeZone: m.Edition.TimeZone, Hours: hours, Room: "Hall 2",
			}})
		}
	}
	return m
}
