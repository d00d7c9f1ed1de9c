package graph_test

import (
	"strings"
	"testing"
)

// statements asks and returns how many SQL statements it took, as the log says.
func (h *house) statements(email, query string, variables vars) int64 {
	h.Helper()
	h.ask(email, query, variables)
	entries := h.log.find("operation")
	return entries[len(entries)-1]["statements"].Int64()
}

func TestAgendaCostsAtMostEightStatementsAtAnySize(t *testing.T) {
	each(t, func(t *house) {
		t.add(grown("small", 2, 4))
		t.add(grown("big", 6, 200))
		for _, name := range []string{"agenda", "agenda-seats"} {
			document := operation(t, name)
			// Organisations that came with their memberships are not asked for again, so the numbers may differ.
			for _, edition := range []string{"small-agenda", "big-agenda"} {
				if n := t.statements(nobody, document, vars{"id": t.id("editions", edition)}); n < 2 || n > 8 {
					t.Errorf("%s of %s: %d statements, want 2 to 8", name, edition, n)
				}
			}
		}
	})
}

func TestStatementsDoNotDependOnTheNumberOfRecords(t *testing.T) {
	each(t, func(t *house) {
		t.add(grown("first", 2, 4))
		partnerships := []string{t.id("partnerships", "first-partnership-0")}
		queries := map[string]string{
			"towns and their partnerships, members and hosts": `query($first: Int!) { municipalities(first: $first) { totalCount nodes { id
				partnerships(first: 3) { totalCount nodes { name agreements { renewal } members { role coordinators { name organisation { name } } organisation { name
					hostedEditions(first: 2) { totalCount nodes { title host { name } themes { name } seats { left } series { nextHost { name } } } } } } } } } } }`,
			"institutions and their partnerships":  `query($first: Int!) { institutions(first: $first) { nodes { name partnerships(first: 5) { nodes { name series { name } } } } } }`,
			"partnerships and what they hold":      `query($first: Int!) { partnerships(first: $first) { nodes { series { rotation { name } nextHost { name } editions(first: 3) { nodes { title days { date sessions { title children { title } } } } } } } } }`,
			"editions and their programmes":        `query($first: Int!) { editions(first: $first) { edges { node { title days { sessions { room { name } contributions { name person { organisation { name } } } children { themes { name } seats { left } } } } } } } }`,
			"courses, their runs and what is like": `query($first: Int!) { courses(first: $first) { nodes { organisation { name } trainers { organisation { name } } related { title runs(first: 3) { nodes { seats { left } } } } runs(first: 2) { totalCount nodes { course { title } } } } } }`,
		}
		for _, name := range []string{"editions", "courses", "municipalities"} {
			queries["operation "+name] = operation(t, name)
		}
		before := map[string]int64{}
		for name, query := range queries {
			if before[name] = t.statements(organiser, query, vars{"first": 20}); before[name] < 2 {
				t.Errorf("%s: %d statements were counted", name, before[name])
			}
		}
		one := t.statements(nobody, operation(t, "partnership"), vars{"id": partnerships[0], "on": "2027-01-01"})
		t.add(grown("more", 12, 60))
		for name, query := range queries {
			if after := t.statements(organiser, query, vars{"first": 20}); after != before[name] {
				t.Errorf("%s: %d statements for few records, %d for many\n%s", name, before[name], after, strings.TrimSpace(query))
			}
		}
		grownOne := t.id("partnerships", "more-partnership-0")
		if many := t.statements(nobody, operation(t, "partnership"), vars{"id": grownOne, "on": "2027-01-01"}); many != one {
			t.Errorf("operation partnership: %d statements for 3 members, %d for 5", one, many)
		}
	})
}

func TestStatementsOfNodesDoNotDependOnTheirNumber(t *testing.T) {
	each(t, func(t *house) {
		ids := t.ids("SELECT id FROM sessions ORDER BY id")
		query := `query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Session { title themes { name } contributions { name } } } }`
		few := t.statements(nobody, query, vars{"ids": ids[:2]})
		if many := t.statements(nobody, query, vars{"ids": ids[:20]}); many != few {
			t.Errorf("nodes: %d statements for 2 sessions, %d for 20", few, many)
		}
	})
}
