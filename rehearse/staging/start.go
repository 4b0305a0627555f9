package staging

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"time"
)

// Names of providers, for Start.
const (
	ProviderAuto      = "auto"
	ProviderContainer = "container"
	ProviderLocal     = "local"
)

const defaultTTL = 4 * time.Hour

var runName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$`)

// Start starts a throwaway server in load mode, with an empty database of the wanted name and locale.
//
// provider is "container", "local" or "auto", which takes a container where an engine answers and local binaries otherwise. The error is
// a *ProviderError, or two of them joined when auto found neither; a cancelled ctx leaves nothing behind.
func Start(ctx context.Context, provider string, spec Spec) (Server, error) {
	if err := spec.complete(); err != nil {
		return nil, &ProviderError{Provider: provider, Reason: ReasonSpec, Err: err}
	}
	switch provider {
	case ProviderLocal, ProviderAuto:
		return startLocal(ctx, spec)
	}
	return nil, &ProviderError{Provider: provider, Reason: ReasonSpec, Err: errors.New("there are the providers auto, container and local")}
}

// complete checks a Spec and fills in what it leaves open.
func (s *Spec) complete() error {
	if !runName.MatchString(s.RunID) {
		return fmt.Errorf("run id %q is not letters, digits, dots, dashes and underscores, 63 at most", s.RunID)
	}
	if s.Major < 10 {
		return fmt.Errorf("PostgreSQL %d: a major version is wanted", s.Major)
	}
	if s.Database == "" {
		s.Database = superuser
	}
	if s.Database == "template0" || s.Database == "template1" {
		return fmt.Errorf("database %s is a template of every server", s.Database)
	}
	if s.TTL <= 0 {
		s.TTL = defaultTTL
	}
	return nil
}

func (s Spec) stateDir() string {
	if s.StateDir == "" {
		return os.TempDir()
	}
	return s.StateDir
}

func (s Spec) runAs() string {
	if s.RunAs == "" {
		return os.Getenv("REHEARSE_PG_USER")
	}
	return s.RunAs
}
