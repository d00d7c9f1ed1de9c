package db

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
)

// Series is a recurring meeting of a partnership.
type Series struct {
	bun.BaseModel `bun:"table:series,alias:series"`

	ID            ID `bun:",pk"`
	Key           string
	PartnershipID ID
	Name          string
	Description   string
	Cadence       Cadence

	Partnership   *Partnership      `bun:"rel:belongs-to,join:partnership_id=id"`
	OpenActions   []*ReportAction   `bun:"-"` // that are to be done, by due date
	OpenQuestions []*ReportQuestion `bun:"-"` // that look for an answer, the oldest first
	rotation      []*Organisation
	nextHost      *Organisation
	siblings      *siblings
}

// Cadence is how often a series comes back.
type Cadence string

// turn is an organisation's place in the rotation of hosts.
type turn struct {
	bun.BaseModel `bun:"table:rotations,alias:rotation"`

	SeriesID       ID `bun:",pk"`
	OrganisationID ID
	Position       int `bun:",pk"`
}

func (s *Series) id() ID { return s.ID }

// Rotation returns the organisations that host in turn, if the shape asked for them.
func (s *Series) Rotation() []Party { return parties(s.rotation) }

// NextHost returns who hosts after the latest edition that was not cancelled, if the shape asked for it.
func (s *Series) NextHost() Party { return s.nextHost.party() }

// hostAfter returns whose turn it is after a host: the next in the rotation, the first when there was no host or one from
// outside the rotation.
func hostAfter(rotation []ID, host ID) ID {
	if len(rotation) == 0 {
		return ID{}
	}
	return rotation[(slices.Index(rotation, host)+1)%len(rotation)]
}

func (v view) loadSeries(ctx context.Context, ids []ID, shape Shape) (map[ID]*Series, error) {
	ids = distinct(ids)
	if len(ids) == 0 {
		return nil, nil
	}
	var rows []*Series
	q := v.tx.NewSelect().Model(&rows)
	if shape.Has("partnership") {
		q = q.Relation("Partnership")
	}
	if err := selectAmong(ctx, v.tx, &rows, q, "series.id", ids); err != nil {
		return nil, fmt.Errorf("series: %w", err)
	}
	found := make(map[ID]*Series, len(rows))
	for _, row := range rows {
		found[row.ID] = row
	}
	return found, v.series(ctx, rows, shape)
}

func (v view) series(ctx context.Context, rows []*Series, shape Shape) error {
	if len(rows) == 0 {
		return nil
	}
	ids := distinct(idsOf(rows))
	together := newSiblings(ids)
	for _, row := range rows {
		row.siblings = together
	}
	if shape.Has("partnership") {
		if err := v.partnershipsOfSeries(ctx, rows, shape.Of("partnership")); err != nil {
			return err
		}
	}
	if err := v.openEndsOfSeries(ctx, rows, shape); err != nil {
		return err
	}
	if !shape.Has("rotation", "nextHost") {
		return nil
	}
	var turns []*turn
	if err := selectAmong(ctx, v.tx, &turns, v.tx.NewSelect().Model(&turns).Order("series_id", "position"), "series_id", ids); err != nil {
		return fmt.Errorf("rotation: %w", err)
	}
	var latest map[ID]ID
	if shape.Has("nextHost") {
		var err error
		if latest, err = v.latestHosts(ctx, ids); err != nil {
			return err
		}
	}
	bySeries := groupBy(turns, func(t *turn) ID { return t.SeriesID })
	for _, row := range rows {
		turns := bySeries[row.ID]
		rotation := make([]ID, len(turns))
		row.rotation = make([]*Organisation, len(turns))
		for i, t := range turns {
			rotation[i] = t.OrganisationID
			v.wantOrganisation(t.OrganisationID, shape.Of("rotation"), func(o *Organisation) { row.rotation[i] = o })
		}
		v.wantOrganisation(hostAfter(rotation, latest[row.ID]), shape.Of("nextHost"), func(o *Organisation) { row.nextHost = o })
	}
	return nil
}

// partnershipsOfSeries completes the partnerships of series, loading those that did not come with the series.
func (v view) partnershipsOfSeries(ctx context.Context, rows []*Series, shape Shape) error {
	known := map[ID]*Partnership{}
	var missing []ID
	for _, row := range rows {
		if row.Partnership == nil {
			missing = append(missing, row.PartnershipID)
		} else {
			known[row.PartnershipID] = row.Partnership
		}
	}
	if err := v.partnerships(ctx, values(known), shape); err != nil {
		return err
	}
	loaded, err := v.loadPartnerships(ctx, missing, shape)
	for _, row := range rows {
		if row.Partnership = known[row.PartnershipID]; row.Partnership == nil {
			row.Partnership = loaded[row.PartnershipID]
		}
	}
	return err
}

// latestHosts returns the host of the latest edition of each series that was not cancelled and that the actor may know of.
func (v view) latestHosts(ctx context.Context, series []ID) (map[ID]ID, error) {
	var rows []struct{ SeriesID, HostID ID }
	ranked := v.visible(v.tx.NewSelect().Model((*Edition)(nil))).
		ColumnExpr("edition.series_id, edition.host_id").
		ColumnExpr("row_number() OVER (PARTITION BY edition.series_id ORDER BY edition.sorts_on DESC, edition.id DESC) AS place").
		Where("edition.series_id IN (?)", bun.List(series)).Where("edition.status <> ?", EditionCancelled).Where("edition.host_id IS NOT NULL")
	if err := v.tx.NewSelect().ColumnExpr("series_id, host_id").TableExpr("(?) AS ranked", ranked).Where("place = 1").Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("latest hosts: %w", err)
	}
	hosts := make(map[ID]ID, len(rows))
	for _, row := range rows {
		hosts[row.SeriesID] = row.HostID
	}
	return hosts, nil
}

// EditionsOf returns the editions of a series, the latest first.
func (d *DB) EditionsOf(ctx context.Context, actor Actor, s *Series, p Page, shape Shape) (*Connection[Edition], error) {
	return pageOf(s.siblings, s.ID, "editions", p, shape, func(ids []ID) (map[ID]*Connection[Edition], error) {
		return d.editionsBy(ctx, actor, "edition.series_id", ids, p, shape)
	})
}
