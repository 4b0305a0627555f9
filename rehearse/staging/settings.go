package staging

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Names of the two modes, as in Info.Mode.
const (
	ModeLoad    = "load"
	ModeMeasure = "measure"
)

const mebibyte = 1 << 20

// loadSettings are the settings under which loading is quick and nothing else matters. memory is the machine's in bytes, 0 when unknown;
// jobs of ours work at a time.
//
// wal_level=minimal with a TRUNCATE in the loading transaction is the one that counts: the copy writes no WAL.
func loadSettings(memory int64, cores, jobs int) map[string]string {
	shared := int64(1024 * mebibyte)
	if memory > 0 {
		shared = max(32*mebibyte, min(shared, memory/4))
	}
	return map[string]string{
		"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off",
		"wal_level": "minimal", "max_wal_senders": "0", "archive_mode": "off",
		"autovacuum": "off", "jit": "off",
		"max_wal_size": "4GB", "checkpoint_timeout": "1h",
		"shared_buffers": fmt.Sprintf("%dMB", shared/mebibyte), "maintenance_work_mem": "256MB",
		// Each job builds an index; more workers than cores only cost (a sixth of the CPU time of all builds, on two cores).
		"max_parallel_maintenance_workers": strconv.Itoa(max(0, cores/max(1, jobs)-1)),
		"max_connections":                  strconv.Itoa(max(50, 4*jobs+20)),
	}
}

// measureSettings are production's settings on top of a durable server's. Settings that say where things are, who may connect, and
// where the log and the WAL go are production's own affair: they are left out by wanted. memory caps shared_buffers at one half.
func measureSettings(production map[string]string, memory int64) (settings map[string]string, leftOut []string) {
	settings = map[string]string{"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "wal_level": "replica"}
	for _, name := range slices.Sorted(maps.Keys(production)) {
		switch why := unwanted(name); why {
		case "":
			settings[name] = production[name]
		case silently:
		default:
			leftOut = append(leftOut, fmt.Sprintf("setting %s: %s", name, why))
		}
	}
	if settings["wal_level"] == "minimal" {
		settings["max_wal_senders"] = "0" // the server does not start otherwise
	}
	if memory > 0 && bufferBytes(settings["shared_buffers"]) > memory/2 {
		settings["shared_buffers"] = fmt.Sprintf("%dMB", memory/2/mebibyte)
		leftOut = append(leftOut, fmt.Sprintf("setting shared_buffers: more than half of this machine's memory, %s is used", settings["shared_buffers"]))
	}
	return settings, leftOut
}

// fixedSettings hold in both modes, and nothing overrides them. PostgreSQL's messages are read by this program: hence lc_messages.
func fixedSettings() map[string]string {
	return map[string]string{
		"port": "5432", "lc_messages": "C", "track_counts": "on", "logging_collector": "off", "log_destination": "stderr",
		"log_line_prefix": "", "log_min_messages": "warning", "log_min_error_statement": "panic", "log_checkpoints": "off",
	}
}

// silently marks settings whose absence nobody misses: they are a server's place, name and log.
const silently = "-"

// deniedPrefixes are families of settings that a throwaway server must not take from production, and why that matters for the
// rehearsal; silently when it does not.
var deniedPrefixes = []struct{ prefix, why string }{
	{"ssl", silently},
	{"log_", silently},
	{"logging_", silently},
	{"syslog_", silently},
	{"archive_", silently}, // WAL must not be shipped from here
	{"recovery_", silently},
	{"krb_", silently},
	{"gss_", silently},
	{"bonjour", silently},
	{"unix_socket_", silently},
	{"transaction_", silently}, // of a session, never of a server
}

// denied are single settings of the same kind.
var denied = map[string]string{
	"listen_addresses": silently, "port": silently, "data_directory": silently, "config_file": silently, "hba_file": silently,
	"ident_file": silently, "external_pid_file": silently, "cluster_name": silently, "event_source": silently, "lc_messages": silently,
	"data_directory_mode": silently, "application_name": silently, "client_encoding": silently, "server_encoding": silently,
	"stats_temp_directory": silently, "update_process_title": silently, "track_counts": silently, "restart_after_crash": silently,
	"primary_conninfo": silently, "primary_slot_name": silently, "promote_trigger_file": silently, "restore_command": silently,
	"hot_standby": silently, "hot_standby_feedback": silently, "in_hot_standby": silently, "allow_in_place_tablespaces": silently,
	"default_transaction_read_only": silently, "is_superuser": silently, "session_authorization": silently, "role": silently,
	"db_user_namespace": silently, "password_encryption": silently, "authentication_timeout": silently, "dynamic_library_path": silently,
	"shared_memory_type": silently, "dynamic_shared_memory_type": silently, "data_sync_retry": silently, "lc_collate": silently, "lc_ctype": silently,
	"shared_preload_libraries": silently, // Spec.Preload
	"huge_pages":               "the throwaway server decides by itself", "huge_page_size": silently,
	"session_preload_libraries": "libraries of production's machine", "local_preload_libraries": "libraries of production's machine",
	"jit_provider":              "a library of production's machine",
	"synchronous_standby_names": "no standby here, a commit waits for none", "synchronized_standby_slots": silently,
	"synchronous_standby_priority": silently,
	"default_tablespace":           "a place on production's machine", "temp_tablespaces": "a place on production's machine",
}

// unwanted says why production's setting is not taken, "" when it is.
func unwanted(name string) string {
	lower := strings.ToLower(name)
	if !settingName.MatchString(name) {
		return "not a name of a setting"
	}
	if why, ok := denied[lower]; ok {
		return why
	}
	for _, d := range deniedPrefixes {
		if strings.HasPrefix(lower, d.prefix) {
			return d.why
		}
	}
	return ""
}

var settingName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)*$`)

// renderConf writes a configuration file. includes come first, so that the settings here win.
func renderConf(include string, layers ...map[string]string) string {
	merged := map[string]string{}
	for _, layer := range layers {
		maps.Copy(merged, layer)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "include_if_exists = %s\n", confLiteral(include))
	for _, name := range slices.Sorted(maps.Keys(merged)) {
		fmt.Fprintf(&b, "%s = %s\n", name, confLiteral(merged[name]))
	}
	return b.String()
}

// confLiteral quotes a value as postgresql.conf wants it: in single quotes, with C's escapes.
func confLiteral(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`, "\n", `\n`, "\r", `\r`).Replace(value) + "'"
}

