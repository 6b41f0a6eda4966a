package pcr

import "strings"

// dyeNames bring the names that instruments give a channel onto one. What shares a filter shares a name: VIC, HEX and
// JOE are read in one channel, as are CY5 and Quasar 670. A name that the kit uses itself always comes first.
var dyeNames = map[string]string{
	"fam": "fam", "6fam": "fam", "6carboxyfluorescein": "fam", "green": "fam", "sybr": "fam", "sybrgreen": "fam", "530": "fam",
	"vic": "vic", "hex": "vic", "joe": "vic", "yellow": "vic", "calfluororange560": "vic", "cfo560": "vic", "vichex": "vic", "hexvic": "vic", "560": "vic",
	"rox": "rox", "texasred": "rox", "texred": "rox", "orange": "rox", "calfluorred610": "rox", "cfr610": "rox", "calred610": "rox", "roxtexasred": "rox", "610": "rox",
	"cy5": "cy5", "quasar670": "cy5", "q670": "cy5", "red": "cy5", "cy5quasar670": "cy5", "670": "cy5",
	"cy55": "cy55", "quasar705": "cy55", "crimson": "cy55", "705": "cy55",
	"aby": "aby", "ned": "aby", "tamra": "aby", "jun": "jun",
}

// geneNames bring the spellings of a gene onto one.
var geneNames = map[string]string{
	"orf1ab": "orf1ab", "orf1a/b": "orf1ab", "orf1": "orf1ab", "orf": "orf1ab", "0rf1ab": "orf1ab", "orflab": "orf1ab", "1ab": "orf1ab", "orf1abgene": "orf1ab",
	"n": "n", "ngene": "n", "npgene": "n", "e": "e", "egene": "e", "s": "s", "sgene": "s",
	"rdrp": "rdrp", "rdrpgene": "rdrp",
	"ic": "ic", "internalcontrol": "ic", "内标": "ic", "内参": "ic", "ipc": "ic", "iqs": "ic",
	"rp": "rp", "rnasep": "rp", "rnasap": "rp", "rnp": "rp", "rpp30": "rp", "rnase p": "rp",
	"actb": "actb", "βactin": "actb", "betaactin": "actb", "bactin": "actb",
	"ms2": "ms2",
}

// squeeze drops what instruments put into names: case, blanks, hyphens, underscores, dots, brackets.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case ' ', '-', '_', '.', '(', ')', '[', ']', '\t', '\u00a0':
			return -1
		case '（', '）':
			return -1
		}
		return r
	}, strings.ToLower(s))
}

func geneName(s string) string {
	q := squeeze(s)
	for _, tail := range []string{"基因", "gene"} {
		q = strings.TrimSuffix(q, tail)
	}
	if g := geneNames[q]; g != "" {
		return g
	}
	return q
}

func dyeName(s string) string {
	q := squeeze(s)
	if d := dyeNames[q]; d != "" {
		return d
	}
	return q
}

// alias fills the names under which each target is known. An ambiguous name is known under nobody.
func (t *table) alias(k *Kit) {
	t.names, t.dyes = map[string][]int{}, map[string][]int{}
	put := func(m map[string][]int, key string, i int) {
		if key == "" {
			return
		}
		for _, have := range m[key] {
			if have == i {
				return
			}
		}
		m[key] = append(m[key], i)
	}
	for i, a := range k.Targets {
		for _, name := range append([]string{a.ID, a.Gene}, a.Aliases...) {
			put(t.names, squeeze(name), i)
			put(t.names, geneName(name), i)
		}
		put(t.dyes, squeeze(a.Channel), i)
		put(t.dyes, dyeName(a.Channel), i)
	}
	internal, n := 0, 0
	for i, a := range k.Targets {
		if a.Role == Internal {
			internal, n = i, n+1
		}
	}
	if n == 1 { // "IC" names the one internal control, whatever the kit calls it
		for _, name := range []string{"ic", "ipc"} {
			if len(t.names[name]) == 0 {
				put(t.names, name, internal)
			}
		}
	}
}

// Target finds which target of the kit an instrument means: by id, alias or gene, then by the parts of a joined test
// code ("ORF1ab^Ct", "SARS-CoV-2 N"), then by the dye, then by a target that is itself the name of a dye.
// It is false where nothing fits or two targets do.
func (k *Kit) Target(name, dye string) (id string, ok bool) {
	i, ok := k.ready().target(name, dye)
	if !ok {
		return "", false
	}
	return k.Targets[i].ID, true
}

func (t *table) target(name, dye string) (int, bool) {
	exact := func(m map[string][]int, keys ...string) (int, bool) {
		for _, key := range keys {
			if hit := m[key]; key != "" && len(hit) == 1 {
				return hit[0], true
			}
		}
		return 0, false
	}
	if i, ok := exact(t.names, squeeze(name), geneName(name)); ok {
		return i, true
	}
	if i, ok := t.parts(name); ok {
		return i, true
	}
	if len(t.dyes) == 0 {
		return 0, false
	}
	if i, ok := exact(t.dyes, squeeze(name), dyeName(name)); ok {
		return i, true
	}
	if name != "" && !colour(name) {
		return 0, false // a name that is not this kit's is not overruled by its colour
	}
	return exact(t.dyes, squeeze(dye), dyeName(dye))
}

// colour says whether a target's name says nothing: a dye, a filter, a channel number or a placeholder.
func colour(name string) bool {
	q := squeeze(name)
	if dyeNames[q] != "" {
		return true
	}
	for _, head := range []string{"target", "channel", "ch", "通道"} {
		if rest, ok := strings.CutPrefix(q, head); ok && strings.Trim(rest, "0123456789") == "" {
			return true
		}
	}
	return false
}

// parts looks a joined name up piece by piece; two pieces that name two targets settle nothing.
func (t *table) parts(name string) (int, bool) {
	found, at := false, 0
	for _, p := range strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune("^/|&: ,;_-()（）", r) }) {
		for _, key := range []string{squeeze(p), geneName(p)} {
			hit := t.names[key]
			if len(hit) != 1 {
				continue
			}
			if found && at != hit[0] {
				return 0, false
			}
			found, at = true, hit[0]
			break
		}
	}
	return at, found
}

// Index is Target as an index into Targets, for callers that hold values in that order (see CallRows).
func (k *Kit) Index(name, dye string) (int, bool) { return k.ready().target(name, dye) }

// beside are the last parts of test codes that carry a number which is not a Cq.
var beside = map[string]bool{
	"endpt": true, "endpoint": true, "conc": true, "log": true, "deltact": true, "titer": true, "slope": true,
	"probechkpt": true, "probecheck": true, "quantity": true, "2ndderiv": true, "peak": true,
}

// Beside says whether a joined test code ("N2^EndPt") names a number that is not a Cq.
func Beside(target string) bool {
	i := strings.LastIndexByte(target, '^')
	return i >= 0 && beside[squeeze(target[i+1:])]
}
