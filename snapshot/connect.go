package snapshot

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ParseSource reads a connection URL or keyword string; with "" all comes from libpq's environment, service and password files.
// Errors show the string without its password.
func ParseSource(url string) (*pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("source: %w", err) // pgx masks passwords in its ParseConfigError
	}
	return cfg, nil
}

// describeServer is user@host:port/database, without anything else of cfg.
func describeServer(cfg *pgx.ConnConfig) string {
	return fmt.Sprintf("%s@%s/%s", cfg.User, net.JoinHostPort(cfg.Host, fmt.Sprint(cfg.Port)), cfg.Database)
}

// connectPinned connects to the first server of cfg that accepts, and returns a configuration that leads to that one server only:
// a snapshot is known to nobody else, and a name with several addresses or a list of hosts may mean several servers.
func connectPinned(ctx context.Context, cfg *pgx.ConnConfig) (*pgx.Conn, *pgx.ConnConfig, error) {
	var firstErr error
	var secondBest *pgx.ConnConfig
	for _, candidate := range candidates(cfg) {
		conn, err := pgx.ConnectConfig(ctx, candidate)
		if err == nil {
			return conn, pin(ctx, candidate, conn), nil
		}
		var notPreferred *pgconn.NotPreferredError
		if errors.As(err, &notPreferred) && secondBest == nil {
			secondBest = candidate.Copy()
			secondBest.ValidateConnect = nil
		}
		if firstErr == nil || answered(err) && !answered(firstErr) {
			firstErr = sourceError(describeServer(candidate), "connect", err)
		}
		if final(err) || ctx.Err() != nil {
			break
		}
	}
	if secondBest == nil {
		return nil, nil, firstErr
	}
	conn, err := pgx.ConnectConfig(ctx, secondBest)
	if err != nil {
		return nil, nil, sourceError(describeServer(secondBest), "connect", err)
	}
	return conn, pin(ctx, secondBest, conn), nil
}

// candidates are cfg's alternatives (hosts, and TLS or not) one by one, in order.
func candidates(cfg *pgx.ConnConfig) []*pgx.ConnConfig {
	list := []*pgx.ConnConfig{cfg.Copy()}
	for _, f := range cfg.Fallbacks {
		c := cfg.Copy()
		c.Host, c.Port, c.TLSConfig = f.Host, f.Port, f.TLSConfig
		list = append(list, c)
	}
	for _, c := range list {
		c.Fallbacks = nil
		// Prepared statements are state of a session, which a pooler may lose.
		c.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
		if c.RuntimeParams == nil {
			c.RuntimeParams = map[string]string{}
		}
		c.RuntimeParams["application_name"] = "rehearse" // from its first moment: who looks at the source knows whose session it is
	}
	return list
}

// answered says that err is a server's own answer, which tells more than a refused connection or a refused TLS handshake.
func answered(err error) bool {
	var pg *pgconn.PgError
	var source *SourceError
	return errors.As(err, &pg) || errors.As(err, &source) && source.SQLState != ""
}

// final says that another host would answer the same, as pgx and libpq see it.
func final(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "28P01" || pg.Code == "3D000" || pg.Code == "42501")
}

// pin makes a name resolve to the address that conn has found.
func pin(ctx context.Context, cfg *pgx.ConnConfig, conn *pgx.Conn) *pgx.ConnConfig {
	pinned := cfg.Copy()
	remote, ok := conn.PgConn().Conn().RemoteAddr().(*net.TCPAddr)
	if !ok || strings.HasPrefix(cfg.Host, "/") {
		return pinned
	}
	found, err := cfg.LookupFunc(ctx, cfg.Host)
	if err != nil {
		return pinned
	}
	for _, address := range found {
		if ip := net.ParseIP(address); ip != nil && ip.Equal(remote.IP) {
			pinned.LookupFunc = func(context.Context, string) ([]string, error) { return []string{address}, nil }
		}
	}
	return pinned
}

// dial opens a raw connection to the pinned server, for a relay.
func dial(ctx context.Context, cfg *pgx.ConnConfig) (net.Conn, error) {
	host := cfg.Host
	if !strings.HasPrefix(host, "/") {
		found, err := cfg.LookupFunc(ctx, host)
		if err != nil {
			return nil, err
		}
		if len(found) > 0 {
			host = found[0]
		}
	}
	network, address := pgconn.NetworkAddress(host, cfg.Port)
	return cfg.DialFunc(ctx, network, address)
}
