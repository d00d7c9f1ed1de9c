package agendabench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"

	"github.com/jackc/pgx/v5/pgxpool"
)

// The bare handler is the limit to compare with: the agenda as one statement in which PostgreSQL writes the JSON itself, prepared,
// behind net/http, without a schema, rights, checks or limits. Just-in-time compilation is off, which would take longer than the
// statement runs. It answers the same object as the API with ids as plain UUIDs.

const organisation = `json_build_object('id', o.id, 'name', o.name, 'country', o.country)`

// item is what the fragment Item selects of session s, with something more.
func item(more string) string {
	return `json_build_object('id', s.id, 'kind', s.kind, 'title', s.title, 'abstract', s.abstract, 'startsAt', s.starts_at, 'endsAt', s.ends_at,
	'startsAtLocal', s.starts_local, 'endsAtLocal', s.ends_local, 'languages', s.languages::json,
	'room', (SELECT json_build_object('id', r.id, 'name', r.name) FROM rooms r WHERE r.id = s.room_id),
	'themes', (SELECT coalesce(json_agg(json_build_object('id', t.id, 'name', t.name) ORDER BY st.position), '[]')
		FROM session_themes st JOIN themes t ON t.id = st.theme_id WHERE st.session_id = s.id),
	'contributions', (SELECT coalesce(json_agg(json_build_object('role', c.role, 'name', coalesce(p.name, c.guest_name),
		'affiliation', CASE WHEN p.id IS NULL THEN nullif(c.guest_affiliation, '') ELSE coalesce(o.name, nullif(p.affiliation, '')) END,
		'person', CASE WHEN p.id IS NOT NULL THEN json_build_object('id', p.id, 'name', p.name, 'jobTitle', p.job_title,
			'organisation', CASE WHEN o.id IS NOT NULL THEN ` + organisation + ` END) END) ORDER BY c.position), '[]')
		FROM contributions c LEFT JOIN people p ON p.id = c.person_id LEFT JOIN organisations o ON o.id = p.organisation_id WHERE c.session_id = s.id)` + more + `)`
}

var bareAgenda = `SELECT json_build_object('data', json_build_object('edition', (SELECT json_build_object(
	'id', e.id, 'title', e.title, 'year', e.year, 'status', e.status, 'startsOn', e.starts_on, 'endsOn', e.ends_on, 'timeZone', e.time_zone,
	'languages', e.languages::json, 'venue', CASE WHEN e.venue_name || e.venue_city <> '' THEN json_build_object('name', e.venue_name, 'city', e.venue_city) END,
	'host', (SELECT ` + organisation + ` FROM organisations o WHERE o.id = e.host_id),
	'series', (SELECT json_build_object('id', s.id, 'name', s.name, 'partnership', (SELECT json_build_object('id', p.id, 'name', p.name, 'members',
		(SELECT coalesce(json_agg(json_build_object('role', m.role, 'organisation', ` + organisation + `) ORDER BY m.role <> 'LEAD', m.position), '[]')
			FROM members m JOIN organisations o ON o.id = m.organisation_id WHERE m.partnership_id = p.id))
		FROM partnerships p WHERE p.id = s.partnership_id)) FROM series s WHERE s.id = e.series_id),
	'themes', (SELECT coalesce(json_agg(json_build_object('id', t.id, 'name', t.name) ORDER BY et.position), '[]')
		FROM edition_themes et JOIN themes t ON t.id = et.theme_id WHERE et.edition_id = e.id),
	'days', (SELECT coalesce(json_agg(json_build_object('date', d::date, 'sessions', (SELECT coalesce(json_agg(` +
	item(`, 'children', (SELECT coalesce(json_agg(`+item("")+` ORDER BY s.position), '[]') FROM sessions s WHERE s.parent_id = outermost.id)`) +
	` ORDER BY s.position), '[]') FROM sessions s, LATERAL (SELECT s.id) AS outermost WHERE s.edition_id = e.id AND s.parent_id IS NULL AND s.day = d::date)) ORDER BY d), '[]')
		FROM generate_series(e.starts_on, e.ends_on, interval '1 day') d))
	FROM editions e WHERE e.id = $1 AND e.status <> 'DRAFT')))::text`

// serveBare serves the bare handler until the process is killed.
func serveBare(database, address string) error {
	pool, err := pgxpool.New(context.Background(), database+"&pool_max_conns=16&jit=off")
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var operation struct{ Variables struct{ ID string } }
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(body, &operation)
		}
		var answer []byte
		if err == nil {
			err = pool.QueryRow(r.Context(), bareAgenda, operation.Variables.ID).Scan(&answer)
		}
		if err != nil {
			http.Error(w, fmt.Sprint(err), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
		_, _ = w.Write(answer)
	}))
}
