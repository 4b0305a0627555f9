package rehearse

import (
	"context"
	"time"

	"github.com/rehearse-db/rehearse/rehearse/report"
	"github.com/rehearse-db/rehearse/rehearse/staging"
)

// Staged is a masked copy left running.
type Staged struct {
	Info        staging.Info // leads to the first database; Info.At to another
	Databases   []string     // that hold the copy: one, or as many as Config.Staging.Copies
	Snapshot    report.Snapshot
	Masking     report.Masking
	Audit       report.Audit
	Differences []report.Difference
}

// Stage makes a masked copy of the source and leaves it running, with production's settings, until cfg.Staging.TTL has passed. No
// migration is applied and none is needed. On an error nothing is left.
func Stage(ctx context.Context, cfg Config) (_ *Staged, err error) {
	r := begin(cfg)
	defer r.forgetKey()
	src, err := r.origin(ctx)
	if err != nil {
		return nil, err
	}
	defer closing(ctx, &err, "close the source", src.Close)
	w, err := r.planCopy(ctx, src)
	if err != nil {
		return nil, err
	}
	server, err := r.start(ctx, src, w)
	if err != nil {
		return nil, err
	}
	kept := false
	defer func() {
		if !kept {
			closing(ctx, &err, "remove staging", server.Stop)
		}
	}()
	if err := r.copy(ctx, src, w, server); err != nil {
		return nil, err
	}
	if err := r.copied(ctx, w, server); err != nil {
		return nil, err
	}
	databases, err := r.clone(ctx, server, max(r.cfg.Staging.Copies, 1), r.cfg.Staging.Pristine)
	if err != nil {
		return nil, err
	}
	if err := r.measure(ctx, server); err != nil {
		return nil, err
	}
	if err := r.holdAgainst(ctx, server); err != nil {
		return nil, err
	}
	if err := server.Keep(ctx, time.Now().Add(r.cfg.Staging.TTL)); err != nil {
		return nil, &StagingError{Err: err}
	}
	kept = true
	return &Staged{
		Info: server.Info(), Databases: databases, Snapshot: r.result.Snapshot, Masking: r.result.Masking, Audit: r.result.Audit, Differences: r.result.Differences,
	}, nil
}
