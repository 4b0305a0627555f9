package rehearse

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// programs are the processes that masks ask: as many of a command as workers need one at the same time. They are killed when the run ends, or
// when they are closed. What they write to stderr is thrown away, for it may hold values.
type programs struct {
	ctx context.Context //nolint:containedctx // the run that the processes belong to; Ask is called from deep within masks

	mu   sync.Mutex
	idle map[string][]*program
}

// program is one process; in and out are pipes of ours, so that deadlines hold.
type program struct {
	cmd     *exec.Cmd
	in, out *os.File
}

func newPrograms(ctx context.Context) *programs {
	return &programs{ctx: ctx, idle: map[string][]*program{}}
}

// Ask gives one line to an idle process of the command, or to a new one. A process that fails is not asked again.
func (p *programs) Ask(dst []byte, command []string, timeout time.Duration, line []byte) ([]byte, error) {
	key := strings.Join(command, "\x00")
	one, err := p.take(key, command)
	if err != nil {
		return dst, err
	}
	stop := context.AfterFunc(p.ctx, func() { _ = one.out.SetDeadline(time.Now()) })
	answer, err := one.ask(dst, time.Now().Add(timeout), line)
	stop()
	switch {
	case err == nil:
		p.give(key, one)
		return answer, nil
	case p.ctx.Err() != nil:
		err = errors.New("was interrupted")
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("gave no answer within %s", timeout)
	}
	one.kill()
	return dst, err
}

func (p *programs) take(key string, command []string) (*program, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if idle := p.idle[key]; len(idle) > 0 {
		p.idle[key] = idle[:len(idle)-1]
		return idle[len(idle)-1], nil
	}
	return startProgram(p.ctx, command)
}

func (p *programs) give(key string, one *program) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle[key] = append(p.idle[key], one)
}

// Close ends all processes; what is asked later starts new ones.
func (p *programs) Close() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, all := range p.idle {
		for _, one := range all {
			one.kill()
		}
	}
	clear(p.idle)
}

func startProgram(ctx context.Context, command []string) (_ *program, err error) {
	ours := [4]*os.File{}
	defer func() {
		if err != nil {
			closeFiles(ours[:]...)
			err = errors.New("could not be started")
		}
	}()
	if ours[0], ours[1], err = os.Pipe(); err != nil {
		return nil, err
	}
	if ours[2], ours[3], err = os.Pipe(); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // the user's own program, allowed for this run
	cmd.Stdin, cmd.Stdout, cmd.Env = ours[0], ours[3], harmless(os.Environ())
	if err = cmd.Start(); err != nil {
		return nil, err
	}
	closeFiles(ours[0], ours[3])
	return &program{cmd: cmd, in: ours[1], out: ours[2]}, nil
}

func closeFiles(files ...*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close()
		}
	}
}

// harmless is the environment without what may hold secrets of this program or of PostgreSQL's clients.
func harmless(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		return strings.HasPrefix(entry, "REHEARSE_") || strings.HasPrefix(entry, "PG")
	})
}

// ask writes a line and reads one, and nothing more, until the deadline.
func (o *program) ask(dst []byte, deadline time.Time, line []byte) ([]byte, error) {
	if err := errors.Join(o.in.SetDeadline(deadline), o.out.SetDeadline(deadline)); err != nil {
		return dst, errors.New("cannot be asked")
	}
	if _, err := o.in.Write(append(line, '\n')); err != nil {
		return dst, ended(err)
	}
	start := len(dst)
	for {
		dst = slices.Grow(dst, 512)
		n, err := o.out.Read(dst[len(dst):cap(dst)])
		if err != nil {
			return dst[:start], ended(err)
		}
		from := len(dst)
		dst = dst[:from+n]
		end := bytes.IndexByte(dst[from:], '\n')
		switch {
		case end < 0 && len(dst)-start <= longestAnswer:
			continue
		case end != n-1:
			return dst[:start], errors.New("answered with more than one line")
		}
		return dst[:len(dst)-1], nil
	}
}

// longestAnswer is what a value of PostgreSQL can have at most.
const longestAnswer = 1 << 30

// ended tells a program that is gone from one that is slow.
func ended(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return os.ErrDeadlineExceeded
	}
	return errors.New("has ended")
}

func (o *program) kill() {
	_ = o.cmd.Process.Kill()
	closeFiles(o.in, o.out)
	_ = o.cmd.Wait()
}
