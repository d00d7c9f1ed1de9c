package programme

// File is the content of one programme file. Every record has a key; references name keys, of records in the
// same file or of records imported earlier.
//
// A file is made by [Parse], or built in Go and checked with [Check]. In both cases a File without problems
// keeps every promise that the field comments make.
type File struct {
	Organisations []Organisation `json:"organisations,omitempty"`
	People        []Person       `json:"people,omitempty"`
	Themes        []Theme        `json:"themes,omitempty"`
	Partnerships  []Partnership  `json:"partnerships,omitempty"`
	Series        []Series       `json:"series,omitempty"`
	Editions      []Edition      `json:"editions,omitempty"`
	Courses       []Course       `json:"courses,omitempty"`

	source []byte // the JSON it was read from, to find lines in; nil for a File built in Go
}

// Organisation is a party that can take part: a municipality or an institution.
type Organisation struct {
	Key             string `json:"key"`
	Kind            string `json:"kind"`                      // MUNICIPALITY or INSTITUTION
	InstitutionKind string `json:"institutionKind,omitempty"` // of an institution, and only there: UNIVERSITY, COMPANY, AGENCY, ASSOCIATION, KNOWLEDGE_INSTITUTE, MINISTRY or OTHER
	Name            string `json:"name"`
	Country         string `json:"country"`              // ISO 3166-1 alpha-2
	Code            string `json:"code,omitempty"`       // of a municipality only: CBS code ("GM0014") or AGS ("04011000")
	Population      *int   `json:"population,omitempty"` // of a municipality only; at least 1
	Website         string `json:"website,omitempty"`    // an absolute http or https URL
}

// Person works for one organisation.
type Person struct {
	Key          string `json:"key"`
	Name         string `json:"name"`
	Email        string `json:"email,omitempty"` // an address without display name; unique in the file, whatever its case
	JobTitle     string `json:"jobTitle,omitempty"`
	Organisation string `json:"organisation"` // key of an Organisation
	Locale       string `json:"locale"`       // nl, de or en: the language this person is written to in
}

// Theme is a subject that comes back over editions.
type Theme struct {
	Key  string `json:"key"`
	Name string `json:"name"`
}

// Partnership is a group of organisations that work together.
type Partnership struct {
	Key         string      `json:"key"`
	Name        string      `json:"name"`
	Kind        string      `json:"kind"` // CROSS_BORDER, ASSOCIATION, NETWORK or BILATERAL
	Description string      `json:"description,omitempty"`
	Since       *int        `json:"since,omitempty"` // year
	Members     []Member    `json:"members,omitempty"`
	Agreements  []Agreement `json:"agreements,omitempty"`
	Practices   []Practice  `json:"practices,omitempty"`
}

// Practice is what others can learn from what a partnership does. It begins a published description that is not there yet, by its
// title: once there is one, it belongs to those who edit it, and the file changes nothing about it.
type Practice struct {
	Title             string   `json:"title"`    // unique within the partnership
	Language          string   `json:"language"` // nl, de or en: of all texts
	Description       string   `json:"description"`
	Partners          []string `json:"partners,omitempty"` // keys of Organisations
	Budget            *Money   `json:"budget,omitempty"`
	Term              string   `json:"term,omitempty"`
	SuccessFactors    []string `json:"successFactors,omitempty"` // one line each, as in all lists here
	Pitfalls          []string `json:"pitfalls,omitempty"`
	PointsOfAttention []string `json:"pointsOfAttention,omitempty"`
	Recommendations   []string `json:"recommendations,omitempty"`
}

// Member is the part one organisation has in a partnership. An organisation is a member once.
type Member struct {
	Organisation string   `json:"organisation"`           // key of an Organisation
	Role         string   `json:"role"`                   // LEAD, MEMBER or SECRETARIAT
	Coordinators []string `json:"coordinators,omitempty"` // keys of People
}

// Agreement is what a partnership signed.
type Agreement struct {
	Key       string `json:"key"` // unique within the partnership
	Title     string `json:"title"`
	SignedOn  string `json:"signedOn"`            // as exact as known: "2009", "2009-05" or "2009-05-14"; see PartialDate
	TermYears *int   `json:"termYears,omitempty"` // at least 1; absent: without end
	Renewal   string `json:"renewal"`             // TACIT or EXPLICIT
}

