//go:build unix

package localdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// stopping is how the server is asked to end (PostgreSQL manual 19.5).
type stopping syscall.Signal

const (
	stopGently = stopping(syscall.SIGINT)  // fast shutdown: roll back, checkpoint, end
	stopNow    = stopping(syscall.SIGQUIT) // immediate shutdown: recovery at the next start
)

const (
	maxRestarts = 8                // restarts in a row before the server is given up
	settled     = time.Minute      // a server that ran this long starts the count anew
	orphanGrace = 10 * time.Second // until an orphan of an earlier supervisor is told to drop everything
	maxLog      = 16 << 20         // bytes of postgres.log until it is put aside at a start
	pollEvery   = 10 * time.Millisecond
)

// errGone: the server ended before it was ready.
var errGone = errors.New("PostgreSQL ended at its start")

// child is one postmaster process.
type child struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// supervise starts the server, tells ready once, and starts it again when it ends unasked. It keeps its thread for all its life,
// because the kernel ties Pdeathsig to the thread that forked.
func (c *Cluster) supervise(ctx context.Context, ready chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ch, err := c.launch(ctx)
	if err != nil {
		c.err = err
		close(c.done)
		ready <- err
		return
	}
	ready <- nil
	c.err = c.watch(ch)
	c.release()
	close(c.done)
}

// watch waits for the end of the server or a Stop. The error is nil after a Stop.
func (c *Cluster) watch(ch *child) error {
	restarts := 0
	for {
		young, grown := context.WithTimeout(context.Background(), settled)
		select {
		case s := <-c.stop:
			grown()
			c.end(ch, s)
			return nil
		case <-ch.done:
		}
		if young.Err() != nil {
			restarts = 0
		}
		grown()
		for {
			if restarts++; restarts > maxRestarts {
				return fmt.Errorf("the private PostgreSQL ended %d times in a row: %w; see %s", maxRestarts, ch.err, c.logPath())
			}
			c.log.Error("private PostgreSQL ended unasked, starting it again", "error", ch.err, "try", restarts)
			next, err := c.relaunch()
			if errors.Is(err, context.Canceled) {
				return nil
			}
			if err == nil {
				ch = next
				break
			}
			ch.err = err
			if c.pause(time.Duration(restarts) * c.o.backoff) {
				return nil
			}
		}
	}
}

// relaunch is launch under a Stop instead of a context.
func (c *Cluster) relaunch() (*child, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	over := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-c.stop:
			cancel()
		case <-over:
		}
	}()
	ch, err := c.launch(ctx)
	close(over)
	<-watched
	if err == nil && ctx.Err() != nil { // stopped in the moment it became ready
		c.end(ch, stopGently)
		return nil, ctx.Err()
	}
	return ch, err
}

// pause waits between two tries; true says that Stop was asked meanwhile.
func (c *Cluster) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-c.stop:
		return true
	case <-t.C:
		return false
	}
}

// end signals the server until it has ended; a second, harder wish may come in while it takes its time.
func (c *Cluster) end(ch *child, s stopping) {
	for {
		_ = ch.cmd.Process.Signal(syscall.Signal(s)) // an ended process is what we want
		select {
		case s = <-c.stop:
		case <-ch.done:
			return
		}
	}
}

// launch starts one postmaster and waits until it takes connections. Backends of a killed postmaster need a moment to notice;
// until then PostgreSQL rightly refuses to start, so that refusal is tried again.
func (c *Cluster) launch(ctx context.Context) (*child, error) {
	for {
		if err := c.clearStale(ctx); err != nil {
			return nil, err
		}
		ch, err := c.spawn()
		if err != nil {
			return nil, err
		}
		if err = c.waitReady(ctx, ch); err == nil {
			return ch, nil
		}
		if !errors.Is(err, errGone) {
			_ = ch.cmd.Process.Signal(syscall.Signal(stopNow)) // not ready: nothing to lose
			<-ch.done
			return nil, err
		}
		tail := c.logTail()
		if !strings.Contains(tail, "is still in use") {
			return nil, fmt.Errorf("%w (%v); %s says: %s", errGone, ch.err, c.logPath(), tail)
		}
		if err = sleep(ctx, 200*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

func (c *Cluster) spawn() (*child, error) {
	if fi, err := os.Stat(c.logPath()); err == nil && fi.Size() > maxLog {
		if err := os.Rename(c.logPath(), c.logPath()+".1"); err != nil {
			return nil, err
		}
	}
	out, err := os.OpenFile(c.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	args := []string{"-D", c.data(), "-k", c.sock, "-c", "listen_addresses=", "-c", "unix_socket_permissions=0700"}
	for k, v := range c.o.Settings {
		args = append(args, "-c", k+"="+v)
	}
	cmd := exec.Command(filepath.Join(c.bin, "postgres"), args...)
	cmd.SysProcAttr = c.owner.attr(syscall.SIGINT)
	cmd.SysProcAttr.Setpgid = true // ^C in a terminal is for us; we then stop the server in order
	cmd.Dir = "/"
	cmd.Env = env()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", cmd.Path, err)
	}
	ch := &child{cmd: cmd, done: make(chan struct{})}
	go func() {
		ch.err = cmd.Wait()
		if ch.err == nil {
			ch.err = errors.New("it ended by itself")
		}
		close(ch.done)
	}()
	return ch, nil
}

// waitReady reads the eighth line of postmaster.pid as pg_ctl does: no connection attempts, no noise in the log.
func (c *Cluster) waitReady(ctx context.Context, ch *child) error {
	for {
		select {
		case <-ch.done:
			return errGone
		default:
		}
		if err := sleep(ctx, pollEvery); err != nil {
			return fmt.Errorf("the private PostgreSQL is not ready yet (see %s): %w", c.logPath(), err)
		}
		b, err := os.ReadFile(c.pidPath())
		if err != nil {
			continue
		}
		l := strings.Split(string(b), "\n")
		if len(l) >= 8 && l[0] == strconv.Itoa(ch.cmd.Process.Pid) && strings.HasPrefix(l[7], "ready") {
			return nil
		}
	}
}

func (c *Cluster) logTail() string {
	b, err := os.ReadFile(c.logPath())
	if err != nil {
		return err.Error()
	}
	return lastLines(string(b[max(0, len(b)-4096):]), 5)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
