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

// Ask gives lines to an idle process of the command, or to a new one. A process that fails is not asked again.
func (p *programs) Ask(dst []byte, command []string, timeout time.Duration, lines []byte, n int) ([]byte, error) {
	key := strings.Join(command, "\x00")
	one, err := p.take(key, command)
	if err != nil {
		return dst, err
	}
	stop := context.AfterFunc(p.ctx, func() { _ = one.out.SetDeadline(time.Now()) })
	answers, got, err := one.ask(dst, time.Now().Add(timeout), lines, n)
	stop()
	switch {
	case err == nil:
		p.give(key, one)
		return answers, nil
	case p.ctx.Err() != nil:
		err = errors.New("was interrupted")
	case errors.Is(err, os.ErrDeadlineExceeded) && n == 1:
		err = fmt.Errorf("gave no answer within %s", timeout)
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("gave %d of %d answers within %s (timeout is for a batch; batch says how many values one has)", got, n, timeout)
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

// ask writes n lines and reads as many, and nothing more, until the deadline; got is how many came. It writes beside reading: a program may
// answer the first before it reads the last, and a pipe holds no more than some of either.
func (o *program) ask(dst []byte, deadline time.Time, lines []byte, n int) (answers []byte, got int, err error) {
	if err := errors.Join(o.in.SetDeadline(deadline), o.out.SetDeadline(deadline)); err != nil {
		return dst, 0, errors.New("cannot be asked")
	}
	written := make(chan error, 1)
	go func() {
		_, err := o.in.Write(lines)
		written <- err
	}()
	start, begun := len(dst), 0 // begun is where the line begins that has not ended
	for got < n {
		dst = slices.Grow(dst, 512)
		size, err := o.out.Read(dst[len(dst):cap(dst)])
		if err != nil {
			return dst[:start], got, ended(err)
		}
		came := dst[len(dst) : len(dst)+size]
		if got += bytes.Count(came, []byte{'\n'}); bytes.IndexByte(came, '\n') >= 0 {
			begun = len(dst) - start
		}
		if dst = dst[:len(dst)+size]; len(dst)-start-begun > longestAnswer {
			break
		}
	}
	if got != n || dst[len(dst)-1] != '\n' {
		return dst[:start], got, errors.New("answered with more than one line for a value")
	}
	if err := <-written; err != nil {
		return dst[:start], got, ended(err)
	}
	return dst, got, nil
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
