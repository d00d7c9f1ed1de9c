// Package programme is the file format of "vaktreffen import": organisations and their people, partnerships with
// their agreements, series of meetings, editions with complete programmes, and courses, as JSON.
//
// # A file
//
// A file is one JSON object in UTF-8, of at most [MaxSize] bytes. Each of its lists may be absent:
//
//	organisations   municipalities and institutions
//	people          who works for them
//	themes          subjects that come back
//	partnerships    who works with whom, with agreements
//	series          recurring meetings of a partnership
//	editions        meetings, with rooms and sessions
//	courses         what can be learnt, with dated runs
//
// This one is complete:
//
//	{
//	  "organisations": [
//	    { "key": "groningen", "kind": "MUNICIPALITY", "name": "Groningen", "country": "NL", "code": "GM0014" },
//	    { "key": "bremen", "kind": "MUNICIPALITY", "name": "Bremen", "country": "DE", "code": "04011000" }
//	  ],
//	  "people": [
//	    { "key": "vera-voorbeeld", "name": "Vera Voorbeeld", "email": "vera@example.org", "organisation": "groningen", "locale": "nl" }
//	  ],
//	  "themes": [{ "key": "sport", "name": "Sport" }],
//	  "partnerships": [
//	    {
//	      "key": "groningen-bremen", "name": "Groningen – Bremen", "kind": "CROSS_BORDER", "since": 2009,
//	      "members": [
//	        { "organisation": "groningen", "role": "LEAD", "coordinators": ["vera-voorbeeld"] },
//	        { "organisation": "bremen", "role": "MEMBER" }
//	      ],
//	      "agreements": [{ "key": "first", "title": "Agreement of 2009", "signedOn": "2009", "termYears": 5, "renewal": "TACIT" }]
//	    }
//	  ],
//	  "series": [
//	    { "key": "sport-day", "partnership": "groningen-bremen", "name": "Day of sport", "cadence": "YEARLY", "rotation": ["groningen", "bremen"] }
//	  ],
//	  "editions": [
//	    {
//	      "key": "sport-day-2027", "series": "sport-day", "title": "Day of sport 2027", "year": 2027, "status": "PUBLISHED",
//	      "host": "groningen", "startsOn": "2027-06-10", "endsOn": "2027-06-10", "timeZone": "Europe/Amsterdam", "languages": ["en"],
//	      "venue": { "name": "Town hall", "city": "Groningen", "country": "NL" },
//	      "retentionMonths": 12, "rooms": [{ "key": "hall", "name": "Great hall", "capacity": 80 }],
//	      "sessions": [
//	        {
//	          "key": "opening", "kind": "PLENARY", "title": "Opening", "starts": "2027-06-10T10:00", "ends": "2027-06-10T11:00", "room": "hall",
//	          "contributions": [{ "role": "CHAIR", "person": "vera-voorbeeld" }],
//	          "children": [
//	            {
//	              "key": "clubs", "kind": "PLENARY", "title": "Clubs and those without", "starts": "2027-06-10T10:15", "ends": "2027-06-10T10:45",
//	              "themes": ["sport"], "contributions": [{ "role": "SPEAKER", "name": "Jane Example", "affiliation": "Example University" }]
//	            }
//	          ]
//	        }
//	      ]
//	    }
//	  ],
//	  "courses": [
//	    {
//	      "key": "refereeing", "organisation": "bremen", "title": "Refereeing", "days": 1, "price": { "amountMinor": 2500, "currency": "EUR" },
//	      "runs": [
//	        { "key": "spring", "startsOn": "2027-04-15", "endsOn": "2027-04-15", "timeZone": "Europe/Berlin", "status": "PLANNED", "languages": ["de"], "capacity": 15 }
//	      ]
//	    }
//	  ]
//	}
//
// The comments on the Go types, beginning with [File], say what each field means; [Schema] says the same to editors
// and other programs, as JSON Schema.
//
// # Keys
//
// Every record but a member and a contribution has a key, of lower-case letters, digits and hyphens. Keys of
// organisations, people, themes, partnerships, series, editions and courses are unique among all records of their
// kind, in all files. Those of agreements, rooms, sessions and course runs are unique within what they are part of.
// A key stays with its record: importing it again updates the record. Where one record refers to another it names
// its key. The other may stand earlier or later in the file, or come from an earlier import; a session's room is
// always one of its own edition.
//
// # Days and times
//
// Times are those of the clocks at the place, without offset; the edition names its time zone. A time that the
// clocks skip in spring is refused, and of one that comes twice in autumn the earlier is meant. A session starts
// on a day of its edition and ends later than it starts. It may cross midnight, on the last day until 06:00. A
// session inside a block lies within the block's times.
//
// What isn't known is left out, never guessed:
//
//   - An edition of which only the year is known has neither startsOn nor endsOn, and no sessions.
//   - A session of which only the day is known has "day" instead of starts and ends. Such sessions come in the
//     order in which they are listed. One inside a block has neither times nor day: it is part of its block.
//   - An agreement's date may be a year or a month.
//
// # Problems
//
// [Parse] reports all problems of a file at once, with line and path: fields that don't exist, are missing, twice,
// null or empty; values of the wrong type; keys used twice; days, times, rooms, zones, languages, countries and
// addresses that cannot be. What follows from a value that couldn't be read isn't reported again. References to
// other files are for the import to look up: see [File.Outside].
package programme
