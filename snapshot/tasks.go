package snapshot

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// tasks makes a schedule of what follows the rows: an index as soon as its table is complete, a foreign key when both of its tables are, the
// statistics of a table when all that is counted for them is there; and everything else, which takes no time, one after another at the end.
type tasks struct {
	c       *copier
	plan    *schedule
	table   map[uint32]catalog.Table // by OID in the source
	oid     map[int]uint32           // of the entries that are tables, views and the like
	calls   map[int]bool             // ids of the entries that are functions
	done    map[int]*task            // what ends an entry
	of      map[uint32][]*task       // what the statistics of a table wait for
	count   map[uint32]int           // indexes and keys of a table
	rows    map[uint32]*task         // what is done when a table has all of its rows
	allRows *task
	all     []*task
	chain   *task        // last of those that run one after another
	last    []*postEntry // what comes after the views: event triggers would fire, privileges bear on nothing here
}

// planTasks plans what follows the rows, and makes at once what partitioned tables have by themselves, which holds no rows: with rows on their way into the
// partitions it would have to wait for each of them.
func (c *copier) planTasks(ctx context.Context, toc []tocEntry) error {
	t := &tasks{
		c: c, plan: newSchedule(), table: map[uint32]catalog.Table{}, oid: map[int]uint32{}, calls: map[int]bool{}, done: map[int]*task{},
		of: map[uint32][]*task{}, count: map[uint32]int{}, rows: map[uint32]*task{},
	}
	for _, table := range c.desc.Tables {
		t.table[table.OID] = table
	}
	for _, e := range toc {
		if e.class == relationClass {
			t.oid[e.id] = e.object
		}
		t.calls[e.id] = e.class == functionClass
	}
	for i := range c.post.entries {
		for _, oid := range t.tablesOf(&c.post.entries[i]) {
			t.count[oid]++
		}
	}
	t.gates()
	roots := t.divide()
	err := c.onWorker(ctx, func(conn *pgx.Conn) error {
		for _, e := range roots {
			if err := c.make(ctx, conn, e, e.sql); err != nil {
				return err
			}
		}
		return nil
	})
	t.statistics()
	t.freeze()
	c.tasks, c.later = t.plan, t.last
	c.tally.TotalSteps = len(t.all)
	t.plan.start(t.all)
	if len(c.loads) == 0 {
		t.plan.open(t.allRows)
	}
	return err
}

// gates makes a gate for the rows of each table. A partition that is loaded through its root is complete when all of them are.
func (t *tasks) gates() {
	through, own := map[uint32][]*gate{}, map[*load]*gate{} // by root
	all := &gate{task: t.plan.gate()}
	t.allRows = all.task
	for _, l := range t.c.loads {
		g := &gate{task: t.plan.gate()}
		own[l] = g
		t.rows[l.table.OID] = g.task
		if l.via != nil {
			through[l.via.OID] = append(through[l.via.OID], g)
		}
	}
	for _, l := range t.c.loads {
		l.fills = []*gate{all, own[l]}
		if l.via != nil {
			l.fills = append([]*gate{all}, through[l.via.OID]...)
		}
		for _, g := range l.fills {
			g.left++
		}
		if t.c.breaks(l) {
			l.breaks = own[l]
			l.breaks.left++
		}
	}
}

// freeze adds what several sessions that load a table leave undone: its rows are to be as frozen as those of other tables. That takes a
// moment when no other transaction is older than they are, so it comes last.
func (t *tasks) freeze() {
	before := t.all
	for _, l := range t.c.loads {
		if len(l.pieces) == 1 {
			continue
		}
		t.add(&postEntry{}, nil, &task{name: "VACUUM " + l.table.String(), do: func(ctx context.Context, conn *pgx.Conn) error {
			err := try(ctx, conn, logged)
			if err == nil {
				err = try(ctx, conn, "VACUUM (FREEZE) "+ident(l.table.Schema, l.table.Name))
			}
			return asTargetError("freeze "+l.table.String(), err)
		}}, before...)
	}
}

// logged makes sure that the log has every commit so far: rows of one that it lacks cannot be marked as visible to all.
const logged = "BEGIN; SET LOCAL synchronous_commit = on; SELECT pg_logical_emit_message(true, 'rehearse', ''); COMMIT"

// gate is opened when nothing is left that fills the table.
type gate struct {
	task *task
	left int
}

