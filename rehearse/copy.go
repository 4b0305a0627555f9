package rehearse

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/rehearse-db/rehearse/rehearse/staging"
	"github.com/rehearse-db/rehearse/sanitize/audit"
	"github.com/rehearse-db/rehearse/snapshot"
	"github.com/rehearse-db/rehearse/snapshot/catalog"
)

// start starts staging, as close to the source as the provider can make it, and makes sure that it is another cluster.
func (r *rehearsal) start(ctx context.Context, src origin, w *work) (server staging.Server, err error) {
	err = r.phase("staging", func() (string, error) {
		r.prune(ctx)
		server, err = staging.Start(ctx, r.cfg.Staging.Provider, r.spec(src.Server(), w.desc))
		if err != nil {
			return "", r.otherMajor(err)
		}
		i := server.Info()
		r.result.Staging.Provider, r.result.Staging.Image = i.Provider, i.Image
		if err := r.guard(ctx, src, w, server); err != nil {
			closing(ctx, &err, "remove staging", server.Stop)
			return "", err
		}
		return fmt.Sprintf("%s, %s", i.Provider, i.Image), nil
	})
	return server, err
}

// prune ends what killed runs left behind on this machine; a rehearsal goes on without.
func (r *rehearsal) prune(ctx context.Context) {
	gone, err := staging.Prune(ctx, staging.Options{StateDir: r.cfg.Staging.StateDir, Log: r.cfg.Log})
	if err != nil {
		r.cfg.Log.Debug("look for servers left behind", "error", err)
	}
	for _, i := range gone {
		r.cfg.Log.Info("removed a server that a killed run left behind", "run", i.RunID, "provider", i.Provider)
	}
}

func (r *rehearsal) spec(source snapshot.Server, desc *snapshot.Description) staging.Spec {
	d := desc.Database
	return staging.Spec{
		RunID: r.result.ID, Major: source.Major(), TTL: r.cfg.Staging.TTL, Database: d.Name,
		Locale:   staging.Locale{Encoding: d.Encoding, Provider: d.LocaleProvider, Collate: d.Collate, CType: d.CType, Locale: d.Locale, ICURules: d.ICURules},
		Settings: serverSettings(source.User, source.RuntimeParams, desc), Preload: preloads(desc.Settings), Jobs: r.cfg.Jobs,
		Image: r.cfg.Staging.Image, Pull: r.cfg.Staging.Pull, BinDir: r.cfg.Staging.BinDir, StateDir: r.cfg.Staging.StateDir,
		Log: r.cfg.Log,
	}
}

