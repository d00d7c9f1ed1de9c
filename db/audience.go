package db

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/uptrace/bun"
)

// AudienceInput says who is invited; the parts are added up.
type AudienceInput struct {
	PersonIDs       []ID `json:",omitempty"`
	OrganisationIDs []ID `json:",omitempty"`
	PartnershipID   *ID
	CSV             *string
}

// The limits of an audience.
const (
	maxCSV           = 2 << 20 // bytes
	maxPersonIDs     = 10_000
	maxOrganisations = 1_000
	maxProblems      = 100 // reported at once
)

// AudienceRow is one row of an audience as a preview shows it.
type AudienceRow struct {
	Line         *int    // of the CSV file, the heading is line 1; nil for people who were named otherwise
	Email        *string // nil when the actor may not see it
	Name         string
	Organisation *string
	Problem      *string // why this row gets no mail or cannot be used; nil when all is well
}

// recipient is one different person of an audience.
type recipient struct {
	line     int     // of the CSV file; 0 when named otherwise
	person   *Person // nil until inserted, for somebody not known before
	name     string
	address  string
	employer string // as the file has it
	locale   Locale
	standing standing
	held     SuppressionReason // when suppressed
	again    bool              // invited before, by a mail that did not arrive
}

// standing is what will be done with a recipient.
type standing int

const (
	standsNew standing = iota
	standsInvited
	standsRegistered
	standsSuppressed // invited, without a mail
	standsOptedOut
)

var standingProblems = map[standing]string{
	standsInvited:    "Already invited.",
	standsRegistered: "Already registered.",
	standsSuppressed: "This address takes no mail from here; the invitation is made without a mail.",
	standsOptedOut:   "This person asked for no more invitations.",
}

// audience is the different people of an AudienceInput, in the order they were named.
type audience struct {
	recipients []*recipient
	readers    []*Person // as their mails will have them, those who get one; nobody here need be in the database
	problems   Errors    // of lines and ids; each holds back the whole campaign
	bad        []AudienceRow
}

func (a *audience) count(s standing) (n int) {
	for _, r := range a.recipients {
		if r.standing == s {
			n++
		}
	}
	return n
}

// named returns the people who were not in a list.
func (a *audience) named() []*Person {
	var people []*Person
	for _, r := range a.recipients {
		if r.line == 0 {
			people = append(people, r.person)
		}
	}
	return people
}

// rows returns the audience as a preview shows it: rows with a problem first.
func (a *audience) rows() []AudienceRow {
	rows := slices.Clone(a.bad)
	var fine []AudienceRow
	for _, r := range a.recipients {
		row := AudienceRow{Name: r.name, Organisation: optional(r.employer)}
		if r.line > 0 {
			row.Line = &r.line
		}
		if r.line > 0 || r.person.contactVisible { // a list was written by who reads this
			row.Email = &r.address
		}
		if problem, ok := standingProblems[r.standing]; ok {
			row.Problem = &problem
			rows = append(rows, row)
			continue
		}
		fine = append(fine, row)
	}
	return append(rows, fine...)
}

func (a *audience) badLine(line int, row AudienceRow, code ErrorCode, format string, args ...any) {
	p := problem(code, "input.audience.csv", format, args...)
	p.Index = &line
	a.problems = append(a.problems, p)
	row.Line, row.Problem = &line, &p.Message
	a.bad = append(a.bad, row)
}

// readAudience finds the people of an audience and where they stand towards the meeting.
func (v view) readAudience(ctx context.Context, d *DB, input AudienceInput, target *target) (*audience, error) {
	a := new(audience)
	seen := map[string]bool{}
	if err := v.addPeople(ctx, a, seen, input.PersonIDs); err != nil {
		return nil, err
	}
	if err := v.addOrganisations(ctx, a, seen, input); err != nil {
		return nil, err
	}
	if input.CSV != nil {
		listed := readCSV(*input.CSV, a)
		if err := v.addListed(ctx, a, seen, listed); err != nil {
			return nil, err
		}
	}
	if len(a.recipients) == 0 && len(a.problems) == 0 {
		a.problems = append(a.problems, problem(CodeRequired, "input.audience", "Nobody is in this audience; name people, organisations, a partnership or a CSV list."))
	}
	return a, v.standings(ctx, d, a, target)
}

func (a *audience) add(seen map[string]bool, p *Person) {
	if !seen[*p.Address] {
		seen[*p.Address] = true
		a.recipients = append(a.recipients, &recipient{person: p, name: p.Name, address: *p.Address, employer: p.WorksFor(), locale: p.Language})
	}
}

