package db

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// Theme is a subject that comes back over editions.
type Theme struct {
	bun.BaseModel `bun:"table:themes,alias:theme"`

	ID   ID `bun:",pk"`
	Key  string
	Name string
}

func (t *Theme) id() ID { return t.ID }

// editionTheme and sessionTheme place themes on editions and sessions, in the organisers' order.
type editionTheme struct {
	bun.BaseModel `bun:"table:edition_themes,alias:edition_theme"`

	EditionID ID `bun:",pk"`
	ThemeID   ID `bun:",pk"`
	Position  int
}

type sessionTheme struct {
	bun.BaseModel `bun:"table:session_themes,alias:session_theme"`

	SessionID ID `bun:",pk"`
	ThemeID   ID `bun:",pk"`
	Position  int
}

// Themes lists all themes by name.
func (d *DB) Themes(ctx context.Context) ([]*Theme, error) {
	themes := []*Theme{}
	if err := d.read.NewSelect().Model(&themes).Order("name", "id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("themes: %w", err)
	}
	return themes, nil
}

// themesOf returns the themes of editions or sessions in their order: link is the table between, column the one that names
// the edition or session.
func (v view) themesOf(ctx context.Context, link, column bun.Ident, of []ID) (map[ID][]*Theme, error) {
	if len(of) == 0 {
		return nil, nil
	}
	type placed struct {
		OfID ID
		ID   ID
		Name string
	}
	var rows []*placed
	q := v.tx.NewSelect().TableExpr("? AS link", link).Join("JOIN themes AS theme ON theme.id = link.theme_id").
		ColumnExpr("link.? AS of_id, theme.id, theme.name", column).
		OrderExpr("link.?, link.position", column)
	if err := selectAmong(ctx, v.tx, &rows, q, "link."+column, of); err != nil {
		return nil, fmt.Errorf("themes: %w", err)
	}
	themes := map[ID]*Theme{}
	byOwner := map[ID][]*Theme{}
	for _, row := range rows {
		theme, ok := themes[row.ID]
		if !ok {
			theme = &Theme{ID: row.ID, Name: row.Name}
			themes[row.ID] = theme
		}
		byOwner[row.OfID] = append(byOwner[row.OfID], theme)
	}
	return byOwner, nil
}
