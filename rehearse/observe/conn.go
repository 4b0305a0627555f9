package observe

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// Conn is a migrating session as the [Recorder] asks it: pgx's own, or one that passes through a proxy. It is comparable.
type Conn interface {
	PID() uint32
	// TxStatus is the server's word on the transaction: I none, T in one, E in one that failed.
	TxStatus() byte
	IsClosed() bool
	// Ask sends statements and gives their results, in text, one for each up to the one that failed.
	Ask(ctx context.Context, statements ...string) ([]*pgconn.Result, error)
}

// pgxConn is a session of pgx's.
type pgxConn struct{ *pgx.Conn }

func (c pgxConn) PID() uint32    { return c.PgConn().PID() }
func (c pgxConn) TxStatus() byte { return c.PgConn().TxStatus() }

func (c pgxConn) Ask(ctx context.Context, statements ...string) ([]*pgconn.Result, error) {
	return c.PgConn().Exec(ctx, strings.Join(statements, ";\n")).ReadAll()
}

// Query is one query on its way, between Begin and End.
type Query struct {
	conn    Conn
	session *session
	stmt    *statement // nil: transaction control or bookkeeping
	inside  bool       // sent inside a transaction block
	sql     string
	wire    bool // of any client, not of goose
	start   time.Duration
	end     time.Duration
	watch   *watch
}

// Ended is what became of a query.
type Ended struct {
	SQL  string   // the text sent, where more of it came after Begin; else ""
	Tags []string // the command tags of its statements
	Err  error
}

// Begin is for sessions that are not pgx's: sql is about to be sent. Transaction control is told by its text, everything that the ignore given
// to Start does not name is a statement. It is nil when nothing is recorded.
func (r *Recorder) Begin(ctx context.Context, c Conn, sql string) *Query {
	r.mu.Lock()
	defer r.mu.Unlock()
	if word := control(sql); word != "" {
		sql = word
	}
	return r.begin(ctx, c, sql, true)
}

// End is for what Begin gave, when the server is ready again.
func (r *Recorder) End(ctx context.Context, q *Query, e Ended) {
	if q == nil {
		return
	}
	if q.stmt != nil && e.SQL != "" && e.SQL != q.stmt.src.SQL {
		r.mu.Lock()
		q.stmt.src.SQL, q.stmt.SQL = e.SQL, Fold(e.SQL, maxSQL)
		r.mu.Unlock()
	}
	r.end(ctx, q, e.Tags, e.Err)
}

// Gone says that a session is over, so that what it had not committed is undone.
func (r *Recorder) Gone(c Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.sessions[c]; s != nil && r.run != nil {
		r.run.abandoned = r.run.abandoned || s.tx && slices.ContainsFunc(s.pending, (*statement).does)
		s.end(r.run, r.run.now(), false)
	}
}

// does tells a statement that a commit would have made last, by its command tag.
func (s *statement) does() bool {
	switch s.Tag {
	case "", "SELECT", "SHOW", "SET", "RESET", "BEGIN", "START TRANSACTION", "SAVEPOINT", "RELEASE", "ROLLBACK", "DECLARE CURSOR", "FETCH", "MOVE", "CLOSE CURSOR",
		"PREPARE", "DEALLOCATE", "LISTEN", "UNLISTEN", "LOCK TABLE", "EXPLAIN", "SET CONSTRAINTS", "DISCARD":
		return false
	}
	return true
}

// transactional are statements that do nothing but begin or end a transaction.
var transactional = regexp.MustCompile(`(?i)^(?:(begin|start transaction)|(commit|end)|(rollback|abort))( work| transaction)?( (?:isolation level|read|not deferrable|deferrable)[a-z, ]*)?$`)

// control is what pgx would have sent for a statement that does nothing but begin or end a transaction: begin, commit, rollback; else "".
func control(sql string) string {
	if len(sql) > 200 {
		return ""
	}
	m := transactional.FindStringSubmatch(strings.TrimRight(Fold(sql, maxSQL), "; "))
	switch {
	case m == nil:
		return ""
	case m[1] != "":
		return "begin"
	case m[5] != "":
		return ""
	case m[2] != "":
		return "commit"
	}
	return "rollback"
}

