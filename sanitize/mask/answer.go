package mask

import (
	"bytes"
	"encoding/json"
)

// answered reads {"value":"..."} or {"value":null}, and nothing else.
func answered(line []byte) (text string, null, ok bool) {
	var answer struct {
		Value json.RawMessage `json:"value"`
	}
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&answer) != nil || decoder.More() || len(answer.Value) == 0 {
		return "", false, false
	}
	if string(answer.Value) == "null" {
		return "", true, true
	}
	if json.Unmarshal(answer.Value, &text) != nil {
		return "", false, false
	}
	return text, false, true
}
