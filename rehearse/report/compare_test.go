package report_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/verdict"
)

// pushes are a release before and after it was mended: one migration fails no more, one is gone, one came, one blocks writes no longer.
func pushes() report.Comparison {
	then, now := shop(), calm()
	then.ID, then.StartedAt = "20260913-021000-0001", then.StartedAt.Add(-24*time.Hour)
	then.Migrations[0].Blocked = []report.Blocked{{Table: "shop.orders", Writes: report.Wait{Total: ms(41_000), Longest: ms(41_000), Count: 1}}}
	now.Migrations[0].Version, now.Migrations[0].Name = then.Migrations[0].Version, then.Migrations[0].Name
	now.Migrations[0].Blocked = []report.Blocked{{Table: "shop.orders", Writes: report.Wait{Total: ms(200), Longest: ms(200), Count: 1}}}
	now.Snapshot.Rows++
	p := verdict.Policy{MaxTotalTime: 2 * time.Minute, AllowRewriteBelow: 1 << 20}
	verdict.Judge(p, then)
	verdict.Judge(p, now)
	return report.Comparison{Then: then, Now: now}
}

func TestCompared(t *testing.T) {
	t.Parallel()
	c := pushes()
	for ext, render := range map[string]func(*bytes.Buffer) error{
		".md":  func(b *bytes.Buffer) error { return report.MarkdownCompared(b, c) },
		".txt": func(b *bytes.Buffer) error { return report.TextCompared(b, c, report.TextOptions{Width: 160}) },
		".narrow.txt": func(b *bytes.Buffer) error {
			return report.TextCompared(b, c, report.TextOptions{Width: 40, ASCII: true})
		},
	} {
		var b bytes.Buffer
		if err := render(&b); err != nil {
			t.Fatal(err)
		}
		golden(t, "compared"+ext, b.Bytes())
	}
	var b bytes.Buffer
	if err := report.TextCompared(&b, report.Comparison{Then: c.Now, Now: c.Now}, report.TextOptions{Width: 160}); err != nil {
		t.Fatal(err)
	}
	if s := b.String(); strings.Contains(s, "→") || strings.Contains(s, "Findings") || !strings.HasPrefix(s, "still ") {
		t.Errorf("a result against itself:\n%s", s)
	}
}
