//go:build !linux

package pgtest

import "os"

// base is the folder of the slots.
func base() string { return os.TempDir() }
