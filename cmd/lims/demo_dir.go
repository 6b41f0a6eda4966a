package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"natlims/lims/store/localdb"
)

// A demo that was given no folder makes one of its own and takes it away at its end. What is left of a demo that was killed is taken
// away by a later one.

const demoRest = 24 * time.Hour // that the folder of a demo is left alone

// demoName is how we name such a folder: when the demo began, in UTC, and its process.
var demoName = regexp.MustCompile(`^\d{8}-\d{6}-\d+$`)

func demosDir() string { return filepath.Join(localdb.DefaultDir(), "demo") }

func newDemoDir(base string, now time.Time) (string, error) {
	if err := os.MkdirAll(base, 0o755); err != nil {
		return "", err
	}
	return filepath.Join(base, now.UTC().Format("20060102-150405")+"-"+strconv.Itoa(os.Getpid())), nil
}

// sweepDemos takes away the folders of demos that ended long ago: those that we named, that hold the cluster of a demo, that nobody
// has opened for a day, and that no program holds. Everything else stays, and so does what cannot be taken away.
func sweepDemos(base string, now time.Time) (gone []string) {
	entries, err := os.ReadDir(base)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		dir := filepath.Join(base, e.Name())
		if !e.IsDir() || !demoName.MatchString(e.Name()) {
			continue
		}
		began, err := time.Parse("20060102-150405", e.Name()[:15])
		if err != nil || now.Sub(began) < demoRest {
			continue
		}
		if last, err := localdb.Since(dir); err != nil || now.Sub(last) < demoRest {
			continue
		}
		if localdb.Remove(dir) == nil {
			gone = append(gone, dir)
		}
	}
	return gone
}