// bufferBytes reads the value of a setting that counts 8 KiB blocks: "16384" or "128MB". 0 when it is none.
func bufferBytes(value string) int64 {
	value = strings.TrimSpace(value)
	digits := strings.TrimRight(value, "kMGTB ")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0
	}
	switch strings.TrimSpace(value[len(digits):]) {
	case "":
		return n * 8192
	case "B":
		return n
	case "kB":
		return n << 10
	case "MB":
		return n << 20
	case "GB":
		return n << 30
	case "TB":
		return n << 40
	}
	return 0
}

var (
	blameParameter = regexp.MustCompile(`parameter (?:name )?"([^"]+)"`)
	blameLibrary   = regexp.MustCompile(`could not (?:access|load) (?:file|library) "`)
	blameMemory    = regexp.MustCompile(`could not (?:create|map) (?:anonymous )?shared memory|[Cc]annot allocate memory`)
)

// blame reads which settings a server complains of, from its messages in English.
func blame(log string) []string {
	var names []string
	for line := range strings.Lines(log) {
		if strings.Contains(line, "HINT:") || strings.Contains(line, "DETAIL:") {
			continue
		}
		for _, m := range blameParameter.FindAllStringSubmatch(line, -1) {
			names = append(names, m[1])
		}
		if blameLibrary.MatchString(line) {
			names = append(names, "shared_preload_libraries")
		}
		if blameMemory.MatchString(line) {
			names = append(names, "shared_buffers")
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