// guard refuses a staging server that is the source, or that lacks an extension, before anything is copied.
func (r *rehearsal) guard(ctx context.Context, src origin, w *work, server staging.Server) error {
	conn, err := pgx.ConnectConfig(ctx, server.Config())
	if err != nil {
		return &StagingError{Err: fmt.Errorf("connect to staging: %w", err)}
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var id string
	if err := conn.QueryRow(ctx, "SELECT system_identifier::text FROM pg_catalog.pg_control_system()").Scan(&id); err != nil {
		return &StagingError{Err: fmt.Errorf("identify staging: %w", err)}
	}
	if id == src.Server().SystemIdentifier {
		return &SameServerError{SystemIdentifier: id}
	}
	available, err := snapshot.AvailableExtensions(ctx, server.Config())
	if err != nil {
		return &StagingError{Err: fmt.Errorf("list staging's extensions: %w", err)}
	}
	if missing := snapshot.MissingExtensions(w.desc, available); len(missing) > 0 {
		return &ExtensionError{Missing: missing, Provider: server.Info().Provider}
	}
	return nil
}

// ExtensionError says that staging has not all of the source's extensions.
type ExtensionError struct {
	Missing  []string
	Provider string
}

func (e *ExtensionError) Error() string {
	return fmt.Sprintf("staging (%s) lacks %s of the source: %s", e.Provider, count(len(e.Missing), "extension"), list(e.Missing))
}

// copy freezes the source, copies it masked, and lets it go; or restores what an archive keeps of that.
func (r *rehearsal) copy(ctx context.Context, src origin, w *work, server staging.Server) error {
	return r.phase("copy", func() (string, error) {
		target := snapshot.Target{Config: server.Config, Tools: tools{server}, Empty: r.emptied(server)}
		options := snapshot.CopyOptions{
			Jobs: r.cfg.Jobs, PgDump: r.cfg.PgDump, MaxAge: r.cfg.MaxSnapshotAge, RateLimit: r.cfg.RateLimit, Archive: r.archive,
			Log: r.cfg.Log, Progress: r.copying(),
		}
		if _, fresh := src.(*snapshot.Source); fresh && !r.cfg.NoAudit {
			r.collector = audit.NewCollector()
			options.Watch = watch(r.collector)
		}
		if err := r.shapes(ctx, src, w); err != nil {
			return "", err
		}
		var copied *snapshot.Result
		var err error
		switch src := src.(type) {
		case *snapshot.Source:
			defer w.programs.Close()
			options.Counts = w.counts()
			if w.todo != nil || r.archive != nil { // what a profile says bears on migrations
				options.Watch = watchers(options.Watch, r.watch(w.desc.Tables))
			}
			copied, err = snapshot.Copy(ctx, src, w.plan, target, options)
		case *snapshot.Archived:
			if copied, err = snapshot.Restore(ctx, src, target, options); err == nil {
				copied.Objects, err = archivedObjects(src.Reader())
			}
		}
		if err != nil {
			return "", err
		}
		r.copyFacts(w, copied)
		r.counted(w, copied.Counts)
		r.profiled(w)
		r.objects = copied.Objects
		r.literals(src)
		r.ofSchema()
		s := r.result.Snapshot
		note := fmt.Sprintf("%s, %d rows, %s; ", count(len(s.Tables), "table"), s.Rows, size(s.Bytes))
		if s.Archive != nil {
			return note + "from snapshot " + s.Archive.Name, nil
		}
		note += fmt.Sprintf("source held for %s", s.HeldFor)
		if s.Retried != "" {
			note += "; it began again: " + s.Retried
		}
		return note, nil
	})
}

// measure restarts staging with production's settings: what follows is timed.
func (r *rehearsal) measure(ctx context.Context, server staging.Server) error {
	return r.phase("measure mode", func() (string, error) { return "", server.Measure(ctx) })
}

// tools adapts a staging server to what the copier needs of it.
type tools struct{ staging.Server }

// Reach is [staging.Server.Reach] without that package's types.
func (t tools) Reach(ctx context.Context, dial func(context.Context) (io.ReadWriteCloser, error)) (string, uint16, func() error, error) {
	route, err := t.Server.Reach(ctx, dial)
	return route.HostAddr, route.Port, route.Close, err
}

// serverSettings are the source's settings that staging gets: those somebody chose, and those initdb chooses by the machine it runs on.
// What only our own role or URL has there is not among them.
func serverSettings(user string, params map[string]string, desc *snapshot.Description) map[string]string {
	own := map[string]bool{}
	for name := range params {
		own[strings.ToLower(name)] = true
	}
	for _, s := range desc.Database.Settings {
		if s.Role == user {
			own[strings.ToLower(s.Name)] = true
		}
	}
	m := map[string]string{}
	for _, s := range desc.Settings {
		switch {
		case s.Source == "client", fixedSettings[s.Name], own[strings.ToLower(s.Name)]:
		case s.Source != "default" || initdbSettings[s.Name]:
			m[s.Name] = s.Value
		}
	}
	return m
}

// initdbSettings are written into postgresql.conf by initdb, from the environment and the size of the machine.
var initdbSettings = map[string]bool{
	"TimeZone": true, "DateStyle": true, "lc_messages": true, "lc_monetary": true, "lc_numeric": true, "lc_time": true,
	"default_text_search_config": true, "max_wal_size": true, "min_wal_size": true, "shared_buffers": true,
}

// fixedSettings cannot be set when a server starts, or are staging's own affair.
var fixedSettings = map[string]bool{
	"block_size": true, "server_encoding": true, "integer_datetimes": true, "data_checksums": true, "shared_preload_libraries": true,
	"client_encoding": true, "row_security": true, "search_path": true,
}

func preloads(settings []catalog.Setting) []string {
	for _, s := range settings {
		if s.Name == "shared_preload_libraries" {
			return splitList(s.Value)
		}
	}
	return nil
}
