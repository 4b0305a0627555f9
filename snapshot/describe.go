package snapshot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/sanitize"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// Description is what a source holds, as far as planning and copying need to know, all of it read in one transaction.
type Description struct {
	Tables      []catalog.Table
	ForeignKeys []catalog.ForeignKey
	Sequences   []catalog.Sequence
	MatViews    []catalog.MatView // in the order to refresh them
	Extensions  []catalog.Extension
	Roles       []catalog.Role
	Database    catalog.Database
	Outside     catalog.Outside
	Invalid     []catalog.InvalidIndex
	KeyTriggers []catalog.KeyTrigger
	// DatabaseGrants are the privileges on the database, none where they are as PostgreSQL gives them.
	DatabaseGrants []catalog.Grant
	Labels         []catalog.Label
	// LargeObjects are those to copy; none where the plan leaves them out.
	LargeObjects []catalog.LargeObject
	Settings     []catalog.Setting

	partitionKeys map[uint32][]string // columns by root of the partition tree: every key in it
	fixedKeys     map[uint32][]string // those of them whose partitions do not take every value: no hash and no default partition
	movingKeys    map[uint32]bool     // roots of trees where a row may be in another partition on another server
	schemas       map[string]schema   // by name
}

// schema is a row of pg_namespace.
type schema struct {
	oid   uint32
	owner string
}

// Describe reads what there is, in a transaction of its own. When the role may not read all of it the description comes with a
// *[PrivilegeError], which lists everything that is out of reach.
func (s *Source) Describe(ctx context.Context) (*Description, error) {
	var d *Description
	err := s.read(ctx, "describe the database", func(tx *pgx.Conn) (err error) {
		d, err = describe(ctx, tx)
		return err
	})
	if err == nil {
		err = d.nameable(s.server.Address)
	}
	err = s.naming(ctx, err)
	if err != nil {
		return nil, err
	}
	return d, d.readable(s.server.User)
}

// nameable refuses names that are not UTF-8, as a database without an encoding can have: no file of rules could name them.
func (d *Description) nameable(server string) error {
	var odd []string
	for _, t := range d.Tables {
		if !utf8.ValidString(t.Schema + t.Name) {
			odd = append(odd, "table "+strconv.Quote(t.String()))
		}
		for _, c := range t.Columns {
			if !utf8.ValidString(c.Name) {
				odd = append(odd, "column "+strconv.Quote(t.String()+"."+catalog.Quote(c.Name)))
			}
		}
	}
	if len(odd) == 0 {
		return nil
	}
	return &SourceError{
		Kind: NotUTF8, Server: server, Doing: "describe the database",
		Err: fmt.Errorf("names, with their odd bytes as \\x..: %s", strings.Join(odd, ", ")),
	}
}

// Objects reads every object of the source's schema, in a transaction of its own.
func (s *Source) Objects(ctx context.Context) (catalog.Schema, error) {
	var objects catalog.Schema
	err := s.read(ctx, "read the objects", func(tx *pgx.Conn) (err error) {
		objects, err = catalog.Read(ctx, tx)
		return err
	})
	return objects, err
}

// DescribeStaging reads what a staging database holds, as planning the copy of it would.
func DescribeStaging(ctx context.Context, conn *pgx.Conn) (d *Description, err error) {
	if _, err := conn.Exec(ctx, sqlBegin); err != nil {
		return nil, targetError("begin to describe", err)
	}
	d, err = describe(ctx, conn)
	_, end := conn.Exec(context.WithoutCancel(ctx), sqlRelease)
	return d, targetError("describe", errors.Join(err, end))
}

// describe reads in the transaction that tx is in.
func describe(ctx context.Context, tx *pgx.Conn) (*Description, error) {
	var d Description
	var errs [13]error
	d.Tables, errs[0] = catalog.Tables(ctx, tx)
	d.ForeignKeys, errs[1] = catalog.ForeignKeys(ctx, tx)
	d.Sequences, errs[2] = catalog.Sequences(ctx, tx)
	d.MatViews, errs[3] = catalog.MatViews(ctx, tx)
	d.Extensions, errs[4] = catalog.Extensions(ctx, tx)
	d.Roles, errs[5] = catalog.Roles(ctx, tx)
	d.Database, errs[6] = catalog.ReadDatabase(ctx, tx)
	d.Outside, errs[7] = catalog.ReadOutside(ctx, tx)
	d.Settings, errs[8] = catalog.Settings(ctx, tx)
	d.Invalid, errs[9] = catalog.InvalidIndexes(ctx, tx)
	d.DatabaseGrants, errs[10] = catalog.DatabaseGrants(ctx, tx)
	d.Labels, errs[11] = catalog.Labels(ctx, tx)
	d.KeyTriggers, errs[12] = catalog.KeyTriggers(ctx, tx)
	if i := slices.IndexFunc(errs[:], func(err error) bool { return err != nil }); i >= 0 {
		return nil, errs[i] // the first: the others follow from it, the transaction being over
	}
	var err error
	if err = d.readPartitionKeys(ctx, tx); err != nil {
		return nil, err
	}
	d.schemas, err = schemas(ctx, tx)
	return &d, err
}