// Series is a recurring meeting of a partnership.
type Series struct {
	Key         string   `json:"key"`
	Partnership string   `json:"partnership"` // key of a Partnership
	Name        string   `json:"name"`
	Description string   `json:"description,omitempty"`
	Cadence     string   `json:"cadence"`            // YEARLY, HALF_YEARLY, QUARTERLY, MONTHLY, ONCE or IRREGULAR
	Rotation    []string `json:"rotation,omitempty"` // keys of the Organisations that host in turn, in their order
}

// Edition is one meeting of a series.
type Edition struct {
	Key       string    `json:"key"`
	Series    string    `json:"series"` // key of a Series
	Title     string    `json:"title"`
	Year      int       `json:"year"`           // that of startsOn when the days are known
	Status    string    `json:"status"`         // DRAFT, PUBLISHED or CANCELLED
	Host      string    `json:"host,omitempty"` // key of an Organisation; absent when not known
	Summary   string    `json:"summary,omitempty"`
	StartsOn  string    `json:"startsOn,omitempty"` // "2016-11-17"; absent, with EndsOn, when only the year is known
	EndsOn    string    `json:"endsOn,omitempty"`   // the last day
	TimeZone  string    `json:"timeZone"`           // IANA name; all local times of the edition are in it
	Languages []string  `json:"languages"`          // ISO 639-1, at least one
	Venue     *Venue    `json:"venue,omitempty"`
	Themes    []string  `json:"themes,omitempty"`   // keys of Themes
	Budget    *Money    `json:"budget,omitempty"`   // of the whole edition
	Capacity  *int      `json:"capacity,omitempty"` // seats, at least 1; absent: as many as come, or as was said before
	Rooms     []Room    `json:"rooms,omitempty"`
	Sessions  []Session `json:"sessions,omitempty"` // needs StartsOn and EndsOn

	Registration    *Registration `json:"registration,omitempty"`
	RetentionMonths *int          `json:"retentionMonths,omitempty"` // for how long personal data is kept after the end, 1 to 120; absent: 24, or as was said before

	Report *Report `json:"report,omitempty"` // what came of it
}

// Report is what came of an edition. It begins a report that is not there yet: once there is one, it belongs to those who edit it,
// and the file changes nothing about it.
type Report struct {
	Status       string        `json:"status"`                // DRAFT, IN_REVIEW or PUBLISHED
	PublishedOn  string        `json:"publishedOn,omitempty"` // the day, of one that is PUBLISHED; absent when not known: the last day of the edition
	Language     string        `json:"language"`              // nl, de or en: of all texts but the translations
	Summary      string        `json:"summary"`
	Translations []Translation `json:"translations,omitempty"`
	Attended     []string      `json:"attended,omitempty"` // keys of the People who came
	Items        []Item        `json:"items,omitempty"`
	Actions      []Action      `json:"actions,omitempty"`
}

// Translation is the summary of a report in another language.
type Translation struct {
	Language string `json:"language"` // nl, de or en; each once
	Summary  string `json:"summary"`
}

// Item is the part of a report about a session, or about none.
type Item struct {
	Session   string     `json:"session,omitempty"`  // key of a Session of this edition, each once; absent: about the edition as a whole
	Findings  []string   `json:"findings,omitempty"` // one line each; needs Session
	Questions []Asked    `json:"questions,omitempty"`
	Materials []Material `json:"materials,omitempty"`
}

// Asked is what somebody asked the others.
type Asked struct {
	Text    string  `json:"text"`
	AskedBy string  `json:"askedBy,omitempty"` // key of an Organisation
	Person  string  `json:"person,omitempty"`  // key of a Person
	Status  string  `json:"status"`            // OPEN or ANSWERED
	Offers  []Offer `json:"offers,omitempty"`
}

// Offer is an organisation that can help with a question.
type Offer struct {
	Organisation string `json:"organisation"` // key of an Organisation, each once
	Note         string `json:"note,omitempty"`
}

