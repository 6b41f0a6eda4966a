//go:build unix

package localdb

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// deadPid is a number that no process has: above every kernel's limit, still a positive int.
const deadPid = "2147483646"

func (c *Cluster) pidPath() string { return filepath.Join(c.data(), "postmaster.pid") }

// clearStale stops the postmaster that an earlier supervisor left, and makes what it left behind harmless.
func (c *Cluster) clearStale(ctx context.Context) error {
	if pid := c.orphan(); pid != 0 {
		c.log.Warn("stopping the PostgreSQL that an earlier run left", "pid", pid)
		if err := c.stopOrphan(ctx, pid); err != nil {
			return err
		}
	}
	b, err := os.ReadFile(c.pidPath())
	if err == nil {
		first, rest, _ := strings.Cut(string(b), "\n")
		if pid, err := strconv.Atoi(strings.TrimSpace(first)); err == nil && pid > 0 && exists(pid) {
			c.log.Warn("postmaster.pid names a process that is not our server", "pid", pid)
			if err := os.WriteFile(c.pidPath(), []byte(deadPid+"\n"+rest), 0o600); err != nil {
				return err
			}
		}
	}
	for _, name := range []string{".s.PGSQL.5432", ".s.PGSQL.5432.lock"} {
		if err := os.Remove(filepath.Join(c.sock, name)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

// orphan is the living postmaster of our data folder, 0 if there is none. We hold the lock: it cannot be another supervisor's.
func (c *Cluster) orphan() int {
	b, err := os.ReadFile(c.pidPath())
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || pid <= 0 || !alive(pid) {
		return 0
	}
	args := cmdline(pid)
	if len(args) == 0 || !strings.HasPrefix(filepath.Base(args[0]), "postgres") {
		return 0
	}
	ours, err := os.Stat(c.data())
	if err != nil {
		return 0
	}
	for i := 1; i+1 < len(args); i++ {
		if args[i] != "-D" {
			continue
		}
		if theirs, err := os.Stat(args[i+1]); err == nil && os.SameFile(ours, theirs) {
			return pid
		}
	}
	return 0
}

func (c *Cluster) stopOrphan(ctx context.Context, pid int) error {
	_ = syscall.Kill(pid, syscall.SIGINT) // it may be gone already
	hard := time.NewTimer(orphanGrace)
	defer hard.Stop()
	for alive(pid) {
		select {
		case <-hard.C:
			_ = syscall.Kill(pid, syscall.SIGQUIT)
		default:
		}
		if err := sleep(ctx, 2*pollEvery); err != nil {
			return fmt.Errorf("the PostgreSQL of an earlier run, process %d, does not stop: %w", pid, err)
		}
	}
	return nil
}

// exists says what PostgreSQL would believe: kill(pid, 0), which zombies and strangers pass.
func exists(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || err == syscall.EPERM
}
