package snapshot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

func noSession(context.Context) (*pgx.Conn, error) { return nil, nil }

// TestScheduleKeepsLocksApart runs many tasks with many sessions and watches which are beside which.
func TestScheduleKeepsLocksApart(t *testing.T) {
	t.Parallel()
	s := newSchedule()
	var mu sync.Mutex
	var order []int
	holding := map[uint32][]lockMode{}
	most := 0
	var all []*task
	for i := range 200 {
		table, mode := uint32(i%7), lockMode(i%5)
		tk := &task{name: fmt.Sprint(i), weight: int64(i), locks: []tableLock{{table, mode}}}
		tk.do = func(context.Context, *pgx.Conn) error {
			mu.Lock()
			for _, held := range holding[table] {
				if slices.Contains(conflicts[mode], held) {
					t.Errorf("task %d got %d of table %d beside %d", i, mode, table, held)
				}
			}
			holding[table] = append(holding[table], mode)
			most = max(most, len(holding[table]))
			mu.Unlock()
			time.Sleep(200 * time.Microsecond)
			mu.Lock()
			at := slices.Index(holding[table], mode)
			holding[table] = slices.Delete(holding[table], at, at+1)
			order = append(order, i)
			mu.Unlock()
			return nil
		}
		if i >= 100 { // the second half waits for the first, one by one
			s.add(tk, all[i-100])
		} else {
			s.add(tk)
		}
		all = append(all, tk)
	}
	s.start(all)
	s.allow(16)
	if err := s.work(t.Context(), 16, noSession); err != nil {
		t.Fatal(err)
	}
	if len(order) != 200 || most < 2 {
		t.Errorf("%d tasks ran, at most %d on one table", len(order), most)
	}
	for i := 100; i < 200; i++ {
		if slices.Index(order, i) < slices.Index(order, i-100) {
			t.Errorf("task %d ended before what it waits for", i)
		}
	}
}

// TestScheduleGate: nothing that waits for rows begins before they are there, the limit holds, and what the longest work waits for goes first.
func TestScheduleGate(t *testing.T) {
	t.Parallel()
	s := newSchedule()
	rows := s.gate()
	var got []string
	var all []*task
	for _, name := range []string{"light", "heavy", "first", "gated", "behind"} {
		weight := map[string]int64{"light": 1, "heavy": 5, "first": 2, "behind": 4, "gated": 9}[name]
		tk := &task{name: name, weight: weight, do: func(context.Context, *pgx.Conn) error { got = append(got, name); return nil }}
		switch name {
		case "gated":
			s.add(tk, rows)
		case "behind":
			s.add(tk, all[2])
		default:
			s.add(tk)
		}
		all = append(all, tk)
	}
	s.start(all)
	s.allow(1)
	done := make(chan error)
	go func() { done <- s.work(t.Context(), 4, noSession) }()
	select {
	case <-done:
		t.Fatal("it ended while a gate was closed")
	case <-time.After(50 * time.Millisecond):
	}
	s.open(rows)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if strings.Join(got, " ") != "first heavy behind light gated" {
		t.Errorf("order: %q", got)
	}
}

// TestScheduleFails: an error ends the schedule, and so does the end of the context while everything waits.
func TestScheduleFails(t *testing.T) {
	t.Parallel()
	s, boom := newSchedule(), errors.New("boom")
	tk := &task{do: func(context.Context, *pgx.Conn) error { return boom }}
	s.add(tk)
	s.add(&task{do: func(context.Context, *pgx.Conn) error { t.Error("what waited for a failure ran"); return nil }}, tk)
	s.start([]*task{tk})
	s.allow(2)
	if err := s.work(t.Context(), 2, noSession); !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
	s = newSchedule()
	s.add(&task{}, s.gate())
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(20*time.Millisecond, func() { cancel(boom) })
	if err := s.work(ctx, 2, noSession); !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
}

