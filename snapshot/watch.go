package snapshot

import "github.com/rehearse-db/rehearse/sanitize"

// watched gives the sink the table's masks, if there are any, and lets them be watched.
func (c *copier) watched(l *load, s *sink) {
	watch := func(column int) sanitize.Watcher {
		if c.opts.Watch == nil {
			return nil
		}
		return c.opts.Watch(l.plan, column)
	}
	switch {
	case l.result.Masked && l.result.Binary:
		tuples := l.plan.Tuples(l.constants)
		tuples.Watch(watch)
		s.tuples = &tupleReader{tuples: tuples}
	case l.result.Masked:
		s.row = l.plan.Row()
		s.row.Watch(watch)
	}
}
