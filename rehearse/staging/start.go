package staging

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	case ProviderLocal:
		return startLocal(ctx, spec)
	case ProviderContainer:
		return startContainer(ctx, spec)
	case ProviderAuto:
		return startAuto(ctx, spec)
	}
	return nil, &ProviderError{Provider: provider, Reason: ReasonSpec, Err: errors.New("there are the providers auto, container and local")}
}

// startAuto takes a container, and local binaries only where no engine answers. An engine that the Spec names is never replaced.
func startAuto(ctx context.Context, spec Spec) (Server, error) {
	s, noContainer := startContainer(ctx, spec)
	if noContainer == nil {
		return s, nil
	}
	if !noEngine(noContainer) || spec.DockerHost != "" {
		return nil, noContainer
	}
	spec.logger().Info("no Docker engine answers, taking the binaries of this machine")
	s, noLocal := startLocal(ctx, spec)
	if noLocal != nil {
		return nil, errors.Join(noContainer, noLocal)
	}
	return s, nil
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

// stateDir is absolute: servers have working directories of their own.
func (s Spec) stateDir() string {
	dir := cmp.Or(s.StateDir, os.TempDir())
	if abs, err := filepath.Abs(dir); err == nil {
		return abs
	}
	return dir
}

func (s Spec) runAs() string {
	if s.RunAs == "" {
		return os.Getenv("REHEARSE_PG_USER")
	}
	return s.RunAs
}
