package web

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"natlims/lims"
	"natlims/lims/store"
)

func TestEveryRouteHasRoles(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range routes {
		require.False(t, seen[r.pattern], "%s stands twice", r.pattern)
		seen[r.pattern] = true
		require.NotEqual(t, r.public, len(r.who) > 0, "%s: public, or roles, never both nor neither", r.pattern)
		require.NotNil(t, r.do, r.pattern)
		require.NotContains(t, r.who, lims.Machine, "%s: machines use the API", r.pattern)
		if strings.HasPrefix(r.pattern, "POST ") && !r.public {
			require.NotNil(t, r.back, "%s: a refusal needs its page", r.pattern)
		}
	}
}

func TestLanguagesHaveTheSameKeys(t *testing.T) {
	t.Parallel()
	zh, en := languages["zh"], languages["en"]
	require.Equal(t, sortedKeys(zh), sortedKeys(en))
	hole := regexp.MustCompile(`\{[a-z_]+\}`)
	for k, text := range zh {
		require.NotEmpty(t, text, k)
		require.NotEmpty(t, en[k], k)
		a, b := hole.FindAllString(text, -1), hole.FindAllString(en[k], -1)
		slices.Sort(a)
		slices.Sort(b)
		require.Equal(t, slices.Compact(a), slices.Compact(b), "%s: the texts fill in different things", k)
	}
}

// TestEveryCodeHasAText reads the module's source: whoever adds a refusal adds its words in both languages.
func TestEveryCodeHasAText(t *testing.T) {
	t.Parallel()
	code := regexp.MustCompile(`(?:lims\.(?:E|Wrap)\([\w.]+, |Flag\{Code: |Code[A-Z]\w*\s+= )"([a-z_.]+)"`)
	missing := map[string]string{}
	for _, dir := range []string{"../../lims", "../../cmd", "../../instruments"} {
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			in := filepath.Base(filepath.Dir(path))
			if dir == "../../instruments" && in != "instruments" { // the wires' own codes are for logs
				return nil
			}
			b, err := os.ReadFile(path)
			for _, m := range code.FindAllSubmatch(b, -1) {
				group := "error."
				if strings.HasPrefix(string(m[0]), "Flag") {
					group = "flag."
				}
				if key := group + string(m[1]); languages["zh"][key] == "" {
					missing[key] = path
				}
			}
			return err
		})
		require.NoError(t, err)
	}
	require.Empty(t, missing)
}

// TestEveryTextIsThere reads the templates and the handlers for keys that no language has.
func TestEveryTextIsThere(t *testing.T) {
	t.Parallel()
	key := regexp.MustCompile(`[{(\s]t "([a-z0-9_.]+)"`)
	done := regexp.MustCompile(`(?:v\.done\(.*, |s\.(?:move|fix)\(v, )"([a-z_.]+)", `)
	missing := map[string]bool{}
	err := fs.WalkDir(files, "templates", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := files.ReadFile(path)
		for _, m := range key.FindAllSubmatch(b, -1) {
			if strings.HasSuffix(string(m[1]), ".") { // the beginning of a key
				continue
			}
			if languages["en"][string(m[1])] == "" {
				missing[string(m[1])] = true
			}
		}
		return err
	})
	require.NoError(t, err)
	sources, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, f := range sources {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		for _, m := range done.FindAllSubmatch(b, -1) {
			if languages["en"]["done."+string(m[1])] == "" {
				missing["done."+string(m[1])] = true
			}
		}
	}
	for _, s := range stations {
		if languages["en"]["nav."+s.name] == "" {
			missing["nav."+s.name] = true
		}
	}
	for group, words := range map[string][]string{"category": categories, "kind": kinds, "doc": documents, "mode": modes, "specimen": specimens,
		"role": roleNames, "queue": stageNames, "delivery": deliveryStates, "state": allStates(), "done.sign": {"check", "release", "hold", "withdraw"}, "reject": store.RejectReasons} {
		for _, w := range words {
			if languages["en"][group+"."+w] == "" {
				missing[group+"."+w] = true
			}
		}
	}
	require.Empty(t, slices.Sorted(maps.Keys(missing)))
}

func allStates() []string {
	return slices.Concat(lims.OrderMoves.States(), lims.SampleMoves.States(), lims.PlateMoves.States(), lims.ResultMoves.States(),
		lims.MessageMoves.States(), lims.DeliveryMoves.States())
}

// TestColourNeverSpeaksAlone: whatever has a colour has a sign.
func TestColourNeverSpeaksAlone(t *testing.T) {
	t.Parallel()
	for word, s := range signs {
		require.NotEmpty(t, s.glyph, word)
	}
	for _, s := range allStates() {
		require.NotEmpty(t, glyph(s), s)
	}
}

func TestTemplatesHaveNoInlineCode(t *testing.T) {
	t.Parallel()
	inline := regexp.MustCompile(`(?i)<script>|<style|\sstyle=|\son[a-z]+=|javascript:`)
	require.NoError(t, fs.WalkDir(files, "templates", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := files.ReadFile(path)
		require.Empty(t, inline.FindString(string(b)), path)
		return err
	}))
}

