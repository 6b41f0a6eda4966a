package store

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lib/pq"
)

// Connections. One statement is one round trip: lib/pq's own way, asking for the types of the parameters first, takes two. What is said
// within a transaction is prepared, once for each connection: the line says the same forty statements of every message, and planning them
// cost the server more than carrying them out. Other reads are planned for their values, for they may find much or little; see Often.

// connector opens such connections.
type connector struct{ *pq.Connector }

func newConnector(dsn string) (connector, error) {
	cfg, err := pq.NewConfig(dsn)
	if err != nil {
		return connector{}, err
	}
	cfg.BinaryParameters = true // []byte goes as it is, and one round trip
	c, err := pq.NewConnectorConfig(cfg)
	return connector{c}, err
}

// Connect implements driver.Connector.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	raw, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	inner, ok := raw.(pqConn)
	if !ok {
		return nil, fmt.Errorf("lib/pq: connection %T: expected one that begins, prepares and queries with a context", raw)
	}
	// Messages are the largest values by far; PostgreSQL's own compression takes ten times as long over them as LZ4, where the server has it.
	_, err = inner.ExecContext(ctx, `SELECT set_config(name, 'lz4', false) FROM pg_settings
		WHERE name = 'default_toast_compression' AND 'lz4' = ANY(enumvals)`, nil)
	if err != nil {
		inner.Close()
		return nil, err
	}
	return &conn{pqConn: inner, prepared: map[string]prepared{}}, nil
}

// pqConn is what database/sql may ask of a connection.
type pqConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.NamedValueChecker
	driver.Pinger
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
}

// prepared is a statement that a connection remembers.
type prepared interface {
	driver.StmtExecContext
	driver.StmtQueryContext
}

type often struct{}

// Often marks a context with which the same things are asked over and over, and always find about as much: what is asked with it is
// prepared too.
func Often(ctx context.Context) context.Context { return context.WithValue(ctx, often{}, true) }

// maxPrepared bounds what a connection remembers, and what the server holds for it.
const maxPrepared = 250

type conn struct {
	pqConn
	within   bool // a transaction
	prepared map[string]prepared
}

// BeginTx implements driver.ConnBeginTx.
func (c *conn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	t, err := c.pqConn.BeginTx(ctx, o)
	if err != nil {
		return nil, err
	}
	c.within = true
	return ending{t, c}, nil
}

// ending is a transaction that says when it is over.
type ending struct {
	driver.Tx
	c *conn
}

func (e ending) Commit() error {
	e.c.within = false
	return e.Tx.Commit()
}

func (e ending) Rollback() error {
	e.c.within = false
	return e.Tx.Rollback()
}

// remembered is the prepared statement; nil where it is better said outright.
func (c *conn) remembered(ctx context.Context, query string, args []driver.NamedValue) (prepared, error) {
	if len(args) == 0 || !c.within && ctx.Value(often{}) == nil {
		return nil, nil
	}
	if p, ok := c.prepared[query]; ok || len(c.prepared) >= maxPrepared {
		return p, nil
	}
	s, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	p, ok := s.(prepared)
	if !ok {
		return nil, s.Close()
	}
	c.prepared[query] = p
	return p, nil
}

// QueryContext implements driver.QueryerContext.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	p, err := c.remembered(ctx, query, args)
	switch {
	case err != nil:
		return nil, err
	case p == nil:
		return c.pqConn.QueryContext(ctx, query, args)
	}
	rows, err := p.QueryContext(ctx, args)
	return rows, c.forget(query, err)
}

// ExecContext implements driver.ExecerContext.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	p, err := c.remembered(ctx, query, args)
	switch {
	case err != nil:
		return nil, err
	case p == nil:
		return c.pqConn.ExecContext(ctx, query, args)
	}
	result, err := p.ExecContext(ctx, args)
	return result, c.forget(query, err)
}

// forget drops a prepared statement that the server cannot carry out any more, because the schema has changed under it or somebody
// between has put another session in its place. The transaction is lost and tried again (see lost).
func (c *conn) forget(query string, err error) error {
	var p *pq.Error
	if errors.As(err, &p) && stale(p) {
		delete(c.prepared, query)
	}
	return err
}

// stale says that a prepared statement gives other columns now (0A000) or is not there (26000).
func stale(p *pq.Error) bool { return p.Code == "0A000" || p.Code == "26000" }

// CheckNamedValue implements driver.NamedValueChecker. JSON goes as text: the binary form of jsonb is another.
func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if j, ok := v.Value.(json.RawMessage); ok && j != nil {
		v.Value = string(j)
		return nil
	}
	return c.pqConn.CheckNamedValue(v)
}
