package graph_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vaktreffen/vaktreffen/db/programme"
)

// sought are editions and towns with everything that makes looking for words hard.
func sought() *programme.File {
	f := &programme.File{
		Themes:       []programme.Theme{{Key: "wasser", Name: "Wasser"}, {Key: "sport", Name: "Sport"}},
		Partnerships: []programme.Partnership{{Key: "sought", Name: "Sought", Kind: "NETWORK"}},
		Series:       []programme.Series{{Key: "sought", Partnership: "sought", Name: "Sought", Cadence: "YEARLY"}},
	}
	for _, town := range []struct{ key, name, country string }{
		{"duesseldorf", "Düsseldorf", "DE"}, {"giessen", "Gießen", "DE"}, {"swf", "Súdwest-Fryslân", "NL"}, {"sudbury", "Sudbury", "GB"},
		{"den-bosch", "’s-Hertogenbosch", "NL"}, {"aarhus", "Århus", "DK"}, {"percent", "100% Town_A", "NL"}, {"under", "100x TownBA", "NL"},
	} {
		f.Organisations = append(f.Organisations, programme.Organisation{Key: town.key, Kind: "MUNICIPALITY", Name: town.name, Country: town.country})
	}
	for _, e := range []struct{ key, title, host, city, session, status string }{
		{"zuerich", "Café 50% über_Alles", "duesseldorf", "Zürich", "Straße und Grün", "PUBLISHED"},
		{"plain", "Cafe 50 uberXAlles", "giessen", "Genève", "Plain", "PUBLISHED"},
		{"off", "Called off", "duesseldorf", "Zürich", "Plain", "CANCELLED"},
		{"hidden", "Café secret", "duesseldorf", "Zürich", "Straße", "DRAFT"},
	} {
		edition := edition(e.key, "sought", e.host, "wasser", 2029)
		edition.Title, edition.Venue.City, edition.Status, edition.Summary = e.title, e.city, e.status, `A back\slash and 'quotes'`
		edition.Themes = nil
		edition.Sessions = []programme.Session{{Key: "one", Kind: "PLENARY", Title: e.session, Starts: "2029-06-01T10:00", Ends: "2029-06-01T11:00", Themes: []string{"wasser"}}}
		f.Editions = append(f.Editions, edition)
	}
	return f
}

func TestEditionsAreFiltered(t *testing.T) {
	each(t, func(t *house) {
		t.add(sought())
		host := func(key string) any { return t.id("organisations", key) }
		for name, test := range map[string]struct {
			filter vars
			want   []string
		}{
			"by year":                         {vars{"year": 2016}, []string{"ambtenarenbijeenkomst-2016"}},
			"by a year without any":           {vars{"year": 1999}, nil},
			"by host":                         {vars{"hostId": host("bremen")}, []string{"vaktreffen-2014", "vaktreffen-2011"}},
			"by partnership":                  {vars{"partnershipId": t.id("partnerships", "sought")}, []string{"zuerich", "plain", "off"}},
			"by theme of the edition":         {vars{"themeId": t.id("themes", "sport")}, []string{"vaktreffen-2027"}},
			"by theme of a session":           {vars{"themeId": t.id("themes", "wasser")}, []string{"zuerich", "plain", "off"}},
			"by status":                       {vars{"status": "CANCELLED"}, []string{"off"}},
			"by a status that is not public":  {vars{"status": "DRAFT"}, nil},
			"by all of it":                    {vars{"year": 2029, "hostId": host("duesseldorf"), "status": "PUBLISHED", "themeId": t.id("themes", "wasser"), "text": "cafe"}, []string{"zuerich"}},
			"by words in the title":           {vars{"text": "relevanter DAN ooit"}, []string{"ambtenarenbijeenkomst-2016"}},
			"by words of different places":    {vars{"text": "grun zurich dusseldorf"}, []string{"zuerich"}},
			"by part of a word":               {vars{"text": "afé", "year": 2029}, []string{"zuerich", "plain"}},
			"without accents":                 {vars{"text": "CAFE", "year": 2029}, []string{"zuerich", "plain"}},
			"with a decomposed accent":        {vars{"text": "Cafe\u0301", "year": 2029}, []string{"zuerich", "plain"}},
			"by ß as ss":                      {vars{"text": "strasse"}, []string{"zuerich"}},
			"by the city":                     {vars{"text": "geneve"}, []string{"plain"}},
			"by the host's name":              {vars{"text": "GIESSEN"}, []string{"plain"}},
			"by a percent sign":               {vars{"text": "50%"}, []string{"zuerich"}},
			"by an underscore":                {vars{"text": "uber_alles"}, []string{"zuerich"}},
			"by a backslash":                  {vars{"text": `back\slash`}, []string{"zuerich", "plain", "off"}},
			"by a quote":                      {vars{"text": "'quotes'"}, []string{"zuerich", "plain", "off"}},
			"by question marks":               {vars{"text": "?"}, nil},
			"by blanks, which say nothing":    {vars{"text": " \t ", "year": 2029}, []string{"zuerich", "plain", "off"}},
			"by the id of something else":     {vars{"hostId": t.id("editions", "plain")}, nil},
			"by text that is no id":           {vars{"hostId": "nothing"}, nil},
			"by the empty id":                 {vars{"hostId": ""}, nil},
			"by nothing, when given as null":  {vars{"year": 2029, "hostId": nil, "text": nil}, []string{"zuerich", "plain", "off"}},
			"by a word that nobody used here": {vars{"text": "cafe nowhere"}, nil},
		} {
			t.Run(name, func(st *testing.T) {
				t := t.in(st)
				data := t.ask(nobody, `query($filter: EditionFilter) { editions(first: 50, filter: $filter) { totalCount nodes { id } } }`, vars{"filter": test.filter})
				got := map[any]bool{}
				for _, id := range pluck(list(data, "editions", "nodes"), "id") {
					got[id] = true
				}
				want := map[any]bool{}
				for _, key := range test.want {
					want[t.id("editions", key)] = true
				}
				if diff := cmp.Diff(want, got); diff != "" || at(data, "editions", "totalCount") != float64(len(want)) {
					t.Errorf("want %v; (-want +got), counted %v\n%s", test.want, at(data, "editions", "totalCount"), diff)
				}
			})
		}
	})
}

