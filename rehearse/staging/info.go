package staging

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
)

// info describes the server of a record.
func (r record) info(dir string) Info {
	u := url.URL{Scheme: "postgres", User: url.User(superuser), Path: "/" + r.Database, RawQuery: url.Values{"host": {r.Sockets}, "port": {"5432"}}.Encode()}
	return Info{
		RunID: r.Run, Provider: "local", Image: r.Bin, ID: filepath.Join(dir, "data"), Database: r.Database, URL: u.String(), Expires: r.Expires, Kept: r.Kept,
		PSQL: strings.Join([]string{shellWord(filepath.Join(r.Bin, "psql")), "-h", shellWord(r.Sockets), "-p", "5432", "-U", superuser, "-d", shellWord(r.Database)}, " "),
	}
}

// shellWord quotes a word for a shell where it needs to be.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-:,@%+", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// execPSQL is a command that needs neither a port nor a password.
func execPSQL(id, database string) string {
	return fmt.Sprintf("docker exec -it %s psql -U %s -d %s", id[:min(12, len(id))], superuser, shellWord(database))
}

func tcpURL(at endpoint, password, database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(superuser, password), Path: "/" + database,
		Host: net.JoinHostPort(at.host, strconv.Itoa(int(at.port))), RawQuery: "sslmode=disable",
	}
	return u.String()
}
