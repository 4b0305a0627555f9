package snapshot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// postData is what the archive has to be done after the rows, as SQL.
type postData struct {
	preamble string // of each session
	entries  []postEntry
}

// postEntry is an entry of the archive with the statements that make its object.
type postEntry struct {
	tocEntry
	kind string // "INDEX", "FK CONSTRAINT"
	deps []int  // ids of entries that it needs
	sql  string
}

// readPostData has pg_restore write the post-data section as a script, and takes it apart. PostgreSQL's own program knows what there is to do
// for each kind of object; only the order is ours.
func (c *copier) readPostData(ctx context.Context, wanted []tocEntry) (postData, error) {
	var stdout, stderr bytes.Buffer
	args := []string{"--section=post-data", "--use-list=" + c.target.Tools.TempPath("schema.list"), "--no-tablespaces", "--verbose", "--file=-", c.archive}
	if err := c.target.Tools.Exec(ctx, "pg_restore", args, []string{"LC_ALL=C"}, &stdout, &stderr); err != nil {
		return postData{}, interruptedOr(ctx, dumpError("pg_restore", stderr.String(), err))
	}
	p := parseScript(stdout.String(), wanted)
	if told := strings.Count("\n"+stderr.String(), "\npg_restore: creating "); told != len(p.entries) {
		return p, &DumpError{Program: "pg_restore", Kind: DumpFailed, Text: fmt.Sprintf("it wrote %d objects, %d could be read", told, len(p.entries))}
	}
	return p, nil
}

// scriptHead begins an entry in a script of pg_restore --verbose (pg_backup_archiver.c, _printTocEntry).
var scriptHead = regexp.MustCompile(`(?m)^--\n-- TOC entry (\d+) \(class (\d+) OID (\d+)\)\n(?:-- Dependencies:([ \d]*)\n)?-- Name: (.*); Type: (.*?); Schema: (.*); Owner: (.*)\n(?:-- Data Pos: \d+\n)?--\n\n`)

// scriptMode are the settings that pg_restore makes between entries, before the one that needs them.
var scriptMode = regexp.MustCompile(`(?m)^SET default_(?:tablespace|table_access_method) = .*;\n`)

// scriptOwn are lines that are for psql.
var scriptOwn = regexp.MustCompile(`(?m)^\\(?:un)?restrict .*$`)

// parseScript takes a script of pg_restore apart. What looks like the head of an entry within a statement is not taken for one: a head has the
// number and the names that the table of contents has, once.
func parseScript(script string, wanted []tocEntry) postData {
	known := map[int]tocEntry{}
	for _, e := range wanted {
		known[e.id] = e
	}
	var p postData
	begin := -1 // of the entry before
	put := func(end int) {
		if begin < 0 {
			p.preamble = scriptOwn.ReplaceAllString(script[:end], "")
			return
		}
		p.entries[len(p.entries)-1].sql += scriptOwn.ReplaceAllString(script[begin:end], "")
	}
	for _, m := range scriptHead.FindAllStringSubmatchIndex(script, -1) {
		field := func(i int) string {
			if m[2*i] < 0 {
				return ""
			}
			return script[m[2*i]:m[2*i+1]]
		}
		id, _ := strconv.Atoi(field(1))
		e, ok := known[id]
		if !ok || e.text != strings.Join([]string{field(6), field(7), field(5), field(8)}, " ") {
			continue
		}
		delete(known, id)
		put(m[0])
		begin = m[1]
		p.entries = append(p.entries, postEntry{tocEntry: e, kind: field(6), deps: numbers(field(4))})
	}
	put(len(script))
	p.settle()
	return p
}

func numbers(list string) []int {
	var all []int
	for field := range strings.FieldsSeq(list) {
		n, _ := strconv.Atoi(field)
		all = append(all, n)
	}
	return all
}

// settle moves settings that stand at the end of an entry to the beginning of those that follow, each of which may run in another session.
func (p *postData) settle() {
	mode := ""
	for i := range p.entries {
		e := &p.entries[i]
		own := mode
		body := e.sql
		for {
			all := scriptMode.FindAllStringIndex(body, -1)
			if len(all) == 0 || strings.TrimSpace(body[all[len(all)-1][1]:]) != "" {
				break
			}
			last := all[len(all)-1]
			mode = body[last[0]:last[1]]
			body = body[:last[0]]
		}
		e.sql = own + strings.TrimSpace(body)
	}
}

