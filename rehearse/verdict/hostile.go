package verdict

import (
	"fmt"
	"strings"
	"time"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// mostRetries is how many attempts are recommended at most; a transaction that outlasts them is better ended.
const mostRetries = 20

// hostile tells what became of a migration among long transactions of others.
func (j *judge) hostile(m *report.Migration) {
	h, all := m.Hostile, j.r.Hostility
	if h == nil || all == nil || len(h.WaitedFor) == 0 {
		return
	}
	limited := h.Limited
	if h.Plain.Refused() { // by the limit that it has itself
		limited = &h.Plain
	}
	switch {
	case !h.OwnTimeout && h.Plain.Outcome == report.Applied && j.stalls(m):
		j.add(j.stall(m))
	case limited.Refused() && leaves(limited):
		j.add(j.refused(m, limited, report.Finding{Code: LeftByLockTimeout}))
	case limited.Refused():
		j.add(j.refused(m, limited, report.Finding{Code: FailsByLockTimeout}))
	}
}

// leaves tells that an attempt that failed left something for somebody to clean up.
func leaves(run *report.HostileRun) bool {
	return len(run.Leftovers) > 0 || run.Failure.StaysApplied != ""
}

// extra is by how much others waited longer for a table, reads or writes, than when the migration had it to itself.
func (j *judge) extra(m *report.Migration) (worst report.Blocked, d report.Duration) {
	for _, b := range m.Hostile.Plain.Blocked {
		quiet, _ := j.r.BlockedOf(m, b.Table)
		if e := max(b.Reads.Total-quiet.Reads.Total, b.Writes.Total-quiet.Writes.Total); e > d {
			worst, d = b, e
		}
	}
	return worst, d
}

// stalls tells that who came behind the migration waited as it did: for at least half of the time that the others' transactions went on.
func (j *judge) stalls(m *report.Migration) bool {
	_, d := j.extra(m)
	hold, _ := j.theirs(m)
	return d >= hold/2
}

// theirs is how long the transactions went on that the migration waited for, and how old the oldest of their kind was at the source.
func (j *judge) theirs(m *report.Migration) (hold report.Duration, longest *report.Duration) {
	all := j.r.Hostility
	if m.Hostile.ByWriters() {
		return all.WriterHold, all.LongestWriter
	}
	return all.Hold, all.Longest
}

// stall is the finding of a migration that nothing keeps from waiting in front of everybody else.
func (j *judge) stall(m *report.Migration) report.Finding {
	h := m.Hostile
	b, _ := j.extra(m)
	hold, _ := j.theirs(m)
	whom, d := "reads and writes of", max(b.Reads.Total, b.Writes.Total)
	if b.Reads.Total < hold/2 {
		whom = "writes to"
	}
	code, behind := StallsBehindReaders, "a transaction of "+hold.String()
	if h.ByWriters() {
		code, behind = StallsBehindWriters, behind+" that had written"
	}
	what := fmt.Sprintf("%s stalled %s %s for %s (probed) behind %s", m.ShortName(), whom, b.Table, d, behind)
	switch quiet, ok := j.r.BlockedOf(m, b.Table); {
	case ok && quiet.Any():
		what += fmt.Sprintf("; with nobody in its way they waited for %s and %s", quiet.Reads.Total, quiet.Writes.Total)
	case ok:
		what += "; with nobody in its way nobody was seen to wait"
	}
	f := report.Finding{
		Code: code, Level: report.Condition, Migration: m.Version, Object: b.Table, File: m.File,
		Text: what + "; it has no lock_timeout, so in production (inferred) " + j.asLong(m),
	}
	f.Do = j.limit(m)
	if m.Migrator == report.GolangMigrate {
		f.Do += "\nEach new try has to begin with migrate force and the version before this one, since golang-migrate leaves it dirty when it fails."
	}
	if h.Limited.Refused() {
		table, reads, writes := h.Limited.Worst()
		if table != "" {
			f.Do += fmt.Sprintf("\nRehearsed under it: %s waited for at most %s, and the statement%s was refused%s.", table, max(reads, writes), at(h.Limited.Failure), left(h.Limited))
		} else {
			f.Do += fmt.Sprintf("\nRehearsed under it: the statement%s was refused%s.", at(h.Limited.Failure), left(h.Limited))
		}
	}
	return f
}

// limit is how a migration is kept from waiting for long.
func (j *judge) limit(m *report.Migration) string {
	limit, again := setting(time.Duration(j.r.Hostility.LockTimeout)), ", and have the deployment try again when it fails with SQLSTATE 55P03, "+j.retries(m)
	switch {
	case m.Command:
		return "Give its sessions a limit, by PGOPTIONS where the tool is built on libpq, else by a setting of its own" + again +
			":\n    PGOPTIONS='-c lock_timeout=" + limit + "'"
	case m.Transaction:
		return "Begin the file with a limit" + again + ":\n    SET LOCAL lock_timeout = '" + limit + "';"
	}
	return "Begin the file with a limit" + again + ":\n    SET lock_timeout = '" + limit +
		"';\n    -- and at its end, for those that come after it in the session:\n    RESET lock_timeout;"
}

// refused is the finding of a migration that a lock_timeout ends, its own or one it may be given.
func (j *judge) refused(m *report.Migration, run *report.HostileRun, f report.Finding) report.Finding {
	limit := "its own lock_timeout"
	if run != &m.Hostile.Plain {
		limit = "a lock_timeout of " + j.r.Hostility.LockTimeout.String()
	}
	f.Migration, f.File, f.Line = m.Version, m.File, run.Failure.Line
	f.Level = report.Info
	f.Text = fmt.Sprintf("%s fails under %s (55P03) when %s lasts longer%s", m.ShortName(), limit, among(m.Hostile.WaitedFor), left(run))
	own := run == &m.Hostile.Plain
	switch {
	case f.Code == LeftByLockTimeout && own:
		f.Level = report.Condition
		f.Do = "Clean up before it is tried again, each time; or let this one wait, which it can where it keeps nobody waiting (CONCURRENTLY):\n    SET lock_timeout = 0;"
	case f.Code == LeftByLockTimeout:
		f.Text += "; without one it waited, and " + keptWaiting(m.Hostile)
		f.Do = "Do not give it a lock_timeout: where the role or the deployment sets one, let this file wait:\n    SET lock_timeout = 0;"
	case own:
		f.Do = "Nothing of it stays: have the deployment try again, " + j.retries(m) + "."
	}
	if run.Failure.Recorded != "" {
		f.Do = "A new try has to begin with migrate force and the version before this one: golang-migrate marks a version dirty before its file, and leaves that when it fails."
	}
	for _, l := range run.Leftovers {
		if l.SQL != "" {
			f.Do += "\nWhat cleans up:\n    " + l.SQL
		}
	}
	return f
}

// keptWaiting says how long others waited meanwhile.
func keptWaiting(h *report.Hostile) string {
	table, reads, writes := h.Plain.Worst()
	switch {
	case len(h.Tables) == 0:
		return "it is not known whom it kept waiting"
	case table == "":
		return "kept nobody waiting (probed)"
	}
	return fmt.Sprintf("reads of %s waited for %s, writes for %s (probed)", table, reads, writes)
}

// left says what an attempt left behind.
func left(run *report.HostileRun) string {
	var out []string
	for _, l := range run.Leftovers {
		out = append(out, l.Kind+" "+l.Object)
	}
	if s := run.Failure.StaysApplied; s != "" {
		out = append(out, s)
	}
	if s := run.Failure.Recorded; s != "" {
		out = append(out, "the entry "+s+" in the version table")
	}
	if len(out) == 0 {
		return ", leaving nothing behind"
	}
	return ", leaving " + strings.Join(out, ", ")
}

func at(f *report.Failure) string {
	if f.Line == 0 {
		return ""
	}
	return fmt.Sprintf(" at line %d", f.Line)
}

// among says in whose way it came: "a reader of the table, an old snapshot or a dump".
func among(waited []string) string {
	last := len(waited) - 1
	if last < 1 {
		return strings.Join(waited, "")
	}
	return strings.Join(waited[:last], ", ") + " or " + waited[last]
}

// asLong says how long production would stand still.
func (j *judge) asLong(m *report.Migration) string {
	_, longest := j.theirs(m)
	text, oldest := "it stalls for as long as your longest transaction that uses the table", "oldest open"
	if m.Hostile.ByWriters() {
		text, oldest = "it stalls for as long as your longest transaction that writes the table", "oldest that had written"
	}
	if longest != nil && *longest > 0 && j.r.Hostility.Clients > 0 {
		text += fmt.Sprintf("; the %s when the source was copied was %s old", oldest, *longest)
	}
	return text
}

// retries says how often to try again, and how that was found.
func (j *judge) retries(m *report.Migration) string {
	all := j.r.Hostility
	longest, seen := j.theirs(m)
	whose := "a transaction as long as those of this rehearsal"
	if seen != nil && *seen > longest {
		longest, whose = *seen, "the oldest transaction seen at the source"
	}
	n := max(int64((longest+all.LockTimeout-1)/all.LockTimeout)+1, 3)
	if n > mostRetries {
		return fmt.Sprintf("up to %d times (inferred; no reasonable number of waits outlasts %s, %s: end such transactions first)", mostRetries, whose, longest)
	}
	return fmt.Sprintf("up to %d times (inferred: so many waits of %s outlast %s, %s)", n, all.LockTimeout, whose, longest)
}

// setting is a time as lock_timeout takes it: 2s, 500ms.
func setting(d time.Duration) string {
	if d%time.Second == 0 {
		return fmt.Sprintf("%ds", d/time.Second)
	}
	return fmt.Sprintf("%dms", max(1, d.Milliseconds()))
}