func (v view) addPeople(ctx context.Context, a *audience, seen map[string]bool, ids []ID) error {
	people := map[ID]*Person{}
	for chunk := range slices.Chunk(ids, 1000) {
		found, err := v.loadPeople(ctx, chunk, Shape{"organisation": nil})
		if err != nil {
			return err
		}
		for id, person := range found {
			people[id] = person
		}
	}
	if err := v.finish(ctx, nil); err != nil {
		return err
	}
	for i, id := range ids {
		p := people[id]
		switch {
		case p == nil:
			e := problem(CodeNotFound, "input.audience.personIds", "There is no such person; leave this id out.")
			e.Index = &i
			a.problems = append(a.problems, e)
		case p.Address == nil:
			e := problem(CodeInvalid, "input.audience.personIds", "%s has no mail address; leave this id out.", p.Name)
			e.Index = &i
			a.problems = append(a.problems, e)
		default:
			a.add(seen, p)
		}
	}
	return nil
}

func (v view) addOrganisations(ctx context.Context, a *audience, seen map[string]bool, input AudienceInput) error {
	ids := distinct(input.OrganisationIDs)
	known, err := byID[Organisation](ctx, v.tx, ids)
	if err != nil {
		return err
	}
	for i, id := range input.OrganisationIDs {
		if known[id] == nil {
			e := problem(CodeNotFound, "input.audience.organisationIds", "There is no such organisation; leave this id out.")
			e.Index = &i
			a.problems = append(a.problems, e)
		}
	}
	if input.PartnershipID != nil {
		var members []ID
		if err := v.tx.NewSelect().Model((*Member)(nil)).Column("organisation_id").Where("partnership_id = ?", *input.PartnershipID).
			Order("position").Scan(ctx, &members); err != nil {
			return fmt.Errorf("members: %w", err)
		}
		if len(members) == 0 {
			a.problems = append(a.problems, problem(CodeNotFound, "input.audience.partnershipId", "There is no such partnership, or it has no members."))
		}
		ids = distinct(append(ids, members...))
	}
	for chunk := range slices.Chunk(ids, 1000) {
		var people []*Person
		if err := v.tx.NewSelect().Model(&people).Where("organisation_id IN (?)", bun.List(chunk)).Where("email IS NOT NULL").
			Order("id").Scan(ctx); err != nil {
			return fmt.Errorf("people of organisations: %w", err)
		}
		if err := v.finish(ctx, v.people(ctx, people, Shape{"organisation": nil})); err != nil {
			return err
		}
		for _, p := range people {
			a.add(seen, p)
		}
	}
	return nil
}

// addListed adds the people of a CSV list: those with a known address as they are known, the others as new people.
func (v view) addListed(ctx context.Context, a *audience, seen map[string]bool, listed []*recipient) error {
	known := map[string]*Person{}
	for chunk := range slices.Chunk(listed, 1000) {
		var people []*Person
		wanted := make([]string, len(chunk))
		for i, r := range chunk {
			wanted[i] = r.address
		}
		if err := v.tx.NewSelect().Model(&people).Where("email IN (?)", bun.List(wanted)).Scan(ctx); err != nil {
			return fmt.Errorf("people by address: %w", err)
		}
		for _, p := range people {
			known[*p.Address] = p
		}
	}
	for _, r := range listed {
		if !seen[r.address] { // a duplicate is skipped without a word: nobody is counted twice
			seen[r.address] = true
			r.person = known[r.address]
			a.recipients = append(a.recipients, r)
		}
	}
	return nil
}

// standings finds out who is invited, registered or suppressed already.
func (v view) standings(ctx context.Context, d *DB, a *audience, target *target) error {
	invited, registered := map[ID]InvitationStatus{}, map[ID]bool{}
	var invitations []*Invitation
	if err := v.tx.NewSelect().Model(&invitations).Column("person_id", "status").Where("? = ?", target.column, target.id).
		Where("status <> ?", InvitationWithdrawn).Scan(ctx); err != nil {
		return fmt.Errorf("invited people: %w", err)
	}
	for _, i := range invitations {
		invited[i.PersonID] = i.Status
	}
	var ids []ID
	if err := v.tx.NewSelect().Model((*Registration)(nil)).Column("person_id").
		Where("seats_id = (SELECT id FROM seats WHERE ? = ?)", target.column, target.id).
		Where("status IN (?)", bun.List(active)).Scan(ctx, &ids); err != nil {
		return fmt.Errorf("registered people: %w", err)
	}
	for _, id := range ids {
		registered[id] = true
	}
	all := make([]string, len(a.recipients))
	for i, r := range a.recipients {
		all[i] = r.address
	}
	suppressed, err := d.suppressed(ctx, v.tx, all)
	if err != nil {
		return err
	}
	people := make(map[string]ID, len(a.recipients))
	for _, r := range a.recipients {
		people[r.address] = ID{}
		if r.person != nil {
			people[r.address] = r.person.ID
		}
	}
	out, err := d.optedOut(ctx, v.tx, people)
	if err != nil {
		return err
	}
	for _, r := range a.recipients {
		var before InvitationStatus
		if r.person != nil {
			before = invited[r.person.ID]
		}
		switch {
		case r.person != nil && registered[r.person.ID]:
			r.standing = standsRegistered
		case before != "" && before != InvitationUndelivered, before != "" && suppressed[r.address] != nil:
			r.standing = standsInvited
		case out[r.address]:
			r.standing = standsOptedOut
		case suppressed[r.address] != nil:
			r.standing, r.held = standsSuppressed, suppressed[r.address].Reason
		}
		r.again = before == InvitationUndelivered
	}
	return nil
}