// Material is something to read on.
type Material struct {
	Title string `json:"title"`
	URL   string `json:"url"` // an absolute http or https URL
}

// Action is what somebody does next.
type Action struct {
	Description string `json:"description"`
	Owner       string `json:"owner"`            // key of an Organisation
	Person      string `json:"person,omitempty"` // key of a Person
	Due         string `json:"due,omitempty"`    // the day
	Status      string `json:"status"`           // OPEN, DONE or DROPPED
}

// Venue is where an edition or a course run takes place.
type Venue struct {
	Name    string `json:"name"`
	Address string `json:"address,omitempty"`
	City    string `json:"city"`
	Country string `json:"country"` // ISO 3166-1 alpha-2
}

// Money is an amount in minor units (cents) of a currency.
type Money struct {
	AmountMinor int    `json:"amountMinor"` // not negative
	Currency    string `json:"currency"`    // ISO 4217
}

// Room is a room of an edition's venue.
type Room struct {
	Key      string `json:"key"` // unique within the edition
	Name     string `json:"name"`
	Capacity *int   `json:"capacity,omitempty"` // people, at least 1
}

// Session is an item on the programme of an edition. Either it has Starts and Ends, or, when its times are not
// known, only the Day it is on; sessions without times come in the order in which they are listed. A child may
// have neither: it then belongs to the time or day of its parent.
type Session struct {
	Key           string         `json:"key"`  // unique within the edition, children included
	Kind          string         `json:"kind"` // ARRIVAL, PLENARY, BREAKOUT, BREAK, EXCURSION, SOCIAL or CLOSING
	Title         string         `json:"title"`
	Abstract      string         `json:"abstract,omitempty"`
	Day           string         `json:"day,omitempty"`       // "2017-09-29"; of a session without times, and not of a child
	Starts        string         `json:"starts,omitempty"`    // local time "2016-11-17T13:00"; see Instant
	Ends          string         `json:"ends,omitempty"`      // local time, later than Starts, at the latest 06:00 after the last day
	Room          string         `json:"room,omitempty"`      // key of a Room of this edition
	Languages     []string       `json:"languages,omitempty"` // ISO 639-1; absent: those of the edition
	Themes        []string       `json:"themes,omitempty"`    // keys of Themes
	Capacity      *int           `json:"capacity,omitempty"`  // seats, at least 1; absent: as many as come, or as was said before
	Contributions []Contribution `json:"contributions,omitempty"`
	Children      []Session      `json:"children,omitempty"` // one level: a child has no children

	Registration *Registration `json:"registration,omitempty"` // of a session with a capacity, from here or from before
}

// Contribution is the part someone has in a session: a Person, or a guest known by name only.
type Contribution struct {
	Role        string `json:"role"`                  // CHAIR, MODERATOR, SPEAKER, PANELLIST or TRAINER
	Person      string `json:"person,omitempty"`      // key of a Person; then without Name and Affiliation
	Name        string `json:"name,omitempty"`        // of a guest
	Affiliation string `json:"affiliation,omitempty"` // what the guest speaks for
}

// Course is what an organisation offers to teach.
type Course struct {
	Key             string   `json:"key"`
	Organisation    string   `json:"organisation"` // key of the Organisation that offers it
	Title           string   `json:"title"`
	Summary         string   `json:"summary,omitempty"`
	Audience        []string `json:"audience,omitempty"` // one line each
	Topics          []string `json:"topics,omitempty"`   // one line each
	Days            int      `json:"days"`               // at least 1
	MaxParticipants *int     `json:"maxParticipants,omitempty"`
	Price           *Money   `json:"price,omitempty"`    // per participant
	Trainers        []string `json:"trainers,omitempty"` // keys of People
	Related         []string `json:"related,omitempty"`  // keys of other Courses
	Runs            []Run    `json:"runs,omitempty"`
}

