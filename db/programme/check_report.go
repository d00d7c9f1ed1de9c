package programme

import "slices"

// aftermath checks what came of an edition, whose sessions are known by now.
func (m *meeting) aftermath(at *place, r *Report) {
	m.choice(at.field("status"), r.Status, "DRAFT", "IN_REVIEW", "PUBLISHED")
	here := at.field("publishedOn")
	if r.Status != "PUBLISHED" && r.PublishedOn != "" {
		m.problem(here, `Leave out "publishedOn"; only a report that is PUBLISHED has it.`)
	} else {
		m.date(here, r.PublishedOn)
	}
	m.choice(at.field("language"), r.Language, "nl", "de", "en")
	if m.present(at.field("summary"), r.Summary) {
		m.text(at.field("summary"), r.Summary)
	}
	written := []string{r.Language}
	each(at.field("translations"), r.Translations, func(at *place, t *Translation) {
		m.choice(at.field("language"), t.Language, "nl", "de", "en")
		if slices.Contains(written, t.Language) && t.Language != "" {
			m.problem(at.field("language"), "Remove this translation; the summary is there in %q already.", t.Language)
		}
		written = append(written, t.Language)
		if m.present(at.field("summary"), t.Summary) {
			m.text(at.field("summary"), t.Summary)
		}
	})
	m.refersAll(at.field("attended"), PersonKind, r.Attended)
	items := map[string]bool{}
	each(at.field("items"), r.Items, func(at *place, i *Item) {
		here := at.field("session")
		switch {
		case items[i.Session]:
			m.problem(here, "Put together what there is about the session %q; it is listed twice.", i.Session)
		case i.Session == "":
			if len(i.Findings) > 0 {
				m.problem(at.field("findings"), `Add the "session" in which this was found.`)
			}
		case m.slug(here, i.Session) && m.sessions[i.Session] == nil:
			m.problem(here, "Correct the key %q, or add the session it means to the edition; none there has this key.", i.Session)
		}
		items[i.Session] = true
		m.lines(at.field("findings"), i.Findings)
		each(at.field("questions"), i.Questions, m.asked)
		each(at.field("materials"), i.Materials, func(at *place, x *Material) {
			m.title(at.field("title"), x.Title)
			if m.present(at.field("url"), x.URL) {
				m.website(at.field("url"), x.URL)
			}
		})
	})
	each(at.field("actions"), r.Actions, func(at *place, a *Action) {
		if m.present(at.field("description"), a.Description) {
			m.text(at.field("description"), a.Description)
		}
		m.present(at.field("owner"), a.Owner)
		m.refers(at.field("owner"), OrganisationKind, a.Owner)
		m.refers(at.field("person"), PersonKind, a.Person)
		m.date(at.field("due"), a.Due)
		m.choice(at.field("status"), a.Status, "OPEN", "DONE", "DROPPED")
	})
}

func (m *meeting) asked(at *place, q *Asked) {
	if m.present(at.field("text"), q.Text) {
		m.text(at.field("text"), q.Text)
	}
	m.refers(at.field("askedBy"), OrganisationKind, q.AskedBy)
	m.refers(at.field("person"), PersonKind, q.Person)
	m.choice(at.field("status"), q.Status, "OPEN", "ANSWERED")
	offered := map[string]bool{}
	each(at.field("offers"), q.Offers, func(at *place, o *Offer) {
		here := at.field("organisation")
		m.present(here, o.Organisation)
		m.refers(here, OrganisationKind, o.Organisation)
		if offered[o.Organisation] && o.Organisation != "" {
			m.problem(here, "Remove one of the offers; %q offers help already.", o.Organisation)
		}
		offered[o.Organisation] = true
		m.text(at.field("note"), o.Note)
	})
}

func (c *checker) practices(at *place, list []Practice) {
	titles := map[string]*place{}
	each(at, list, func(at *place, p *Practice) {
		here := at.field("title")
		if first, used := titles[p.Title]; used && p.Title != "" {
			c.problem(here, "Choose another title; %q is already that of %s.", p.Title, first.parent)
		}
		titles[p.Title] = here
		c.title(here, p.Title)
		c.choice(at.field("language"), p.Language, "nl", "de", "en")
		if c.present(at.field("description"), p.Description) {
			c.text(at.field("description"), p.Description)
		}
		c.refersAll(at.field("partners"), OrganisationKind, p.Partners)
		c.money(at.field("budget"), p.Budget)
		c.line(at.field("term"), p.Term)
		c.lines(at.field("successFactors"), p.SuccessFactors)
		c.lines(at.field("pitfalls"), p.Pitfalls)
		c.lines(at.field("pointsOfAttention"), p.PointsOfAttention)
		c.lines(at.field("recommendations"), p.Recommendations)
	})
}
