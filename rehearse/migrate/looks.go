package migrate

import (
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// Tool is a tool that files look like those of, and the command that has it migrate.
type Tool struct {
	Name    string
	Command string // with DIR for the directory
}

// otherTools are told from names of files, in this order, or from a line in one.
var otherTools = []struct {
	tool Tool
	name *regexp.Regexp
	line *regexp.Regexp
}{
	{
		Tool{"Flyway", `flyway -url=jdbc:postgresql://$PGHOST:$PGPORT/$PGDATABASE -user=$PGUSER -password=$PGPASSWORD -locations=filesystem:DIR migrate`},
		regexp.MustCompile(`^[VR][0-9._]*__.*\.sql$`), nil,
	},
	{Tool{"Atlas", `atlas migrate apply --dir file://DIR --url "$DATABASE_URL"`}, regexp.MustCompile(`^atlas\.sum$`), nil},
	{Tool{"Prisma", "npx prisma migrate deploy"}, regexp.MustCompile(`^migration_lock\.toml$`), nil},
	{Tool{"Rails", "bin/rails db:migrate"}, regexp.MustCompile(`^[0-9]{14}_.*\.rb$`), nil},
	{Tool{"Django", "python manage.py migrate --noinput"}, regexp.MustCompile(`^[0-9]{4}_.*\.py$`), nil},
	{Tool{"dbmate", "dbmate --migrations-dir DIR --no-dump-schema up"}, nil, regexp.MustCompile(`(?m)^-- *migrate:up\b`)},
	{Tool{"sql-migrate", "sql-migrate up"}, nil, regexp.MustCompile(`(?m)^-- *\+migrate Up\b`)},
}

// PlainSQL is the Tool.Name of files that are nobody's.
const PlainSQL = "plain SQL"

// Looks is the tool other than goose and golang-migrate that the files of a directory look like those of, [PlainSQL] where they are nobody's; nil
// where there is no SQL, and for directories with a file of goose's.
func Looks(fsys fs.FS, dir string) *Tool {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil
	}
	var texts []string
	for _, e := range entries {
		if path.Ext(e.Name()) != ".sql" || e.IsDir() || len(texts) > 50 {
			continue
		}
		if text, err := fs.ReadFile(fsys, e.Name()); err == nil {
			texts = append(texts, string(text))
		}
	}
	all := strings.Join(texts, "\n")
	if strings.Contains(all, "-- +goose ") {
		return nil
	}
	for _, o := range otherTools {
		found := o.line != nil && o.line.MatchString(all)
		for _, e := range entries {
			found = found || o.name != nil && o.name.MatchString(e.Name())
		}
		if found {
			t := o.tool
			t.Command = strings.ReplaceAll(t.Command, "DIR", dir)
			return &t
		}
	}
	if len(texts) > 0 {
		return &Tool{Name: PlainSQL}
	}
	return nil
}