// ReadsCatalog tells a query that can do nothing but read the server's catalogs, as tools send them by the hundred before they begin: a SELECT
// from catalogs alone, with no function but the server's own that reads them, or a SHOW.
func ReadsCatalog(sql string) bool {
	if len(sql) > longestLook {
		return false
	}
	sql = strings.TrimRight(Fold(sql, longestLook), "; ")
	switch first, _, _ := strings.Cut(strings.ToUpper(sql), " "); {
	case first == "SHOW":
		return !strings.Contains(sql, ";")
	case first != "SELECT" && first != "WITH" || strings.Contains(sql, ";"):
		return false
	}
	sources := append(catalogSource.FindAllStringSubmatch(sql, -1), joined.FindAllStringSubmatch(sql, -1)...)
	for _, m := range sources {
		for item := range strings.SplitSeq(strings.ToLower(m[1]), ",") {
			if !catalogName.MatchString(strings.TrimSpace(item)) {
				return false
			}
		}
	}
	for _, m := range called.FindAllStringSubmatch(sql, -1) {
		if name := strings.ToLower(m[1]); !harmlessCall.MatchString(name) {
			return false
		}
	}
	return len(sources) > 0 && !writing.MatchString(sql)
}

const longestLook = 20_000

var (
	catalogSource = regexp.MustCompile(`(?i)\bfrom\s+(.*?)(?:\b(?:where|group|order|limit|offset|union|except|intersect|having|for|left|right|full|inner|cross|natural|join|on)\b|\)|;|$)`)
	joined        = regexp.MustCompile(`(?i)\bjoin\s+(?:lateral\s+)?([\w.("]+)`)
	catalogName   = regexp.MustCompile(`^(\(|(lateral )?(unnest|generate_series|generate_subscripts)\b|pg_\w+|information_schema\.)`)
	called        = regexp.MustCompile(`(?i)([\w.]+)\s*\(`)
	harmlessCall  = regexp.MustCompile(`^(pg_catalog\.)?(pg_(get|.*_is_visible|encoding|table|relation|total|size|options|char)\w*|format_type|array\w*|string_agg|unnest|coalesce|nullif|count|max|min|any|some|all|in|not|exists|values|quote_\w+|has_\w+|current_\w+|obj_description|col_description|shobj_description|generate_\w+|row_number|over|partition|lower|upper|substr\w*|position|trim|replace|regexp_\w+|to_reg\w+|concat\w*|length|json\w*|bool_\w+|cast|case|when|then|else|and|or|on|as|from|join|where|select|lateral|by|using|varchar|char|numeric|distinct|filter|information_schema\._pg_\w+)$`)
	writing       = regexp.MustCompile(`(?i)\b(insert|update|delete|merge|into|for\s+(no\s+key\s+)?(update|share))\b`)
)

// number tells sessions apart in the order in which they first sent a statement.
func (u *run) number(s *session) int {
	if u.numbers[s] == 0 {
		u.numbers[s] = len(u.numbers) + 1
	}
	return u.numbers[s]
}

// apart gives statements the numbers of their sessions where there are several.
func (u *run) apart(statements []report.Statement) {
	if len(u.numbers) > 1 {
		for i, s := range u.statements {
			statements[i].Session = s.session
		}
	}
}

// tagOf splits a command tag: "INSERT 0 5" is INSERT and 5 rows; "ALTER TABLE" has no count.
func tagOf(tag pgconn.CommandTag) (string, *int64) {
	words := strings.Fields(tag.String())
	var rows *int64
	for len(words) > 1 && strings.Trim(words[len(words)-1], "0123456789") == "" {
		if rows == nil {
			n := tag.RowsAffected()
			rows = &n
		}
		words = words[:len(words)-1]
	}
	return strings.Join(words, " "), rows
}
