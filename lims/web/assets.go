package web

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
)

type asset struct {
	bytes []byte
	kind  string
	tag   string
}

func readAssets() map[string]asset {
	all := map[string]asset{}
	entries, err := fs.ReadDir(files, "assets")
	if err != nil {
		panic(err)
	}
	for _, e := range entries {
		b, err := files.ReadFile("assets/" + e.Name())
		if err != nil {
			panic(err)
		}
		h := sha256.Sum256(b)
		all[e.Name()] = asset{b, mime.TypeByExtension(path.Ext(e.Name())), `"` + hex.EncodeToString(h[:8]) + `"`}
	}
	return all
}

// asset serves the stylesheet and the script; the tag makes a browser that has them ask only once.
func (s *site) asset(w http.ResponseWriter, r *http.Request) {
	a, ok := s.assets[r.PathValue("file")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("Cache-Control", "max-age=300")
	w.Header().Set("ETag", a.tag)
	if r.Header.Get("If-None-Match") == a.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Write(a.bytes) //nolint:errcheck // the browser has gone
}
