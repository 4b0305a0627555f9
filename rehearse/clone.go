package rehearse

import (
	"context"

	"github.com/rehearse-db/rehearse/rehearse/staging"
)

// clone makes the clones wanted of the fresh copy, a pristine one where it is to be kept, and names the databases that hold the copy.
// Its time is after the copy's last session and before measure mode, whose restart writes all of them to the disk at once.
func (r *rehearsal) clone(ctx context.Context, server staging.Server, databases int, pristine bool) ([]string, error) {
	names := []string{server.Info().Database}
	clones := databases - 1
	if pristine {
		clones++
	}
	if clones == 0 {
		return names, nil
	}
	err := r.phase("clone", func() (string, error) {
		all := staging.DatabasesOf(server)
		if pristine {
			if _, err := all.KeepPristine(ctx); err != nil {
				return "", err
			}
		}
		for len(names) < databases {
			name, err := all.Clone(ctx, names[0], "")
			if err != nil {
				return "", err
			}
			names = append(names, name)
		}
		return count(clones, "clone"), nil
	})
	if err != nil {
		return nil, &StagingError{Err: r.because(ctx, server, err)}
	}
	return names, nil
}
