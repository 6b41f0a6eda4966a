//go:build unix && !linux

package localdb

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// attr makes a child run as the owner. There is no Pdeathsig here: an orphan is stopped at the next start.
func (o *owner) attr(syscall.Signal) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{}
	if o != nil {
		a.Credential = &syscall.Credential{Uid: uint32(o.uid), Gid: uint32(o.gid)}
	}
	return a
}

// alive says whether a process runs; a zombie does not.
func alive(pid int) bool {
	out, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	s := strings.TrimSpace(string(out))
	return err == nil && s != "" && !strings.HasPrefix(s, "Z")
}

// cmdline splits at blanks, which is all that ps offers: a data folder with blanks is not recognised.
func cmdline(pid int) []string {
	out, err := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return nil
	}
	return strings.Fields(string(out))
}
