package pcr

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"gopkg.in/yaml.v3"
)

// MaxKitBytes bounds a kit file.
const MaxKitBytes = 256 << 10

// Load reads a kit file for use: it is read, checked (see Check) and refused where the check finds a fault.
// The error joins every fault, each with its line.
func Load(b []byte) (*Kit, error) {
	k, err := Read(b)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, f := range k.Check() {
		if !f.Warning {
			errs = append(errs, f)
		}
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("kit %s: %w", k.ID, errors.Join(errs...))
	}
	return k, nil
}

// Read reads a kit file without judging its rules: enough to call samples with, not enough to put it into use.
// A file without version gets the first 12 digits of its SHA-256 as version, so that a changed file is another kit.
func Read(b []byte) (*Kit, error) {
	if len(b) > MaxKitBytes {
		return nil, fmt.Errorf("kit file of %d bytes: expected at most %d", len(b), MaxKitBytes)
	}
	var root yaml.Node
	in := yaml.NewDecoder(bytes.NewReader(b))
	if err := in.Decode(&root); err != nil {
		return nil, fmt.Errorf("kit file: %w", err)
	}
	var more yaml.Node
	if err := in.Decode(&more); err != io.EOF {
		return nil, fmt.Errorf("kit file: line %d: something follows the kit: expected one document", max(more.Line, 1))
	}
	left := maxNodes
	if err := finite(&root, map[*yaml.Node]bool{}, &left); err != nil {
		return nil, fmt.Errorf("kit file: %w", err)
	}
	if err := once(&root); err != nil {
		return nil, fmt.Errorf("kit file: %w", err)
	}
	k := &Kit{}
	wrong, err := types(&root, root.Decode(k))
	if err != nil {
		return nil, fmt.Errorf("kit file: %w", err)
	}
	k.faults = append(wrong, unknownFields(&root)...)
	sum := sha256.Sum256(b)
	k.Digest = hex.EncodeToString(sum[:])
	k.defaults()
	if k.Schema != "kit/v1" {
		return nil, fmt.Errorf("kit file: schema %q: expected kit/v1", k.Schema)
	}
	if k.ID == "" || strings.ContainsAny(k.ID, "@ \t") {
		return nil, fmt.Errorf("kit file: id %q: expected a word without blanks and @", k.ID)
	}
	if k.table, err = compile(k); err != nil {
		return nil, fmt.Errorf("kit %s: %w", k.ID, err)
	}
	return k, nil
}

// maxNodes bounds a file with its aliases written out.
const maxNodes = 100_000

// finite refuses a file that refers to itself or unfolds without end: readers of single rules follow aliases on their own.
func finite(n *yaml.Node, open map[*yaml.Node]bool, left *int) error {
	if *left--; *left < 0 {
		return fmt.Errorf("line %d: more than %d values", n.Line, maxNodes)
	}
	if open[n] {
		return fmt.Errorf("line %d: an anchor that holds itself", n.Line)
	}
	open[n] = true
	defer delete(open, n)
	if n.Kind == yaml.AliasNode {
		return finite(n.Alias, open, left)
	}
	for _, c := range n.Content {
		if err := finite(c, open, left); err != nil {
			return err
		}
	}
	return nil
}

// types sorts the type errors of a file: under targets, states and calls they are errors, since a rule read in half says
// something else; elsewhere they are faults.
func types(root *yaml.Node, err error) (faults []Fault, fatal error) {
	var wrong *yaml.TypeError
	if !errors.As(err, &wrong) {
		return nil, err
	}
	rules := map[int]bool{}
	for i := 0; len(root.Content) > 0 && i+1 < len(root.Content[0].Content); i += 2 {
		switch root.Content[0].Content[i].Value {
		case "targets", "states", "calls":
			lines(root.Content[0].Content[i+1], rules)
		}
	}
	for _, text := range wrong.Errors {
		line := 1
		rest := text
		if n, scanErr := fmt.Sscanf(text, "line %d:", &line); n == 1 && scanErr == nil {
			rest = strings.TrimSpace(text[strings.Index(text, ":")+1:])
		}
		f := Fault{Line: line, Text: wanted(rest)}
		if rules[line] {
			return nil, f
		}
		faults = append(faults, f)
	}
	return faults, nil
}

// wanted says what was expected where the reader names a type of its own.
func wanted(text string) string {
	what, into, ok := strings.Cut(text, " into ")
	if !ok {
		return text
	}
	switch into {
	case "int":
		into = "a whole number"
	case "float64":
		into = "a number"
	case "bool":
		into = "true or false"
	case "string":
		into = "a text"
	default:
		if strings.HasPrefix(into, "[]") {
			into = "a list"
		} else {
			into = "a map"
		}
	}
	return strings.TrimPrefix(strings.TrimPrefix(what, "cannot unmarshal "), "!!") + ": expected " + into
}

func lines(n *yaml.Node, seen map[int]bool) {
	seen[n.Line] = true
	for _, c := range n.Content {
		lines(c, seen)
	}
}

func (k *Kit) defaults() {
	if k.Version == "" {
		k.Version = k.Digest[:12]
	}
	if k.Status == "" {
		k.Status = Unverified
	}
	if k.Signal == "" {
		k.Signal = "ct"
	}
	if k.Layout == "" {
		k.Layout = "multiplex"
	}
	if k.Replicates == 0 {
		k.Replicates = 1
	}
	for i := range k.Controls {
		c := &k.Controls[i]
		if c.Scope == "" {
			c.Scope = ScopePlate
		}
		if c.OnFail == "" {
			c.OnFail = FailPlate
		}
	}
}

// The plain types drop UnmarshalYAML so that the methods below can add the line.
type (
	plainAssay   Assay
	plainState   StateRule
	plainCall    CallRule
	plainControl Control
)

// UnmarshalYAML notes the line.
func (a *Assay) UnmarshalYAML(n *yaml.Node) error {
	err := n.Decode((*plainAssay)(a))
	a.Line = n.Line
	return err
}

// UnmarshalYAML notes the line.
func (r *StateRule) UnmarshalYAML(n *yaml.Node) error {
	err := n.Decode((*plainState)(r))
	r.Line = n.Line
	return err
}

// UnmarshalYAML notes the line.
func (r *CallRule) UnmarshalYAML(n *yaml.Node) error {
	err := n.Decode((*plainCall)(r))
	r.Line = n.Line
	if !r.Default && r.When.Line == 0 {
		r.When.Line, r.When.odd = n.Line, []string{"no condition"}
	}
	return err
}

// UnmarshalYAML notes the line.
func (c *Control) UnmarshalYAML(n *yaml.Node) error {
	err := n.Decode((*plainControl)(c))
	c.Line = n.Line
	return err
}

// Fault is something wrong in a kit file. A warning does not keep a kit from use.
type Fault struct {
	Line    int
	Text    string
	Warning bool
}

// Error writes "line 12: …".
func (f Fault) Error() string { return fmt.Sprintf("line %d: %s", f.Line, f.Text) }

// texts is a map of texts that may be written as one text.
type texts map[string]string

// UnmarshalYAML reads a map or a scalar; the scalar stands under "".
func (t *texts) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*t = texts{"": n.Value}
		return nil
	}
	return n.Decode((*map[string]string)(t))
}

// UnmarshalYAML reads {value:, unit:} or a bare number.
func (q *Quantity) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return n.Decode(&q.Value)
	}
	type plain Quantity
	return n.Decode((*plain)(q))
}
