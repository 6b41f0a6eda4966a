package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"natlims/instruments/link"
)

// stale is how long a message may wait until the health page says that something is wrong.
const stale = 10 * time.Minute

// serveHealth answers GET /healthz until the context ends: 200, or 503 where a line is down or a message waits too long.
func (g *Gate) serveHealth(ctx context.Context) error {
	if g.c.Health == "" {
		<-ctx.Done()
		return nil
	}
	l, err := net.Listen("tcp", g.c.Health)
	if err != nil {
		return fmt.Errorf("health: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", g.health)
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second}
	defer context.AfterFunc(ctx, func() { srv.Close() })()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (g *Gate) health(w http.ResponseWriter, _ *http.Request) {
	all := g.Status()
	well := true
	for _, s := range all {
		late := !s.Spool.Oldest.IsZero() && g.now().Sub(s.Spool.Oldest) > stale
		well = well && s.State == link.Up && !late
	}
	w.Header().Set("Content-Type", "application/json")
	if !well {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"ok": well, "lines": all}) // the asker has gone
}
