package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"natlims/lims/pcr"
)

// kitCmd reads kit files: the decision tables that say what a run means.
type kitCmd struct {
	Check kitCheck `cmd:"" help:"Check a kit file: every combination has a call, none is unsafe."`
	Print kitPrint `cmd:"" help:"Print a kit's decision table as a page to sign."`
	Call  kitCall  `cmd:"" help:"Call cases with kits; prints call and action, one line a case."`
}

type kitCheck struct {
	File string `arg:"" help:"Kit file (YAML or JSON, schema kit/v1), or the id of a shipped kit."`
}

// Run prints what is wrong, each with its line, and fails where the kit must not be used.
func (c *kitCheck) Run() error { return c.to(os.Stdout) }

func (c *kitCheck) to(w io.Writer) error {
	b, err := kitBytes(c.File)
	if err != nil {
		return err
	}
	k, err := pcr.Read(b)
	if err != nil {
		line, text := located(err.Error())
		fmt.Fprintf(w, "%s:%d: error: %s\n", c.File, line, text)
		return fmt.Errorf("%s: %w", c.File, err)
	}
	bad := 0
	for _, f := range k.Check() {
		mark := "error"
		if f.Warning {
			mark = "warning"
		} else {
			bad++
		}
		fmt.Fprintf(w, "%s:%d: %s: %s\n", c.File, f.Line, mark, f.Text)
	}
	if bad > 0 {
		return fmt.Errorf("kit %s: %d errors", k.ID, bad)
	}
	fmt.Fprintf(w, "%s: kit %s, %d targets, %d rules, %s: sound\n", c.File, k.Key(), len(k.Targets), len(k.Calls), k.Status)
	return nil
}

var lineOf = regexp.MustCompile(`line (\d+): `)

// located takes the first "line 12: " out of a message; line 1 where it has none.
func located(text string) (line int, rest string) {
	at := lineOf.FindStringSubmatchIndex(text)
	if at == nil {
		return 1, text
	}
	line, _ = strconv.Atoi(text[at[2]:at[3]])
	return line, text[:at[0]] + text[at[1]:]
}

// kitBytes reads a file, bounded, or a shipped kit by its id.
func kitBytes(name string) ([]byte, error) {
	if b, err := pcr.KitFile(name); err == nil {
		return b, nil
	}
	return readFile(name)
}

func readFile(name string) ([]byte, error) {
	st, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if st.Size() > pcr.MaxKitBytes {
		return nil, fmt.Errorf("%s: %d bytes: expected at most %d", name, st.Size(), pcr.MaxKitBytes)
	}
	return os.ReadFile(name)
}

type kitPrint struct {
	File   string `arg:"" help:"Kit file, or the id of a shipped kit."`
	Lang   string `enum:"zh,en" default:"zh" help:"Language: zh or en."`
	Format string `enum:"text,html" default:"text" help:"text or html."`
}

// Run prints the decision table to standard output.
func (c *kitPrint) Run() error { return c.to(os.Stdout) }

func (c *kitPrint) to(w io.Writer) error {
	b, err := kitBytes(c.File)
	if err != nil {
		return err
	}
	k, err := pcr.Read(b)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	if c.Format == "html" {
		err = k.WriteHTML(out, c.Lang)
	} else {
		err = k.WriteText(out, c.Lang)
	}
	return errors.Join(err, out.Flush())
}

type kitCall struct {
	Kits  string `required:"" type:"existingdir" help:"Folder of kit files." placeholder:"DIR"`
	Cases string `required:"" type:"existingfile" help:"Case file: kit, readings, curves, context between tabs." placeholder:"FILE"`
}

// Run prints one line a case, "call TAB action", "-" for none. A case whose kit cannot be read prints "error TAB -";
// all cases are answered before the command fails.
func (c *kitCall) Run() error { return c.to(os.Stdout) }

func (c *kitCall) to(w io.Writer) error {
	kits, bad := readKits(c.Kits)
	f, err := os.Open(c.Cases)
	if err != nil {
		return err
	}
	defer f.Close()
	rows, err := pcr.Cases(f)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Cases, err)
	}
	out := bufio.NewWriter(w)
	var errs []error
	for _, r := range rows {
		k := kits[r.Kit]
		if k == nil && r.Err == nil {
			r.Err = fmt.Errorf("line %d: kit %q: not in %s%s", r.Line, r.Kit, c.Kits, bad[r.Kit])
		}
		if r.Err != nil {
			fmt.Fprintf(out, "error\t-\n")
			errs = append(errs, fmt.Errorf("%s: %w", c.Cases, r.Err))
			continue
		}
		for id := range r.Readings {
			if !slices.ContainsFunc(k.Targets, func(a pcr.Assay) bool { return a.ID == id }) {
				r.Odd = append(r.Odd, "target "+id)
			}
		}
		slices.Sort(r.Odd)
		if len(r.Odd) > 0 {
			fmt.Fprintf(os.Stderr, "%s: line %d: %s: not known and left out\n", c.Cases, r.Line, strings.Join(r.Odd, ", "))
		}
		call := k.Call(r.Readings, r.Context)
		action := call.Action
		if action == "" {
			action = "-"
		}
		fmt.Fprintf(out, "%s\t%s\n", call.Call, action)
	}
	return errors.Join(append(errs, out.Flush())...)
}

// readKits reads a folder: each kit is known by its file name without the ending and by its id; the file name comes first
// where two claim one name. Files that cannot be read are named in bad, by file name.
func readKits(dir string) (kits map[string]*pcr.Kit, bad map[string]string) {
	kits, bad = map[string]*pcr.Kit{}, map[string]string{}
	var files []string
	for _, pattern := range []string{"*.yaml", "*.yml", "*.json"} {
		m, _ := filepath.Glob(filepath.Join(dir, pattern)) // the pattern is well formed
		files = append(files, m...)
	}
	var ids []*pcr.Kit
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
		b, err := readFile(file)
		var k *pcr.Kit
		if err == nil {
			k, err = pcr.Read(b)
		}
		if err != nil {
			bad[name] = ": " + err.Error()
			continue
		}
		kits[name] = k
		ids = append(ids, k)
	}
	for _, k := range ids {
		if kits[k.ID] == nil {
			kits[k.ID] = k
		}
	}
	return kits, bad
}