// divide makes a task of each entry but those of partitioned tables, which it returns, and those that come last.
func (t *tasks) divide() (roots []*postEntry) {
	for i := range t.c.post.entries {
		e := &t.c.post.entries[i]
		tables := t.tablesOf(e)
		switch {
		case e.kind == "CONSTRAINT" && strings.HasSuffix(e.sql, " NOT VALID;"): // a NOT NULL of PostgreSQL 18, which rows may break, in partitions too
			t.misc(e)
		case (e.kind == "INDEX" || e.kind == "CONSTRAINT") && len(tables) > 0 && t.early(e, tables):
			roots = append(roots, e)
		case e.kind == "INDEX":
			t.index(e, tables)
		case e.kind == "CONSTRAINT" && len(tables) == 1:
			t.key(e, tables[0])
		case e.kind == "FK CONSTRAINT" && t.foreignKey(e):
		case e.kind == "STATISTICS":
			t.entry(e, modes(tables, shareUpdateExclusive), 0, e.sql)
		case e.kind == "ACL", e.kind == "DEFAULT ACL", e.kind == "EVENT TRIGGER", strings.Contains(e.text, " EVENT TRIGGER "):
			t.last = append(t.last, e)
		default:
			t.misc(e)
		}
	}
	return roots
}

// tablesOf are the tables that an entry names as its needs.
func (t *tasks) tablesOf(e *postEntry) []uint32 {
	var tables []uint32
	for _, id := range e.deps {
		if oid, ok := t.oid[id]; ok && !slices.Contains(tables, oid) {
			tables = append(tables, oid)
		}
	}
	return tables
}

// early says whether an entry concerns partitioned tables alone, and nothing that is made later.
func (t *tasks) early(e *postEntry, tables []uint32) bool {
	return !slices.ContainsFunc(tables, func(oid uint32) bool { return t.table[oid].Kind != 'p' }) &&
		!slices.ContainsFunc(e.deps, func(id int) bool { return t.done[id] != nil })
}

// add adds a task that waits for what its entry needs, and for the rows of its tables; for all rows where it calls a function of the database,
// which may read any of them.
func (t *tasks) add(e *postEntry, tables []uint32, w *task, after ...*task) *task {
	for _, id := range e.deps {
		if before := t.done[id]; before != nil {
			after = append(after, before)
		}
		if t.calls[id] {
			after = append(after, t.allRows)
		}
	}
	for _, oid := range tables {
		if rows := t.rows[oid]; rows != nil {
			after = append(after, rows)
		}
	}
	do := w.do
	w.do = func(ctx context.Context, conn *pgx.Conn) error {
		err := do(ctx, conn)
		t.c.tally.step(t.c.opts.Progress)
		return err
	}
	t.plan.add(w, after...)
	t.all = append(t.all, w)
	for _, oid := range tables {
		t.of[oid] = append(t.of[oid], w)
	}
	return w
}

// entry adds a task that runs statements, and ends its entry.
func (t *tasks) entry(e *postEntry, locks []tableLock, weight int64, sql string, after ...*task) {
	t.done[e.id] = t.add(e, lockedTables(locks), &task{name: e.text, locks: locks, weight: weight, do: func(ctx context.Context, conn *pgx.Conn) error {
		return t.c.make(ctx, conn, e, sql)
	}}, after...)
}

func modes(tables []uint32, mode lockMode) []tableLock {
	locks := make([]tableLock, len(tables))
	for i, oid := range tables {
		locks[i] = tableLock{oid, mode}
	}
	return locks
}

func lockedTables(locks []tableLock) []uint32 {
	tables := make([]uint32, len(locks))
	for i, l := range locks {
		tables[i] = l.table
	}
	return tables
}

// size is how much there is to go through in a table.
func (t *tasks) size(oid uint32) int64 { return t.table[oid].Bytes + t.table[oid].ToastBytes }

// index adds what makes an index. Some have more to say of it, which takes stronger locks.
func (t *tasks) index(e *postEntry, tables []uint32) {
	mode := share
	if strings.Contains(e.sql, "\nALTER ") {
		mode = accessExclusive
	}
	var size int64
	for _, oid := range tables {
		size += t.size(oid)
	}
	if strings.Contains(e.sql, " USING gin ") || strings.Contains(e.sql, " USING gist ") || strings.Contains(e.sql, " USING spgist ") {
		size *= 4
	}
	t.entry(e, modes(tables, mode), size, e.sql)
}

// besides is the size from which it pays to build the index of a key beside other indexes of its table.
const besides = 4 << 20

// key adds what makes a primary, unique or exclusion constraint.
func (t *tasks) key(e *postEntry, table uint32) {
	locks, size := modes([]uint32{table}, accessExclusive), t.size(table)
	if size >= besides && t.count[table] > 1 {
		if index, attach, ok := asIndex(e, t.table[table]); ok {
			built := t.add(e, []uint32{table}, &task{name: e.text, locks: modes([]uint32{table}, share), weight: size, do: func(ctx context.Context, conn *pgx.Conn) error {
				return t.c.make(ctx, conn, e, index)
			}})
			t.entry(e, locks, size, attach, built)
			return
		}
	}
	t.entry(e, locks, size, e.sql)
}

