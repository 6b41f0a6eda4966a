package scenario

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// lims is the program under test.
var lims string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "lims-scenario-")
	if err == nil {
		lims = filepath.Join(dir, "lims")
		var out []byte
		if out, err = exec.Command("go", "build", "-o", lims, "natlims/cmd/lims").CombinedOutput(); err != nil {
			err = fmt.Errorf("build: %w\n%s", err, out)
		}
	}
	code := 1
	if err == nil {
		code = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, err)
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// patience is how long a scenario waits for something that must come. It never decides whether a test passes on a machine that works.
const patience = 60 * time.Second

// program is one life of the program.
type program struct {
	t    *testing.T
	cmd  *exec.Cmd
	out  screen
	over chan struct{} // closed when it has ended
	err  error         // how

	mu    sync.Mutex
	lines []string // of standard error so far
	woken chan struct{}
}

// screen is what a program writes to standard output; it may be looked at while the program runs.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *screen) Bytes() []byte { return []byte(s.String()) }

// start begins a life of the program. A life that the test has not ended is killed when the test ends.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{t: t, cmd: exec.Command(lims, args...), over: make(chan struct{}), woken: make(chan struct{}, 1)}
	p.cmd.Env = append(os.Environ(), "LIMS_DSN=", "LIMS_DATA=")
	p.cmd.Stdout = &p.out
	p.cmd.WaitDelay = 5 * time.Second // a child that outlives it must not hold the pipe
	pipe, err := p.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	read := make(chan struct{})
	go func() {
		defer close(read)
		for s := bufio.NewScanner(pipe); s.Scan(); {
			p.mu.Lock()
			p.lines = append(p.lines, s.Text())
			p.mu.Unlock()
			select {
			case p.woken <- struct{}{}:
			default:
			}
		}
		io.Copy(io.Discard, pipe) //nolint:errcheck // a line that was too long
	}()
	go func() {
		<-read
		p.err = p.cmd.Wait()
		close(p.over)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("lims %s: %v\n%s\n%s", strings.Join(args, " "), p.err, p.text(), p.out.String())
		}
	})
	return p
}

func (p *program) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n")
}

// says waits for a line that holds the words and gives it; false where the program ended without.
func (p *program) says(words string) (string, bool) {
	p.t.Helper()
	end := time.After(patience)
	for {
		p.mu.Lock()
		for _, l := range p.lines {
			if strings.Contains(l, words) {
				p.mu.Unlock()
				return l, true
			}
		}
		p.mu.Unlock()
		select {
		case <-p.woken:
		case <-p.over:
			select {
			case <-p.woken: // its last words
			default:
				return "", false
			}
		case <-end:
			require.Fail(p.t, "waited for the program to say "+words)
		}
	}
}

// kill is kill -9: nothing can be put in order.
func (p *program) kill() {
	p.cmd.Process.Kill() //nolint:errcheck // it may have ended
	<-p.over
}

// stop asks it to end and gives its exit code.
func (p *program) stop() int {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
	return p.wait()
}

// wait waits for its end and gives its exit code.
func (p *program) wait() int {
	p.t.Helper()
	select {
	case <-p.over:
	case <-time.After(patience):
		require.Fail(p.t, "the program does not end")
	}
	var e *exec.ExitError
	if p.err != nil && !errors.As(p.err, &e) && !errors.Is(p.err, exec.ErrWaitDelay) {
		require.NoError(p.t, p.err)
	}
	return p.cmd.ProcessState.ExitCode()
}

// until looks until something has come true.
func until(t *testing.T, what string, true func() bool) {
	t.Helper()
	require.Eventually(t, true, patience, 20*time.Millisecond, "%s", what)
}

// folder is a data folder for the program. PostgreSQL will not run as root, so that other users must be able to pass.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lims-scenario-data-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { os.RemoveAll(dir) }) //nolint:errcheck // it is below the temporary folder
	return dir
}

// bounded is a context that ends before the test's own deadline.
func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	t.Cleanup(cancel)
	return ctx
}