func TestMunicipalitiesAreFiltered(t *testing.T) {
	each(t, func(t *house) {
		t.add(sought())
		for name, test := range map[string]struct {
			filter vars
			want   []any
		}{
			"by country":                       {vars{"country": "DE"}, []any{"Bremen", "Düsseldorf", "Gießen", "Oldenburg (Oldb)"}},
			"by a country without any":         {vars{"country": "FR"}, []any{}},
			"by prefix, whatever the accents":  {vars{"namePrefix": "SUD"}, []any{"Sudbury", "Súdwest-Fryslân"}},
			"by prefix with accents":           {vars{"namePrefix": "Süd"}, []any{"Sudbury", "Súdwest-Fryslân"}},
			"by prefix with ß":                 {vars{"namePrefix": "gieß"}, []any{"Gießen"}},
			"by prefix with ss":                {vars{"namePrefix": "giess"}, []any{"Gießen"}},
			"by prefix with a ring":            {vars{"namePrefix": "aarhus"}, []any{}},
			"by prefix without the ring":       {vars{"namePrefix": "arhus"}, []any{"Århus"}},
			"by prefix with a percent sign":    {vars{"namePrefix": "100%"}, []any{"100% Town_A"}},
			"by prefix with an underscore":     {vars{"namePrefix": "100% town_"}, []any{"100% Town_A"}},
			"by prefix in the middle of names": {vars{"namePrefix": "bosch"}, []any{}},
			"by prefix with an apostrophe":     {vars{"namePrefix": "’s-h"}, []any{"’s-Hertogenbosch"}},
			"by the whole name":                {vars{"namePrefix": "groningen"}, []any{"Groningen"}},
			"by both":                          {vars{"country": "NL", "namePrefix": "su"}, []any{"Súdwest-Fryslân"}},
		} {
			t.Run(name, func(st *testing.T) {
				t := t.in(st)
				data := t.ask(nobody, `query($filter: MunicipalityFilter) { municipalities(first: 50, filter: $filter) { totalCount nodes { name } } }`, vars{"filter": test.filter})
				got := pluck(list(data, "municipalities", "nodes"), "name")
				if diff := cmp.Diff(test.want, got); diff != "" || at(data, "municipalities", "totalCount") != float64(len(test.want)) {
					t.Errorf("(-want +got), counted %v\n%s", at(data, "municipalities", "totalCount"), diff)
				}
			})
		}
	})
}
