package scenario

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// command runs the program in a folder with two instrument files and gives its exit code and what it said.
func command(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"cfx.csv": cfx, "empty.csv": cfx[:strings.Index(cfx, "\n")+1]} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	var out, errs bytes.Buffer
	c := exec.CommandContext(t.Context(), lims, args...)
	c.Dir, c.Stdin, c.Stdout, c.Stderr = dir, strings.NewReader(stdin), &out, &errs
	if err := c.Run(); err != nil {
		var e *exec.ExitError
		require.True(t, errors.As(err, &e), "%v", err)
	}
	return c.ProcessState.ExitCode(), out.String(), errs.String()
}

const cfx = ",Well,Fluor,Target,Content,Sample,Cq\n,A01,FAM,N,Unkn,S1,28.10\n,A02,FAM,N,NTC,S2,N/A\n,A03,FAM,N,Unkn,S3,\n"

// The readings of cfx.csv, as other programs rely on them.
const decoded = `{"file":"cfx.csv","driver":"cfx","instrument":"Bio-Rad CFX","plate":"","well":"A1","sample":"S1","target":"N","dye":"FAM","cq":28.10,"state":"cq","call":"","task":"Unkn","status":"","value":"","unit":""}
{"file":"cfx.csv","driver":"cfx","instrument":"Bio-Rad CFX","plate":"","well":"A2","sample":"S2","target":"N","dye":"FAM","cq":null,"state":"none","call":"","task":"NTC","status":"","value":"","unit":""}
{"file":"cfx.csv","driver":"cfx","instrument":"Bio-Rad CFX","plate":"","well":"A3","sample":"S3","target":"N","dye":"FAM","cq":null,"state":"empty","call":"","task":"Unkn","status":"","value":"","unit":""}
`

func TestDecode(t *testing.T) {
	t.Parallel()
	code, out, errs := command(t, "", "decode", "cfx.csv")
	require.Zero(t, code)
	require.Equal(t, decoded, out)
	require.Empty(t, errs)

	code, out, _ = command(t, cfx, "decode", "-")
	require.Zero(t, code)
	require.Equal(t, strings.ReplaceAll(decoded, "cfx.csv", "-"), out, "standard input")

	// What holds no results is refused with code 3 and one object, never "negative"; the other files are read all the same.
	code, out, _ = command(t, "", "decode", "empty.csv", "none.csv", "cfx.csv")
	require.Equal(t, 3, code)
	first, rest, _ := strings.Cut(out, "\n")
	require.Regexp(t, `^\{"error":\{"code":"[a-z._]+","message":".+","file":"empty.csv","line":\d+\}\}$`, first)
	second, rest, _ := strings.Cut(rest, "\n")
	require.Regexp(t, `^\{"error":\{"code":"file\.unreadable","message":".+","file":"none.csv","line":0\}\}$`, second)
	require.Equal(t, decoded, rest)
	require.NotContains(t, strings.ToLower(out), "negative")

	code, out, _ = command(t, "", "decode", "--driver", "nothing", "cfx.csv")
	require.Equal(t, 3, code)
	require.Contains(t, out, `"code":"format.unknown"`)
}

func TestCommands(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args        string
		code        int
		out, stderr string
	}{
		{"--help", 0, "Serve pages and API", ""},
		{"version", 0, "", ""},
		{"nonsense", 80, "", "unexpected argument nonsense"},
		{"demo --speed 0.5", 1, "", `lims: --speed "0.5": expected max or a factor from 1 to 100000`},
		{"migrate --dsn host=/nonexistent", 1, "", "lims: database"},
		{"drivers", 0, "cfx", ""},
		{"kits", 0, "daan@", ""},
		{"formats", 0, "json", ""},
		{"channels", 0, "webhook", ""},
	} {
		code, out, errs := command(t, "", strings.Fields(tt.args)...)
		require.Equal(t, tt.code, code, "%s: %s%s", tt.args, out, errs)
		require.Contains(t, out, tt.out, tt.args)
		require.Contains(t, errs, tt.stderr, tt.args)
	}
}