// Run is a course given on certain days.
type Run struct {
	Key       string   `json:"key"` // unique within the course
	StartsOn  string   `json:"startsOn"`
	EndsOn    string   `json:"endsOn"` // the last day
	TimeZone  string   `json:"timeZone"`
	Status    string   `json:"status"` // DRAFT, PLANNED, CONFIRMED or CANCELLED
	Venue     *Venue   `json:"venue,omitempty"`
	Languages []string `json:"languages"`          // ISO 639-1, at least one
	Capacity  *int     `json:"capacity,omitempty"` // seats, at least 1; absent: the maximum of the course

	Registration    *Registration `json:"registration,omitempty"`
	RetentionMonths *int          `json:"retentionMonths,omitempty"` // as of an Edition

	MinParticipants *int       `json:"minParticipants,omitempty"` // at least 1; with fewer, the organisers decide whether it takes place
	DecideOn        string     `json:"decideOn,omitempty"`        // the day on which they do, at the latest StartsOn; needs MinParticipants
	Price           *Money     `json:"price,omitempty"`           // per participant; absent: that of the course
	Trainers        []string   `json:"trainers,omitempty"`        // keys of People; absent: those of the course
	Invoice         *Invoice   `json:"invoice,omitempty"`         // who pays for all participants; absent: each for themselves
	IntakeDue       string     `json:"intakeDue,omitempty"`       // local time "2027-04-01T12:00" before the first day; absent: until then
	Intake          []Question `json:"intake,omitempty"`          // what participants are asked, in this order
}

// Invoice says who pays, and what has to be on the invoice.
type Invoice struct {
	Organisation string `json:"organisation"`        // key of an Organisation
	Reference    string `json:"reference,omitempty"` // of theirs, such as the number of an order
	VATNumber    string `json:"vatNumber,omitempty"` // the country in two letters, then 2 to 13 letters and digits
	Address      string `json:"address"`             // in several lines
}

// Question is one question of an intake, in the language of the run.
type Question struct {
	Key            string   `json:"key"`  // unique within the run
	Kind           string   `json:"kind"` // TEXT, LONG_TEXT, SINGLE_CHOICE, MULTIPLE_CHOICE, YES_NO or NUMBER
	Label          string   `json:"label"`
	Help           string   `json:"help,omitempty"`
	Options        []string `json:"options,omitempty"`        // of a choice, and only there: at least 2, each once
	Required       bool     `json:"required,omitempty"`       // a place is certain only when it is answered
	OrganisersOnly bool     `json:"organisersOnly,omitempty"` // only organisers write and read the answer; not with Required
}

// Registration is the rules by which people get the seats of an edition, a session or a course run. What absent fields mean is for
// new seats: those that are known keep the rules that the file doesn't name, be they of an earlier file or of their organisers.
type Registration struct {
	Opens              string `json:"opens,omitempty"`              // local time; absent: from the beginning
	Closes             string `json:"closes,omitempty"`             // local time, later than Opens; absent: when the meeting starts
	Policy             string `json:"policy,omitempty"`             // how people who wait get a seat: OFFER, AUTOMATIC or CLOSED; absent: AUTOMATIC
	Order              string `json:"order,omitempty"`              // who of them: FIRST_COME or BALANCED; absent: FIRST_COME
	MaxPerOrganisation *int   `json:"maxPerOrganisation,omitempty"` // seats, at least 1; absent: no maximum
	OfferHours         *int   `json:"offerHours,omitempty"`         // for how long a seat is offered, 1 to 720; absent: 48
}

// Problem is one thing that is wrong with a file.
type Problem struct {
	Line    int    // from 1; 0 when the File was built in Go
	Path    string // where in the file, as "editions[0].sessions[3].starts"; "" is the file itself
	Message string // one sentence that says what to do
}

// Reference is a place in a file that names a record by its key.
type Reference struct {
	Kind Kind
	Key  string
	Line int // as in Problem
	Path string
}

// Kind says what a reference points to.
type Kind string

// The kinds of records that references point to.
const (
	OrganisationKind Kind = "organisation"
	PersonKind       Kind = "person"
	ThemeKind        Kind = "theme"
	PartnershipKind  Kind = "partnership"
	SeriesKind       Kind = "series"
	CourseKind       Kind = "course"
)
