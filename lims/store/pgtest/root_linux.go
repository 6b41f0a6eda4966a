package pgtest

import (
	"os"
	"syscall"
)

const minShm = 2 << 30 // bytes free for the slots to be in memory; containers often have 64 MB

// base is the folder of the slots: in memory where there is room, because making a database writes 300 files
// (50 ms in memory, 100 to 400 ms on a busy disk).
func base() string {
	var st syscall.Statfs_t
	if syscall.Statfs("/dev/shm", &st) == nil && st.Bavail*uint64(st.Bsize) > minShm && syscall.Access("/dev/shm", 2) == nil {
		return "/dev/shm"
	}
	return os.TempDir()
}