// readCSV reads a list of people: a heading line with the columns name, email, organisation, locale in any order, comma or
// semicolon, UTF-8 with or without a byte order mark. Lines that cannot be used become problems of the audience.
func readCSV(text string, a *audience) []*recipient {
	text = strings.TrimPrefix(text, "\ufeff")
	if !utf8.ValidString(text) {
		a.problems = append(a.problems, problem(CodeInvalid, "input.audience.csv", "Save the list as UTF-8: it holds bytes that are not."))
		return nil
	}
	heading, _, _ := strings.Cut(text, "\n")
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord, r.TrimLeadingSpace, r.ReuseRecord = -1, true, true
	if strings.Count(heading, ";") > strings.Count(heading, ",") {
		r.Comma = ';'
	}
	columns, err := r.Read()
	if err != nil && err != io.EOF {
		a.problems = append(a.problems, lineProblem(1, CodeInvalid, "The heading cannot be read: check its quotation marks."))
		return nil
	}
	if err != nil {
		a.problems = append(a.problems, problem(CodeRequired, "input.audience.csv", "The list is empty; begin with a line that names the columns: name, email, organisation, locale."))
		return nil
	}
	at := map[string]int{}
	for i, column := range columns {
		column = fold(column)
		if _, twice := at[column]; twice || !slices.Contains([]string{"name", "email", "organisation", "locale"}, column) {
			a.problems = append(a.problems, lineProblem(1, CodeInvalid, "The heading has a column %q that is unknown or there twice; use name, email, organisation, locale, each once.", shorten(column)))
			return nil
		}
		at[column] = i
	}
	for _, needed := range []string{"name", "email"} {
		if _, ok := at[needed]; !ok {
			a.problems = append(a.problems, lineProblem(1, CodeRequired, "The heading lacks the column %s; begin the list with a line such as name;email;organisation;locale.", needed))
			return nil
		}
	}
	var listed []*recipient
	for {
		fields, err := r.Read()
		if err == io.EOF {
			return listed
		}
		if parse, ok := errors.AsType[*csv.ParseError](err); ok {
			a.badLine(parse.StartLine, AudienceRow{}, CodeInvalid, "This line cannot be read: check its quotation marks.")
			return listed
		}
		line, _ := r.FieldPos(0)
		if len(fields) == 1 && strings.TrimSpace(fields[0]) == "" {
			continue
		}
		field := func(column string) string {
			if i, ok := at[column]; ok && i < len(fields) {
				return strings.Clone(strings.TrimSpace(fields[i]))
			}
			return ""
		}
		if one := readLine(a, line, len(fields) > len(columns), field); one != nil {
			listed = append(listed, one)
		}
	}
}

// readLine reads one line of a list; nil, with a problem, when it cannot be used.
func readLine(a *audience, line int, tooLong bool, field func(string) string) *recipient {
	one := &recipient{line: line, name: field("name"), employer: field("organisation"), locale: Locale(strings.ToLower(field("locale")))}
	email := field("email")
	row := AudienceRow{Email: &email, Name: one.name, Organisation: optional(one.employer)}
	var ok bool
	switch one.address, ok = normalAddress(email); {
	case tooLong:
		a.badLine(line, row, CodeInvalid, "This line has more fields than the heading; put values with a separator in quotation marks.")
	case email == "":
		a.badLine(line, row, CodeRequired, "This line has no mail address.")
	case !ok:
		a.badLine(line, row, CodeInvalid, "%q is not a mail address; write it as name@example.org.", shorten(email))
	case one.name == "":
		a.badLine(line, row, CodeRequired, "This line has no name.")
	case hasControl(one.name) || utf8.RuneCountInString(one.name) > 200:
		a.badLine(line, row, CodeInvalid, "Write the name on one line, without control characters, in at most 200 characters.")
	case hasControl(one.employer) || utf8.RuneCountInString(one.employer) > 200:
		a.badLine(line, row, CodeInvalid, "Write the organisation on one line, without control characters, in at most 200 characters.")
	case one.locale != "" && one.locale != Dutch && one.locale != German && one.locale != English:
		a.badLine(line, row, CodeInvalid, "%q is not a language mails are written in; use nl, de or en, or leave it empty.", shorten(string(one.locale)))
	default:
		return one
	}
	return nil
}

func lineProblem(line int, code ErrorCode, format string, args ...any) *Error {
	p := problem(code, "input.audience.csv", format, args...)
	p.Index = &line
	return p
}

// shorten keeps text that comes back in a message short.
func shorten(text string) string {
	if runes := []rune(text); len(runes) > 60 {
		return string(runes[:60]) + "…"
	}
	return text
}
