// Package receipt is the proof of a rehearsal that a deploy asks for: what was rehearsed, with what verdict, signed.
//
// A receipt holds a [Payload] as the exact bytes that were signed, so that nothing depends on how JSON is written a second time. It is signed
// with Ed25519 (RFC 8032) and names its key by an id only: who verifies brings the public key, and takes none from the receipt. The package
// is pure; what a deploy finds is given to [Payload.Check] as data.
package receipt

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rehearse-db/rehearse/rehearse/report"
)

// Version is the version of a receipt's form.
const Version = 1

// kind tells a receipt from whatever else a key may sign.
const kind = "rehearse receipt"

// Payload is what a receipt says.
type Payload struct {
	Kind          string      `json:"kind"`
	SchemaVersion int         `json:"schema_version"`
	Run           string      `json:"run"`
	Tool          report.Tool `json:"tool"`
	StartedAt     time.Time   `json:"started_at"`
	EndedAt       time.Time   `json:"ended_at"`

	Verdict   report.Verdict    `json:"verdict"`
	Reason    string            `json:"reason"`
	ExitCode  int               `json:"exit_code"`
	Policy    report.Policy     `json:"policy"`
	PolicySHA string            `json:"policy_sha256"` // of the JSON of Policy
	Overrides []report.Override `json:"overrides,omitempty"`

	Database   string    `json:"database"`
	Version    string    `json:"server_version"`     // such as "15.18"
	VersionNum int       `json:"server_version_num"` // such as 150018
	TakenAt    time.Time `json:"snapshot_taken_at"`  // when production was read
	LSN        string    `json:"snapshot_lsn"`

	Subject report.Subject `json:"subject"`
}

// New is the receipt of a result. One that stopped before a verdict, or did not come to read the files and the versions, has none: an error.
func New(r *report.Result) (*Payload, error) {
	switch {
	case r.Stopped != nil:
		return nil, errors.New("the rehearsal stopped before it came to a verdict")
	case r.Subject == nil:
		return nil, errors.New("the result does not say which files were rehearsed on what")
	}
	policy, err := json.Marshal(r.Policy)
	if err != nil {
		return nil, fmt.Errorf("describe the policy: %w", err)
	}
	return &Payload{
		Kind: kind, SchemaVersion: Version, Run: r.ID, Tool: r.Tool,
		StartedAt: r.StartedAt.UTC(), EndedAt: r.StartedAt.Add(time.Duration(r.Duration)).UTC(),
		Verdict: r.Verdict, Reason: r.Reason, ExitCode: r.ExitCode,
		Policy: r.Policy, PolicySHA: digest(policy), Overrides: inForce(r.Overrides),
		Database: r.Source.Database, Version: r.Source.Version, VersionNum: r.Source.VersionNum,
		TakenAt: r.Snapshot.TakenAt.UTC(), LSN: r.Snapshot.LSN,
		Subject: *r.Subject,
	}, nil
}

func inForce(all []report.Override) []report.Override {
	var some []report.Override
	for _, o := range all {
		if !o.Expired {
			some = append(some, o)
		}
	}
	return some
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// file is a receipt as it is stored. JSON has bytes as base64.
type file struct {
	Version   int    `json:"rehearse_receipt"`
	KeyID     string `json:"key_id,omitempty"` // of the key that signed; none: unsigned
	Signature []byte `json:"signature,omitempty"`
	Payload   []byte `json:"payload"` // the exact bytes that were signed: JSON
}

// Seal writes a receipt, signed unless key is nil.
func Seal(p *Payload, key ed25519.PrivateKey) ([]byte, error) {
	payload, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("write the receipt: %w", err)
	}
	f := file{Version: Version, Payload: payload}
	if key != nil {
		if f.KeyID, err = KeyID(key.Public().(ed25519.PublicKey)); err != nil {
			return nil, err
		}
		f.Signature = ed25519.Sign(key, payload)
	}
	out, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the receipt: %w", err)
	}
	return append(out, '\n'), nil
}

// Sealed is a receipt that was read and not yet believed.
type Sealed struct {
	KeyID   string // of the key that it says has signed it; "" when it is not signed
	payload []byte
	sig     []byte
}

// Read takes a receipt apart. Nothing of what it says is known to be true until [Sealed.Verify].
func Read(text []byte) (*Sealed, error) {
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, errors.New("it is not JSON as a receipt is")
	}
	switch {
	case f.Version == 0 || len(f.Payload) == 0:
		return nil, errors.New("it is JSON, but no receipt")
	case f.Version != Version:
		return nil, fmt.Errorf("it has form %d, and this program reads form %d", f.Version, Version)
	}
	return &Sealed{KeyID: f.KeyID, payload: f.Payload, sig: f.Signature}, nil
}

// Signed tells whether it has a signature, of whomever.
func (s *Sealed) Signed() bool { return len(s.sig) > 0 }

// Verify says why the signature is not that of key, for people; nil: it is.
func (s *Sealed) Verify(key ed25519.PublicKey) error {
	id, err := KeyID(key)
	switch {
	case err != nil:
		return err
	case !s.Signed():
		return errors.New("it is not signed")
	case ed25519.Verify(key, s.payload, s.sig):
		return nil
	case s.KeyID != id:
		return fmt.Errorf("it was signed with key %.16q, and the public key given is %s", s.KeyID, id)
	}
	return fmt.Errorf("the signature of key %s does not fit: the receipt was changed after it was signed", id)
}

// Payload is what the receipt says, whoever may have written it.
func (s *Sealed) Payload() (*Payload, error) {
	var p Payload
	if err := json.Unmarshal(s.payload, &p); err != nil {
		return nil, errors.New("what it holds is not JSON as a receipt's is")
	}
	if p.Kind != kind || p.SchemaVersion != Version {
		return nil, fmt.Errorf("it holds %.40q of form %d, and this program reads %q of form %d", p.Kind, p.SchemaVersion, kind, Version)
	}
	return &p, nil
}