func schemas(ctx context.Context, tx *pgx.Conn) (map[string]schema, error) {
	rows, err := tx.Query(ctx, sqlSchemas)
	if err != nil {
		return nil, err
	}
	all := map[string]schema{}
	var s schema
	var name string
	_, err = pgx.ForEachRow(rows, []any{&s.oid, &name, &s.owner}, func() error {
		all[name] = s
		return nil
	})
	return all, err
}

// readPartitionKeys gathers, for each partition tree, the columns that any partition key in it reads.
func (d *Description) readPartitionKeys(ctx context.Context, tx *pgx.Conn) error {
	rows, err := tx.Query(ctx, sqlPartitionKeys)
	if err != nil {
		return err
	}
	root := map[uint32]uint32{}
	for _, t := range d.Tables {
		root[t.OID] = t.Root
	}
	d.partitionKeys, d.fixedKeys, d.movingKeys = map[uint32][]string{}, map[uint32][]string{}, map[uint32]bool{}
	var oid uint32
	var column string
	var takesAll, moving bool
	_, err = pgx.ForEachRow(rows, []any{&oid, &column, &takesAll, &moving}, func() error {
		if top := root[oid]; top != 0 {
			d.movingKeys[top] = d.movingKeys[top] || moving
			addOnce(d.partitionKeys, top, column)
			if !takesAll {
				addOnce(d.fixedKeys, top, column)
			}
		}
		return nil
	})
	return err
}

func addOnce(to map[uint32][]string, key uint32, value string) {
	if !slices.Contains(to[key], value) {
		to[key] = append(to[key], value)
	}
}

// readable returns a *PrivilegeError when something to copy is out of the role's reach.
func (d *Description) readable(role string) error {
	e := &PrivilegeError{Role: role}
	for _, t := range d.Tables {
		lockable := t.CanLock || t.Extension != "" // pg_dump locks no members of extensions
		switch {
		case t.Kind == 'p' && !lockable:
			e.Objects = append(e.Objects, "table "+t.String())
		case !holdsRows(t):
		case t.CanSelect && !lockable:
			e.Objects = append(e.Objects, "table "+t.String()+" (as a whole, only by its columns)")
		case !t.CanSelect:
			e.Objects = append(e.Objects, "table "+t.String())
		case t.RowSecurityActive:
			e.Objects = append(e.Objects, "table "+t.String()+" (row security hides rows)")
		}
	}
	for _, q := range d.Sequences {
		if !q.CanSelect {
			e.Objects = append(e.Objects, "sequence "+q.String())
		}
	}
	for _, o := range d.LargeObjects {
		if !o.CanRead {
			e.Objects = append(e.Objects, fmt.Sprintf("large object %d", o.OID))
		}
	}
	if len(e.Objects) == 0 {
		return nil
	}
	return e
}

// holdsRows says whether the table has rows of its own that are copied.
func holdsRows(t catalog.Table) bool { return t.Kind == 'r' }

// MissingExtensions lists the source's extensions whose name is not among those a staging server offers, sorted. Without
// them the schema cannot be restored: ask before anything is copied.
func MissingExtensions(d *Description, available []string) []string {
	var missing []string
	for _, e := range d.Extensions {
		if !slices.Contains(available, e.Name) {
			missing = append(missing, e.Name)
		}
	}
	slices.Sort(missing)
	return missing
}

// AvailableExtensions asks a staging server which extensions it offers.
func AvailableExtensions(ctx context.Context, staging *pgx.ConnConfig) ([]string, error) {
	conn, err := pgx.ConnectConfig(ctx, staging)
	if err != nil {
		return nil, targetError("connect", err)
	}
	defer closeConn(ctx, conn)
	rows, err := conn.Query(ctx, "SELECT name::text FROM pg_available_extensions ORDER BY 1")
	if err != nil {
		return nil, targetError("list extensions", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return names, targetError("list extensions", err)
}

// covers compares the plan with what the frozen source has: the plan was made from an earlier look. Differences are a *ChangedError.
func (d *Description) covers(plan *sanitize.Plan) error {
	e := &ChangedError{}
	for _, t := range d.Tables {
		if !holdsRows(t) {
			continue
		}
		p := plan.Table(t.Schema, t.Name)
		if p == nil {
			e.Objects = append(e.Objects, fmt.Sprintf("table %s appeared", t))
			continue
		}
		e.Objects = append(e.Objects, columnChanges(t, p)...)
	}
	if len(e.Objects) == 0 {
		return nil
	}
	return e
}

func columnChanges(t catalog.Table, p *sanitize.TablePlan) []string {
	var changes []string
	has := map[string]string{}
	for _, c := range t.Columns {
		if c.Generated == "" {
			has[c.Name] = c.BaseType
		}
	}
	for _, c := range p.Columns {
		switch baseType, ok := has[c.Name]; {
		case !ok:
			changes = append(changes, fmt.Sprintf("column %s.%s is gone", t, catalog.Quote(c.Name)))
		case baseType != c.BaseType:
			changes = append(changes, fmt.Sprintf("column %s.%s is %s and was %s", t, catalog.Quote(c.Name), baseType, c.BaseType))
		}
		delete(has, c.Name)
	}
	for name := range has {
		changes = append(changes, fmt.Sprintf("column %s.%s appeared", t, catalog.Quote(name)))
	}
	slices.Sort(changes)
	return changes
}
