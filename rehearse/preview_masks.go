package rehearse

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/sanitize"
)

// RowsWanted are the rows that [PreviewMasks] reads.
type RowsWanted struct {
	Table string // as SQL writes it, or without its schema where no other table is called so
	Rows  int
	Raw   bool // give the source's own values too; they are for a person's eyes and for nothing that is kept
}

// MaskPreview is some rows of a table before and after its masks.
type MaskPreview struct {
	Table     string // quoted, schema qualified
	Ephemeral bool   // the key was made for this preview: no copy has these pseudonyms
	Part      string // which rows a copy has where it is not all of them, as report.TableCopy.Part says
	Columns   []PreviewColumn
	Rows      [][]PreviewValue // a value for each column
}

// PreviewColumn is a column with its mask.
type PreviewColumn struct {
	Name    string
	Mask    string
	Kept    bool
	Follows string // the key whose mask it has, "" when it has a rule of its own
}

// PreviewValue is one value, before and after. Both are in PostgreSQL's text form, nil for NULL and for what is hidden.
type PreviewValue struct {
	Before, After []byte
	Hidden        bool // Before is not shown, nor After of a column that is kept
	Null          bool // Before is NULL
	Length        int  // of Before, in characters
	Same          bool // the mask gives what was there
}

// Masked counts the columns that are not kept.
func (p *MaskPreview) Masked() int {
	n := 0
	for _, c := range p.Columns {
		if !c.Kept {
			n++
		}
	}
	return n
}

// UnknownTableError says that there is no table of a name, or more than one.
type UnknownTableError struct {
	Name string
	Near []string // that could be meant, as SQL writes them
}

func (e *UnknownTableError) Error() string {
	text := fmt.Sprintf("there is no table %s", e.Name)
	if len(e.Near) > 0 {
		text += "; did you mean " + strings.Join(e.Near, " or ") + "?"
	}
	return text
}

// PreviewMasks reads the first rows of a table, and masks them by the very plan and code of a copy. Nothing is started and nothing kept.
// Without wanted.Raw no value of the source leaves it.
func PreviewMasks(ctx context.Context, cfg Config, wanted RowsWanted) (_ *MaskPreview, err error) {
	r := begin(cfg)
	defer r.forgetKey()
	src, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	defer closing(ctx, &err, "close the source", src.Close)
	w, err := r.planCopy(ctx, src)
	if err != nil {
		return nil, err
	}
	defer w.programs.Close()
	table, near := w.plan.Find(wanted.Table)
	if table == nil {
		return nil, &UnknownTableError{Name: wanted.Table, Near: near}
	}
	p := &MaskPreview{Table: qualified(table.Schema, table.Name), Ephemeral: r.cfg.Ephemeral}
	if part := w.plan.Selection().Part(table.Schema, table.Name); !part.Whole() {
		p.Part = string(part.Share)
	}
	for _, c := range table.Columns {
		p.Columns = append(p.Columns, PreviewColumn{Name: c.Name, Mask: c.Mask.Name, Kept: c.Mask.Keep(), Follows: c.Follows})
	}
	if p.Part == report.PartNone || len(p.Columns) == 0 {
		return p, nil
	}
	rows, err := src.First(ctx, w.desc, table, wanted.Rows)
	if err != nil {
		return nil, err
	}
	m := &rowPreview{p: p, row: table.Row(), raw: wanted.Raw}
	for _, row := range rows {
		if err := m.add(row); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// rowPreview masks the rows of a preview.
type rowPreview struct {
	p    *MaskPreview
	row  *sanitize.Row
	raw  bool
	line []byte // masked
}

func (m *rowPreview) add(line []byte) (err error) {
	if m.line, err = m.row.Append(m.line[:0], line); err != nil {
		return err
	}
	before, ok := sanitize.Fields(line)
	after, well := sanitize.Fields(m.line)
	if !ok || !well || len(before) != len(m.p.Columns) || len(after) != len(before) {
		return errors.New("a row is not what COPY gives")
	}
	values := make([]PreviewValue, len(before))
	for i, was := range before {
		v := PreviewValue{
			Before: was, After: after[i], Null: was == nil, Length: utf8.RuneCount(was),
			Same: bytes.Equal(was, after[i]) && (was == nil) == (after[i] == nil),
		}
		if !m.raw {
			v.Before, v.Hidden = nil, was != nil
			if m.p.Columns[i].Kept {
				v.After = nil
			}
		}
		values[i] = v
	}
	m.p.Rows = append(m.p.Rows, values)
	return nil
}