// foreignKey adds what makes a foreign key: without looking at the rows, which locks out writers of both tables, and then looking, which lets
// other keys of the parent be looked at meanwhile. On partitioned tables PostgreSQL can do that only in one.
func (t *tasks) foreignKey(e *postEntry) bool {
	i := slices.IndexFunc(t.c.desc.ForeignKeys, func(k catalog.ForeignKey) bool { return k.OID == e.object })
	if i < 0 {
		return false
	}
	k := t.c.desc.ForeignKeys[i]
	tables := []uint32{k.Child}
	if k.Parent != k.Child {
		tables = append(tables, k.Parent)
	}
	weight := (t.size(k.Child) + t.size(k.Parent)) / 2
	if !k.Valid || t.table[k.Child].Kind == 'p' || t.table[k.Parent].Kind == 'p' {
		t.done[e.id] = t.add(e, t.leaves(tables), &task{name: e.text, locks: modes(tables, shareRowExclusive), weight: weight, do: func(ctx context.Context, conn *pgx.Conn) error {
			return t.c.addKey(ctx, conn, e, k)
		}})
		return true
	}
	added := t.add(e, nil, &task{name: e.text, locks: modes(tables, shareRowExclusive), weight: weight, do: func(ctx context.Context, conn *pgx.Conn) error {
		return t.c.make(ctx, conn, e, notValid(e.sql))
	}}, t.rowsOf(tables)...)
	locks := append(modes(tables[1:], rowShare), tableLock{k.Child, shareUpdateExclusive})
	t.done[e.id] = t.add(e, nil, &task{name: e.text, locks: locks, weight: weight, do: func(ctx context.Context, conn *pgx.Conn) error {
		return t.c.validateKey(ctx, conn, e, k)
	}}, added)
	return true
}

// leaves adds the partitions of partitioned tables.
func (t *tasks) leaves(tables []uint32) []uint32 {
	all := slices.Clone(tables)
	for _, l := range t.c.loads {
		if slices.Contains(tables, l.table.Root) {
			all = append(all, l.table.OID)
		}
	}
	return all
}

func (t *tasks) rowsOf(tables []uint32) []*task {
	var gates []*task
	for _, oid := range tables {
		if rows := t.rows[oid]; rows != nil {
			gates = append(gates, rows)
		}
	}
	return gates
}

// misc adds what takes no time: after all rows, one after another in the order of the archive.
func (t *tasks) misc(e *postEntry) {
	before := t.allRows
	if t.chain != nil {
		before = t.chain
	}
	t.chain = t.add(e, nil, &task{name: e.text, locks: modes(t.tablesOf(e), accessExclusive), do: func(ctx context.Context, conn *pgx.Conn) error {
		return t.c.make(ctx, conn, e, e.sql)
	}}, before)
	t.done[e.id] = t.chain
}

// sampled is the size beyond which statistics take no longer: so much, roughly, are the rows that ANALYZE looks at.
const sampled = 256 << 20

// statistics adds ANALYZE of each table. The source's own statistics, which hold raw values, are never copied.
func (t *tasks) statistics() {
	for _, table := range analyzable(t.c.desc.Tables, t.c.src.server.Major()) {
		tables := []uint32{table.OID}
		if table.Kind == 'p' {
			tables = t.leaves(tables)
		}
		var weight int64
		for _, oid := range tables {
			weight += min(t.size(oid), sampled)
		}
		var after []*task
		for _, oid := range tables {
			after = append(after, t.of[oid]...)
		}
		t.add(&postEntry{}, tables, &task{
			name: "ANALYZE " + table.String(), locks: modes(tables, shareUpdateExclusive), weight: weight,
			do: func(ctx context.Context, conn *pgx.Conn) error { return t.c.analyze(ctx, conn, table) },
		}, after...)
	}
}

// onWorker runs f with a session such as the tasks have.
func (c *copier) onWorker(ctx context.Context, f func(conn *pgx.Conn) error) error {
	conn, err := c.worker(ctx)
	if err != nil {
		return err
	}
	defer closeConn(ctx, conn)
	return f(conn)
}

// startTasks lets sessions of the target work on the tasks while the rest is loaded, until finishTasks. A failure ends the copy's context.
func (c *copier) startTasks(ctx context.Context) {
	c.tasks.allow((c.opts.Jobs + 1) / 2)
	c.working = make(chan error, 1)
	go func() {
		err := c.tasks.work(ctx, c.opts.Jobs, c.worker)
		if err != nil {
			c.fail(err)
		}
		c.working <- err
	}()
}

// finishTasks gives the tasks all there is to work with and waits for their end.
func (c *copier) finishTasks(context.Context) error {
	c.tasks.allow(c.opts.Jobs)
	err := <-c.working
	c.working = nil
	return err
}

// stopTasks ends what is left of them.
func (c *copier) stopTasks() {
	c.fail(nil)
	if c.working != nil {
		<-c.working
	}
}
