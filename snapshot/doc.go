// Package snapshot freezes a production database and copies it, masked, into an empty one.
//
// A copy is one consistent view: a leader opens a REPEATABLE READ, READ ONLY transaction on the source and exports its
// snapshot; pg_dump and every worker adopt it, so schema and rows agree however much is written meanwhile. The schema is
// written by pg_dump and restored in two sections around the data, because indexes, keys and triggers are cheaper and safer
// after the rows than before. Rows travel as COPY data, a worker a table or a piece of a large one, binary where the types allow it, and pass the masks of the
// plan in the few buffers between the two sockets: nothing else ever holds a raw value, neither a file, nor a log, nor an error.
//
//	src, err := snapshot.Open(ctx, cfg, snapshot.SourceOptions{})   // one read-only session
//	desc, err := src.Describe(ctx)                                  // what there is, and what may not be read
//	plan, err := rules.Plan(snapshot.Database(desc), keys)          // package sanitize: every column has a mask
//	result, err := snapshot.Copy(ctx, src, plan, target, snapshot.CopyOptions{Jobs: 2})
//
// Where the plan's selection leaves rows out, the server is asked, within the same view, for the places of those to copy (selecting.go), and a
// table is read by these.
//
// The source sees what statements.go lists and nothing else. Its view is held from the moment a copy starts until its last row has
// been read, and the [Result] says for how long: indexes of tables that are complete are built meanwhile (schedule.go), the rest after it. A leader that dies or hangs loses it after
// a minute, by the server's own timeout, so that an interrupted run does not hold back vacuum.
//
// Errors of the source keep SQLSTATE and object names only, since PostgreSQL's messages quote values.
package snapshot
