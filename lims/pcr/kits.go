package pcr

import (
	"embed"
	"fmt"
	"sort"
	"sync"
)

//go:embed kits/*.yaml
var kitFiles embed.FS

// Kits are the kits that come with the program, sorted by id. Which of them a laboratory uses is its own matter:
// rows, approved by a named person. They are shared: do not write to them.
func Kits() []*Kit { return append([]*Kit(nil), shipped()...) }

// Find is the shipped kit with this id or key ("id@version").
func Find(id string) (*Kit, error) {
	for _, k := range shipped() {
		if k.ID == id || k.Key() == id {
			return k, nil
		}
	}
	return nil, fmt.Errorf("kit %q: not among the shipped kits", id)
}

// KitFile is the text of a shipped kit, for keeping it with the version in use.
func KitFile(id string) ([]byte, error) {
	k, err := Find(id)
	if err != nil {
		return nil, err
	}
	return kitFiles.ReadFile("kits/" + k.ID + ".yaml")
}

// shipped panics where a shipped file is faulty: a test loads them all.
var shipped = sync.OnceValue(func() []*Kit {
	dir, err := kitFiles.ReadDir("kits")
	if err != nil {
		panic(err)
	}
	var out []*Kit
	for _, f := range dir {
		b, err := kitFiles.ReadFile("kits/" + f.Name())
		if err != nil {
			panic(err)
		}
		k, err := Load(b)
		if err != nil {
			panic("kits/" + f.Name() + ": " + err.Error())
		}
		out = append(out, k)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out
})
