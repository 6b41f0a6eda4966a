package link

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"regexp"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/instruments/words"
)

func TestReasons(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	for _, c := range []struct {
		kind     Kind
		err      error
		code, zh string
	}{
		{Dial, refused, "L105", "10.0.0.5:4001 拒绝连接;仪器的 LIS 连接是否已开启?"},
		{Dial, &net.DNSError{}, "L107", "10.0.0.5:4001 中的主机名无法解析"},
		{Dial, syscall.EHOSTUNREACH, "L106", "10.0.0.5:4001 无应答;仪器是否开机并联网?"},
		{Dial, io.EOF, "L110", "仪器已断开连接"},
		{Serial, io.EOF, "L104", "10.0.0.5:4001 已断开"},
		{Serial, syscall.EIO, "L104", "10.0.0.5:4001 已断开"},
		{Serial, fmt.Errorf("port: %w", fs.ErrNotExist), "L101", "没有 10.0.0.5:4001;线缆是否插好?"},
		{Folder, fs.ErrNotExist, "L113", "没有文件夹 10.0.0.5:4001;共享是否已挂载?"},
		{Listen, syscall.EADDRINUSE, "L108", "10.0.0.5:4001 已被其他程序占用"},
		{Listen, errors.New("odd"), "L100", "odd"},
	} {
		r := reasonOf(c.kind, "10.0.0.5:4001", c.err)
		require.Equal(t, c.code, r.Code, "%v", c.err)
		require.Equal(t, c.zh, r.Text("zh"))
		h := Health{LastError: "x", ErrorCode: r.Code, ErrorArgs: r.Args}
		require.Equal(t, r.Text("en"), h.ErrorText("en"))
	}
}

// Every code that the package names has a text in both languages.
func TestEveryReasonHasTexts(t *testing.T) {
	t.Parallel()
	code := regexp.MustCompile(`"(L[0-9]{3})"`)
	n := 0
	for _, name := range []string{"reason.go", "line.go", "lines.go", "serial.go", "tcp.go", "row.go", "folder.go", "talk.go"} {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, m := range code.FindAllStringSubmatch(string(b), -1) {
			n++
			require.True(t, words.Has("line."+m[1]), m[1])
		}
	}
	require.Greater(t, n, 25)
}