func TestSay(t *testing.T) {
	t.Parallel()
	require.Equal(t, "33,000", number(33000))
	require.Equal(t, "−1,234", number(-1234))
	require.Equal(t, "0", number(0))
	require.Equal(t, "999", number(999))
	require.Equal(t, "Unknown tube: a, b, c and others, 4 in all", say("en", "error.sample.unknown", lims.Args{"barcodes": []string{"a", "b", "c", "d"}}))
	require.Equal(t, "需要以下岗位之一:检测者、审核者", say("zh", "error.role.needed", lims.Args{"roles": []lims.Role{lims.Checker, lims.Releaser}}))
	require.Equal(t, "1 person", say("en", "persons.n", lims.Args{"n": 1}))
	require.Equal(t, "2 persons", say("en", "persons.n", lims.Args{"n": 2}))
	require.Equal(t, "5:12", minutes(312.6))
	require.Equal(t, "0:00", minutes(0))
}

func TestReadList(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text string
		want []string // number, name, document type, category, code
	}{
		"no heading":     {"A-1\t张三\t11010519491231002X", []string{"A-1 张三 resident_id screening "}},
		"comma":          {"编号,姓名,类别\nA-1,张三,密接", []string{"A-1 张三  close_contact "}},
		"wide comma":     {"A-1,李四,E12345678", []string{"A-1 李四 passport screening "}},
		"other order":    {"序号\t姓名\t身份号\t电话\t地址\t编号\n1\t张三\t\t138\t某路\tA-1", []string{"A-1 张三  screening "}},
		"quoted":         {`A-1,"张三,李四的箱子"`, []string{"A-1 张三,李四的箱子  screening "}},
		"short":          {"A-1", []string{"A-1   screening order.name"}},
		"twice":          {"A-1\t张三\nA-1\t李四", []string{"A-1 张三  screening ", "A-1 李四  screening order.twice"}},
		"no number":      {"\t张三\t", []string{" 张三  screening order.client_id"}},
		"bad identity":   {"A-1\t张三\t110105194912310021", []string{"A-1 张三 resident_id screening order.resident_id"}},
		"windows, blank": {"A-1\t张三\r\n\r\n \r\nA-2\t李四\r\n", []string{"A-1 张三  screening ", "A-2 李四  screening "}},
	} {
		var got []string
		for _, r := range readList(tt.text, listDefaults{"screening", "person"}).Rows {
			got = append(got, strings.Join([]string{r.Order.ClientID, r.Order.Subject.Name, r.Order.Subject.DocType, string(r.Order.Category), r.Code}, " "))
		}
		require.Equal(t, tt.want, got, name)
	}
}

func FuzzReadList(f *testing.F) {
	f.Add("编号\t姓名\nA-1\t张三")
	f.Add("a,\"b\nc;d")
	f.Fuzz(func(t *testing.T, text string) {
		p := readList(text, listDefaults{"screening", "person"})
		require.LessOrEqual(t, len(p.Rows), strings.Count(text, "\n")+1)
		for _, r := range p.Rows {
			if r.Status == "" {
				require.NotEmpty(t, r.Order.ClientID)
				require.NotEmpty(t, r.Order.Subject.Name)
			}
		}
	})
}

// TestNumber: the separators take nothing away and stand every three digits.
func TestNumber(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int().Draw(t, "n")
		text := number(n)
		back, err := strconv.Atoi(strings.NewReplacer(",", "", "−", "-").Replace(text))
		require.NoError(t, err)
		require.Equal(t, n, back)
		for i, part := range strings.Split(strings.TrimPrefix(text, "−"), ",") {
			require.True(t, len(part) == 3 || i == 0 && len(part) > 0 && len(part) < 4, text)
		}
	})
}

// TestReadable shows bytes without losing any: no control character goes out as it came.
func TestReadable(t *testing.T) {
	t.Parallel()
	text, cutOff := readable([]byte("\x05\x021H|\\^&\r\n\x03"))
	require.Equal(t, "␅␂1H|\\^&␍␊\n␃", text)
	require.False(t, cutOff)
	rapid.Check(t, func(t *rapid.T) {
		text, _ := readable(rapid.SliceOf(rapid.Byte()).Draw(t, "raw"))
		for _, r := range text {
			require.True(t, r >= ' ' || r == '\n' || r == '\t', "%q", text)
		}
	})
}

func TestLocal(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{"/": true, "/review?well=A1": true, "": false, "//evil.example": false, "https://evil.example": false, "/\\evil": false, "/a\nb": false} {
		require.Equal(t, want, local(path), path)
	}
}

// TestGist: what a code says of many messages says nothing of one.
func TestGist(t *testing.T) {
	t.Parallel()
	require.Equal(t, "没有此板", gist("zh", "plate.unknown"))
	require.Equal(t, "质控不符,而图样更像另一块板或转了方向;请两人核对", gist("zh", "run.fits_other"))
	require.Equal(t, "没有驱动能识别这份内容", gist("zh", "format.unknown"))
	require.Equal(t, "The controls of plate … do not hold, and the pattern fits another plate or turn better: two people must look", gist("en", "run.fits_other"))
	for lang, texts := range languages {
		for key := range texts {
			if code, ok := strings.CutPrefix(key, "error."); ok {
				require.NotContains(t, gist(lang, code), "{", key)
			}
		}
	}
	require.Empty(t, gist("en", "nothing.of.the.kind"))
}