// worker opens a session of the target as pg_restore's would be.
func (c *copier) worker(ctx context.Context) (*pgx.Conn, error) {
	conn, err := c.target.session(ctx, c.src.server)
	if err != nil {
		return nil, err
	}
	if _, err := conn.PgConn().Exec(ctx, "SET lc_messages = 'C'; "+c.post.preamble).ReadAll(); err != nil {
		closeConn(ctx, conn)
		return nil, targetError("prepare a session", err)
	}
	return conn, nil
}

// try runs the statements of an entry, together or not at all; again when the server ended it for a deadlock.
func try(ctx context.Context, conn *pgx.Conn, sql string) error {
	for attempt := 1; ; attempt++ {
		_, err := conn.PgConn().Exec(ctx, sql).ReadAll()
		if err != nil && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if stateIs(err, deadlocked) && attempt < 5 {
			continue
		}
		return err
	}
}

// tryNamed is try for what may call functions of the database. pg_restore has no search path, so that its definitions mean what they meant; a
// function that finds its objects by that of the source's sessions gets it in a second attempt.
func (c *copier) tryNamed(ctx context.Context, conn *pgx.Conn, sql string) error {
	err := try(ctx, conn, sql)
	if stateIs(err, "42P01") || stateIs(err, "42883") || stateIs(err, "42704") {
		return try(ctx, conn, "SET LOCAL search_path = "+c.src.server.path()+"; "+sql)
	}
	return err
}

// make makes the object of an entry. What the server refuses is remembered, and the rest goes on.
func (c *copier) make(ctx context.Context, conn *pgx.Conn, e *postEntry, sql string) error {
	if err := c.tryNamed(ctx, conn, sql); err != nil {
		return c.refused(withoutOwner(e.text), conn, err)
	}
	return nil
}

func stateIs(err error, sqlstate string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == sqlstate
}

const (
	deadlocked = "40P01" // SQLSTATE of the one that the server chose to end
	orphaned   = "23503" // of a foreign key that rows break
)

// refused remembers what the server refused to make; it gives an error when it was not a refusal.
func (c *copier) refused(object string, conn *pgx.Conn, err error) error {
	var t *TargetError
	if !errors.As(targetError("restore "+object, err), &t) || t.SQLState == "" || t.Full || conn.IsClosed() {
		return targetError("restore "+object, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.res.RestoreErrors = append(c.res.RestoreErrors, RestoreError{Object: object, Reason: strings.ToValidUTF8(t.Message, "�")})
	return nil
}

// plain are the statements whose constraint can be made of an index: names and options without anything that has to be read with care.
var plain = regexp.MustCompile(`^ALTER TABLE ONLY [^\s;'"]+\n    ADD CONSTRAINT ([^\s;'"]+) (PRIMARY KEY|UNIQUE)\b[^;'"]*;`)

// asIndex gives, for the entry of a primary or unique key, the statement that makes its index and the one that makes the key of it. Building
// the index alone locks the table against writes only, so that other indexes of the table are built beside it.
func asIndex(e *postEntry, table catalog.Table) (index, attach string, ok bool) {
	m := plain.FindStringSubmatch(e.sql)
	if m == nil || strings.Contains(m[0], "WITHOUT OVERLAPS") {
		return "", "", false
	}
	i := slices.IndexFunc(table.Unique, func(k catalog.UniqueKey) bool { return k.Constraint && !k.Exclusion && catalog.Quote(k.Name) == m[1] })
	if i < 0 || table.Unique[i].Primary != (m[2] == "PRIMARY KEY") || !strings.HasPrefix(table.Unique[i].Definition, "CREATE UNIQUE INDEX ") {
		return "", "", false
	}
	attach = fmt.Sprintf("ALTER TABLE ONLY %s ADD CONSTRAINT %s %s USING INDEX %s%s;", ident(table.Schema, table.Name), m[1], m[2], m[1], deferral(m[0]))
	return table.Unique[i].Definition, attach + e.sql[len(m[0]):], true
}

// deferral is what a definition of pg_get_constraintdef ends in, before its semicolon.
func deferral(definition string) string {
	for _, d := range []string{" DEFERRABLE INITIALLY DEFERRED", " DEFERRABLE"} {
		if strings.HasSuffix(definition, d+";") {
			return d
		}
	}
	return ""
}
