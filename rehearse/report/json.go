package report

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
)

//go:embed schema/result.schema.json
var resultSchema []byte

// JSONSchema returns the JSON Schema (draft 2020-12) of the JSON form of [Result]. The bytes are the caller's own.
func JSONSchema() []byte {
	return append([]byte(nil), resultSchema...)
}

// VersionError is the answer of [ReadJSON] to a result that a newer program wrote.
type VersionError struct {
	Version int // the schema_version read
}

// Error names both versions.
func (e *VersionError) Error() string {
	return fmt.Sprintf("result has schema_version %d, this program reads up to %d", e.Version, SchemaVersion)
}

// JSON writes the result as indented JSON with a final newline. A list without elements is written as [], never as
// null, except where the schema says that the field is left out. The result itself is not changed.
func JSON(w io.Writer, r *Result) error {
	full := withoutNil(reflect.ValueOf(*r)).Interface().(Result)
	if full.SchemaVersion == 0 {
		full.SchemaVersion = SchemaVersion
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(full); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}

// ReadJSON reads what [JSON] wrote. Fields it does not know are ignored, since later versions may add some; a
// schema_version above [SchemaVersion] is a [*VersionError], and anything that is not one result is an error.
func ReadJSON(in io.Reader) (*Result, error) {
	raw, err := io.ReadAll(in)
	if err != nil {
		return nil, fmt.Errorf("read result: %w", err)
	}
	var head struct {
		SchemaVersion *int `json:"schema_version"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return nil, fmt.Errorf("read result: %w", err)
	}
	switch {
	case head.SchemaVersion == nil || *head.SchemaVersion < 1:
		return nil, fmt.Errorf("read result: no schema_version: not the result of a rehearsal")
	case *head.SchemaVersion > SchemaVersion:
		return nil, &VersionError{Version: *head.SchemaVersion}
	}
	r := new(Result)
	if err := json.Unmarshal(raw, r); err != nil {
		return nil, fmt.Errorf("read result: %w", err)
	}
	return r, nil
}

// withoutNil returns a deep copy of v in which lists and maps that are always written are not nil.
func withoutNil(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Struct:
		return structWithoutNil(v)
	case reflect.Slice:
		out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			out.Index(i).Set(withoutNil(v.Index(i)))
		}
		return out
	case reflect.Map:
		if v.IsNil() {
			return reflect.MakeMap(v.Type())
		}
	case reflect.Pointer:
		if !v.IsNil() && v.Elem().Kind() == reflect.Struct {
			out := reflect.New(v.Type().Elem())
			out.Elem().Set(withoutNil(v.Elem()))
			return out
		}
	}
	return v
}

// structWithoutNil copies a struct of this package; others, such as [time.Time], are values already.
func structWithoutNil(v reflect.Value) reflect.Value {
	t := v.Type()
	if t.PkgPath() != reflect.TypeFor[Result]().PkgPath() {
		return v
	}
	out := reflect.New(t).Elem()
	for i := range t.NumField() {
		f := v.Field(i)
		if strings.HasSuffix(t.Field(i).Tag.Get("json"), ",omitempty") && f.IsZero() {
			continue
		}
		out.Field(i).Set(withoutNil(f))
	}
	return out
}
