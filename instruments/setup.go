package instruments

import (
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"

	"natlims/lims/plate"
)

// Plate files that cyclers import. Each driver's Setup writes one; what it writes is read back by the tests with the
// readers of this package.

// checkLayout refuses layouts that no plate file can say: no wells, wells outside the plate, a position twice.
func checkLayout(l plate.Layout) error {
	if len(l.Wells) == 0 {
		return fmt.Errorf("plate %q: no wells, expected at least one", l.Code)
	}
	if l.Format != plate.F96 && l.Format != plate.F384 {
		return fmt.Errorf("plate %q of %d x %d wells: expected 8 x 12 or 16 x 24", l.Code, l.Format.Rows, l.Format.Cols)
	}
	seen := map[plate.Pos]bool{}
	for _, w := range l.Wells {
		if !l.Format.Holds(w.Pos) {
			return fmt.Errorf("plate %q: well %s lies outside %d wells", l.Code, w.Pos, l.Format.Size())
		}
		if seen[w.Pos] {
			return fmt.Errorf("plate %q: well %s stands twice", l.Code, w.Pos)
		}
		seen[w.Pos] = true
	}
	return nil
}

// oneCell is a text as one cell of one line: separators and line ends become blanks, so that no code can add a row.
func oneCell(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == '"' {
			return ' '
		}
		return r
	}, s))
}

// fileName makes a file name from the plate code and nothing else: letters, digits, hyphen and underscore.
func fileName(code, end string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z', r == '-', r == '_':
			return r
		}
		return '_'
	}, code)
	if name = strings.Trim(name, "_"); name == "" {
		name = "plate"
	}
	return name[:min(len(name), 60)] + end
}

// table writes rows as text with the given separator; cells are quoted where they need it.
func writeTable(sep rune, crlf bool, rows [][]string) ([]byte, error) {
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.Comma, w.UseCRLF = sep, crlf
	for _, r := range rows {
		for i := range r {
			r[i] = oneCell(r[i])
		}
	}
	if err := w.WriteAll(rows); err != nil {
		return nil, fmt.Errorf("plate file: %w", err)
	}
	return []byte(b.String()), nil
}

// setupRows writes a table with one row for each well.
func setupRows(l plate.Layout, head []string, row func(n int, w plate.Well) []string) ([][]string, error) {
	if err := checkLayout(l); err != nil {
		return nil, err
	}
	rows := [][]string{head}
	for n, w := range l.Wells {
		rows = append(rows, row(n, w))
	}
	return rows, nil
}

// setupCFX writes the plate import of CFX Manager and Maestro; names that it may leave out begin with an asterisk.
func setupCFX(l plate.Layout) (SetupFile, error) {
	rows, err := setupRows(l, []string{"Row", "Column", "*Target Name", "*Sample Name", "*Biological Group", "*Sample Type"}, func(_ int, w plate.Well) []string {
		kind := "Unknown"
		switch w.Role {
		case plate.Negative, plate.Saline, plate.Extraction:
			kind = "Negative Control"
		case plate.NoTemplate:
			kind = "NTC"
		case plate.Positive, plate.Weak:
			kind = "Positive Control"
		}
		return []string{string(rune('A' + w.Pos.Row)), strconv.Itoa(w.Pos.Col + 1), w.Target, w.Code, w.Arm, kind}
	})
	return setupFile(l, "-cfx.csv", ',', rows, err)
}

// setupLC480 writes the import of the LightCycler 480 sample editor.
func setupLC480(l plate.Layout) (SetupFile, error) {
	head := []string{"General:Pos", "General:Sample Name", "General:Repl. Of", "General:Filt. Comb.", "General:Target Name", "Sample Preferences:Color",
		"Abs Quant:Concentration", "Rel Quant:Efficiency", "Rel Quant:Combined Sample/Target type"}
	rows, err := setupRows(l, head, func(_ int, w plate.Well) []string {
		kind := "Target Unknown"
		switch {
		case w.Role == plate.Positive || w.Role == plate.Weak:
			kind = "Target Pos Control"
		case w.Role.Control():
			kind = "Target Negative"
		}
		return []string{w.Pos.String(), w.Code, "", "", w.Target, "", "", "", kind}
	})
	return setupFile(l, "-lc480.txt", '\t', rows, err)
}

// setupLC96 writes the sample list of the LightCycler 96.
func setupLC96(l plate.Layout) (SetupFile, error) {
	head := []string{"Color", "Position", "Sample Name", "Gene Name", "Condition Name", "Sample Type", "Concentration", "Dye", "Replicate Group", "Notes", "Sample Prep Notes", "Number"}
	if l.Format != plate.F96 {
		return SetupFile{}, fmt.Errorf("plate %q of %d wells: expected 96, the only plate of the LightCycler 96", l.Code, l.Format.Size())
	}
	rows, err := setupRows(l, head, func(_ int, w plate.Well) []string {
		kind := "Unknown"
		switch {
		case w.Role == plate.Positive || w.Role == plate.Weak:
			kind = "Positive control"
		case w.Role.Control():
			kind = "Negative control"
		}
		return []string{"", w.Pos.String(), w.Code, w.Target, "", kind, "", w.Dye, "", w.Arm, "", strconv.Itoa(l.Format.Index(w.Pos) + 1)}
	})
	return setupFile(l, "-lc96.csv", ',', rows, err)
}

// setupTable writes a plain list for any instrument.
func setupTable(l plate.Layout) (SetupFile, error) {
	rows, err := setupRows(l, []string{"Well", "Sample Name", "Type", "Kit", "Arm", "Target"}, func(_ int, w plate.Well) []string {
		return []string{w.Pos.String(), w.Code, string(w.Role), w.Kit, w.Arm, w.Target}
	})
	return setupFile(l, "-plate.csv", ',', rows, err)
}

func setupFile(l plate.Layout, end string, sep rune, rows [][]string, err error) (SetupFile, error) {
	if err != nil {
		return SetupFile{}, err
	}
	b, err := writeTable(sep, true, rows)
	if err != nil {
		return SetupFile{}, err
	}
	kind := "text/csv; charset=utf-8"
	if sep == '\t' {
		kind = "text/tab-separated-values; charset=utf-8"
	}
	return SetupFile{Name: fileName(l.Code, end), Type: kind, Bytes: b}, nil
}