const script = `--
-- PostgreSQL database dump
--

\restrict abc

SET statement_timeout = 0;
SELECT pg_catalog.set_config('search_path', '', false);

SET default_table_access_method = heap;

--
-- TOC entry 11 (class 1259 OID 100)
-- Dependencies: 3 4
-- Name: t_i; Type: INDEX; Schema: public; Owner: me
-- Data Pos: 0
--

CREATE INDEX t_i ON public.t USING btree (i);


SET default_table_access_method = columnar;

--
-- TOC entry 12 (class 0 OID 0)
-- Name: INDEX t_i; Type: COMMENT; Schema: public; Owner: me
--

COMMENT ON INDEX public.t_i IS 'looks like one:
--
-- TOC entry 13 (class 2606 OID 7)
-- Name: x; Type: CONSTRAINT; Schema: public; Owner: me
--

--
-- TOC entry 11 (class 1259 OID 100)
-- Name: t_i; Type: INDEX; Schema: public; Owner: me
--

';


-- Completed on 2026-01-01

--
-- PostgreSQL database dump complete
--

\unrestrict abc
`

func TestParseScript(t *testing.T) {
	t.Parallel()
	p := parseScript(script, []tocEntry{
		{id: 11, class: 1259, object: 100, text: "INDEX public t_i me"},
		{id: 12, text: "COMMENT public INDEX t_i me"},
		{id: 13, class: 2606, object: 7, text: "CONSTRAINT public t x me"},
	})
	if strings.Contains(p.preamble, "restrict") || !strings.Contains(p.preamble, "set_config") {
		t.Errorf("preamble: %s", p.preamble)
	}
	if len(p.entries) != 2 {
		t.Fatalf("%d entries: %+v", len(p.entries), p.entries)
	}
	index, comment := p.entries[0], p.entries[1]
	if index.kind != "INDEX" || !slices.Equal(index.deps, []int{3, 4}) || index.sql != "CREATE INDEX t_i ON public.t USING btree (i);" {
		t.Errorf("index: %+v", index)
	}
	if !strings.HasPrefix(comment.sql, "SET default_table_access_method = columnar;\nCOMMENT ON") || strings.Count(comment.sql, "TOC entry") != 2 || strings.Contains(comment.sql, `\unrestrict`) {
		t.Errorf("comment: %+v", comment)
	}
}

func TestAsIndex(t *testing.T) {
	t.Parallel()
	table := catalog.Table{Schema: "public", Name: "t", Unique: []catalog.UniqueKey{
		{Name: "t_pkey", Constraint: true, Primary: true, Definition: "CREATE UNIQUE INDEX t_pkey ON public.t USING btree (i) INCLUDE (j)"},
		{Name: "t_u", Constraint: true, Definition: "CREATE UNIQUE INDEX t_u ON public.t USING btree (j)"},
	}}
	for sql, want := range map[string]string{
		"ALTER TABLE ONLY public.t\n    ADD CONSTRAINT t_pkey PRIMARY KEY (i) INCLUDE (j);\n\nALTER TABLE public.t CLUSTER ON t_pkey;": "ALTER TABLE ONLY \"public\".\"t\" ADD CONSTRAINT t_pkey PRIMARY KEY USING INDEX t_pkey;\n\nALTER TABLE public.t CLUSTER ON t_pkey;",
		"ALTER TABLE ONLY public.t\n    ADD CONSTRAINT t_u UNIQUE (j) DEFERRABLE INITIALLY DEFERRED;":                                  "ALTER TABLE ONLY \"public\".\"t\" ADD CONSTRAINT t_u UNIQUE USING INDEX t_u DEFERRABLE INITIALLY DEFERRED;",
		"ALTER TABLE ONLY public.t\n    ADD CONSTRAINT t_u UNIQUE (j) WITH (fillfactor='70');":                                         "",
		"ALTER TABLE ONLY public.t\n    ADD CONSTRAINT t_u EXCLUDE USING gist (j WITH =);":                                             "",
		"ALTER TABLE ONLY public.t\n    ADD CONSTRAINT t_u UNIQUE (j, during WITHOUT OVERLAPS);":                                       "",
		"ALTER TABLE ONLY public.t\n    ADD CONSTRAINT other UNIQUE (j);":                                                              "",
	} {
		_, attach, ok := asIndex(&postEntry{sql: sql}, table)
		if diff := cmp.Diff(want, attach); diff != "" || ok != (want != "") {
			t.Errorf("%s: %s", sql, diff)
		}
	}
}
