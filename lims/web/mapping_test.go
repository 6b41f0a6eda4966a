package web

import (
	"bytes"
	"context"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/store"
)

// withTools is a day whose pages can replay messages and put files into folders.
func withTools(t *testing.T) (*day, string) {
	t.Helper()
	d := newDay(t)
	dir := t.TempDir()
	d.srv.Close()
	d.srv = httptest.NewServer(New(d.st, Options{
		Replay: func(ctx context.Context, by lims.Actor, id int64, apply bool) (store.Replay, error) {
			r := store.Replay{Message: id, State: lims.Recorded, Driver: "new", Readings: 2, Changed: 1, Changes: []store.ReadingChange{{Well: "A1", Target: "N", Old: "30", New: "31"}},
				Calls: []store.CallChange{{Plate: "P-1", Pos: "A1", Code: "S-1", Old: "negative", New: "positive"}}}
			if apply {
				r.Applied = "version"
			}
			return r, nil
		},
		Drop: func(dir, name string, b []byte) error { return os.WriteFile(filepath.Join(dir, name), b, 0o600) }}))
	t.Cleanup(d.srv.Close)
	return d, dir
}

// upload posts a form with a file.
func (p *person) upload(path, file, content string, pairs ...string) (int, string) {
	p.d.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i+1 < len(pairs); i += 2 {
		require.NoError(p.d.t, w.WriteField(pairs[i], pairs[i+1]))
	}
	if file != "" {
		f, err := w.CreateFormFile("file", file)
		require.NoError(p.d.t, err)
		_, err = f.Write([]byte(content))
		require.NoError(p.d.t, err)
	}
	require.NoError(p.d.t, w.Close())
	r, err := p.client.Post(p.d.srv.URL+path, w.FormDataContentType(), &b)
	require.NoError(p.d.t, err)
	return p.read(r)
}

var description = []string{"version", "0", "name", "gentier", "header", "孔 | 结果Ct", "well", "孔", "sample", "样本", "target", "#4", "cq", "结果Ct", "none", "未扩增", "decimal", ","}

// TestMapping describes a table, tries it on a file and on a kept message, saves it and takes it back.
func TestMapping(t *testing.T) {
	t.Parallel()
	d, _ := withTools(t)
	const table = "孔;样本;通道;靶;结果Ct\nA1;SN-1;FAM;ORF1ab;22,5\nA2;SN-2;FAM;ORF1ab;未扩增\n"
	at := fmt.Sprintf("/instruments/%d/mapping", d.inst)
	p := d.as("chief")
	code, body := p.upload(at+"/try", "run.csv", table, description...)
	require.Equal(t, http.StatusOK, code, body)
	for _, want := range []string{"SN-1", "ORF1ab", "22.5", "run.csv", `value="gentier"`} {
		require.Contains(t, body, want)
	}
	require.NotContains(t, body, "✕ 靶标")
	code, body = p.upload(at+"/try", "", "", description...)
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, body, "[mapping.no_file]")
	require.Contains(t, body, `value="gentier"`, "what was typed is kept")
	code, body = p.upload(at+"/try", "run.csv", "nothing of the kind\n", description...)
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, body, "[results.none]")

	k, err := d.st.KeepMessage(d.ctx, store.Arrival{Instrument: d.inst, Line: "folder", Name: "kept.csv", Bytes: []byte(table), Complete: true})
	require.NoError(t, err)
	code, body = p.upload(at+"/try", "", "", append([]string{"message", fmt.Sprint(k.ID)}, description...)...)
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "SN-2")
	var looks int
	require.NoError(t, d.st.DB().Get(&looks, `SELECT count(*) FROM audit WHERE verb = 'look' AND entity = 'message' AND key = $1`, k.ID))
	require.Equal(t, 1, looks, "a look at kept bytes is on record")

	code, _ = d.as("tech").upload(at, "", "", description...)
	require.Equal(t, http.StatusForbidden, code)
	bad := append([]string{"row", "x"}, description...)
	code, body = p.upload(at, "", "", bad...)
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, body, "[mapping.wrong]")
	require.Contains(t, body, "表头行为 0 至", "what is expected, in the reader's language")
	require.Contains(t, body, "(M4)")
	code, body = p.upload(at, "", "", append([]string{"name", "rdml"}, description[4:]...)...)
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, body, "[mapping.name]")
	code, body = p.upload(at, "", "", description...)
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "v1")
	code, body = p.upload(at, "", "", description...)
	require.Equal(t, http.StatusConflict, code)
	require.Contains(t, body, "[mapping.moved]")
	_, body = p.get(fmt.Sprintf("/instruments/%d", d.inst))
	require.Contains(t, body, "gentier")
	code, body = p.post(at+"/drop", "version", "1")
	require.Equal(t, http.StatusOK, code, body)
	_, body = p.get(fmt.Sprintf("/instruments/%d", d.inst))
	require.NotContains(t, body, "gentier")
	code, _ = d.as("east").get(at)
	require.Equal(t, http.StatusNotFound, code, "another laboratory's instrument")
	code, body = p.upload(at+"/try", "big.csv", strings.Repeat("x", maxBody+1), description...)
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, body, "[request.large]")
}

// TestInstrumentPage says how an instrument is used, and puts a plate file into its folder.
func TestInstrumentPage(t *testing.T) {
	t.Parallel()
	d, dir := withTools(t)
	p := d.as("chief")
	at := fmt.Sprintf("/instruments/%d", d.inst)
	code, body := p.post(at+"/work", "mode", "", "tests", "SARS-CoV-2 = COV, COV2\n", "setup", dir)
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "SARS-CoV-2 = COV, COV2")
	code, body = p.post(at+"/work", "tests", "no code")
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, body, "[work.tests]")
	code, body = p.post(at+"/work", "mode", "tube", "kit", d.kit)
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, body, "[tube.controls]", "a kit with controls on the plate")
	code, _ = d.as("tech").post(at+"/work", "setup", "/etc")
	require.Equal(t, http.StatusForbidden, code)

	codes := d.collect(d.dep, "SN1", "single", d.register(d.dep, "S-", 2, "key_person"))
	d.send("BX-1", d.dep, codes)
	d.receive("BX-1", codes)
	plate, err := d.st.Lay(d.ctx, d.people["tech"], store.NewPlate{Lab: d.lab, Wells: 96, Kit: d.kit, Lot: "2026031", Codes: codes})
	require.NoError(t, err)
	tech := d.as("tech")
	_, body = tech.get("/plates/" + plate.Code)
	require.Contains(t, body, "QS5-01")
	code, body = tech.post("/plates/"+plate.Code+"/setup", "instrument", fmt.Sprint(d.inst), "driver", "cfx")
	require.Equal(t, http.StatusOK, code, body)
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 1)
	b, err := os.ReadFile(filepath.Join(dir, files[0].Name()))
	require.NoError(t, err)
	require.Contains(t, string(b), codes[1])
	code, body = tech.post("/plates/"+plate.Code+"/setup", "instrument", "2", "driver", "cfx")
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, body, "[setup.no_folder]")
	code, _ = tech.post("/plates/"+plate.Code+"/setup", "instrument", "3", "driver", "cfx")
	require.Equal(t, http.StatusNotFound, code, "another laboratory's instrument")
}

// TestTrays: unknown senders and broken transmissions lie in trays of their own; an unknown sender is adopted.
func TestTrays(t *testing.T) {
	t.Parallel()
	d, _ := withTools(t)
	keep := func(inst int64, text string, whole bool) int64 {
		k, err := d.st.KeepMessage(d.ctx, store.Arrival{Instrument: inst, Line: "tcp-listen", Peer: "10.0.0.9:4001", Bytes: []byte(text), Complete: whole})
		require.NoError(t, err)
		return k.ID
	}
	stranger := keep(0, "H|who|am|I", true)
	require.NoError(t, d.st.FailMessage(d.ctx, stranger, "", "format.unknown", nil))
	broken := keep(d.inst, "H|half", false)
	whole := keep(d.inst, "H|half and the rest", true)
	p := d.as("chief")
	_, body := p.get("/messages?tray=unknown")
	require.Contains(t, body, fmt.Sprintf(`href="/messages/%d"`, stranger))
	require.Contains(t, body, "10.0.0.9:4001")
	require.NotContains(t, body, fmt.Sprintf(`href="/messages/%d"`, broken))
	_, body = p.get("/messages?tray=incomplete")
	require.Contains(t, body, fmt.Sprintf(`href="/messages/%d"`, broken))
	require.Contains(t, body, fmt.Sprintf(`class="chip ok" href="/messages/%d"`, whole), "the whole of it came later")
	_, body = p.get("/messages")
	require.NotContains(t, body, fmt.Sprintf(`href="/messages/%d"`, broken))
	code, body := p.get("/messages?tray=nowhere")
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, body, "[tray.unknown]")

	_, err := d.st.KeepMessage(d.ctx, store.Arrival{Instrument: d.inst, Line: "folder", Name: "slow.csv", Bytes: []byte("a,b\n1,")})
	require.NoError(t, err)
	grown, err := d.st.KeepMessage(d.ctx, store.Arrival{Instrument: d.inst, Line: "folder", Name: "slow.csv", Bytes: []byte("a,b\n1,2\n"), Complete: true})
	require.NoError(t, err)
	_, body = p.get(fmt.Sprintf("/messages/%d", grown.ID-1))
	require.Contains(t, body, fmt.Sprintf("完整文件随后已到:报文 %d", grown.ID), "what came of it before is put aside")

	_, body = p.get(fmt.Sprintf("/messages/%d", stranger))
	require.Contains(t, body, "/adopt")
	code, _ = d.as("tech").post(fmt.Sprintf("/messages/%d/adopt", stranger), "instrument", fmt.Sprint(d.inst))
	require.Equal(t, http.StatusForbidden, code)
	code, body = p.post(fmt.Sprintf("/messages/%d/adopt", stranger), "instrument", fmt.Sprint(d.inst))
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "QS5-01")
	code, _ = p.post(fmt.Sprintf("/messages/%d/adopt", stranger), "instrument", "2")
	require.Equal(t, http.StatusConflict, code, "its sender is known")
	second := keep(0, "H|who|am|I|again", true)
	_, body = p.get("/messages?tray=unknown")
	require.NotContains(t, body, fmt.Sprintf(`href="/messages/%d"`, second), "not settled yet")
	require.NoError(t, d.st.FailMessage(d.ctx, second, "", "format.unknown", nil))
	_, body = p.get(fmt.Sprintf("/messages/%d", second))
	require.Contains(t, body, `<option value="address">地址: 10.0.0.9</option>`, "that message only was adopted")
	code, body = p.post(fmt.Sprintf("/messages/%d/adopt", second), "instrument", fmt.Sprint(d.inst), "known", "address")
	require.Equal(t, http.StatusOK, code, body)
	third := keep(0, "H|me|once|more", true)
	row, err := d.st.MessageByID(d.ctx, store.Scope{}, third)
	require.NoError(t, err)
	require.Equal(t, "QS5-01", row.Instrument, "its sender is known now")
	_, body = p.get(fmt.Sprintf("/instruments/%d", d.inst))
	require.Contains(t, body, "10.0.0.9")
	code, _ = d.as("tech").post(fmt.Sprintf("/instruments/%d/senders/1/forget", d.inst))
	require.Equal(t, http.StatusForbidden, code)
	code, body = p.post(fmt.Sprintf("/instruments/%d/senders/1/forget", d.inst))
	require.Equal(t, http.StatusOK, code, body)
	require.NotContains(t, body, "10.0.0.9")
	row, err = d.st.MessageByID(d.ctx, store.Scope{}, keep(0, "H|and|again", true))
	require.NoError(t, err)
	require.Empty(t, row.Instrument, "unknown again")
	kept, err := d.st.KeptMessages(d.ctx, stranger-1, 1)
	require.NoError(t, err)
	require.Equal(t, d.inst, kept[0].Instrument, "it is read again as that instrument's")

	twin := keep(0, "H|half and the rest", true)
	require.NoError(t, d.st.FailMessage(d.ctx, twin, "", "format.unknown", nil))
	code, body = p.post(fmt.Sprintf("/messages/%d/adopt", twin), "instrument", fmt.Sprint(d.inst))
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "[message.repeat]")
}

// TestReplayPages shows what would change, writes it, and lists what a person must settle; dark results are counted.
func TestReplayPages(t *testing.T) {
	t.Parallel()
	d, _ := withTools(t)
	plate, _ := d.reviewable()
	p := d.as("chief")
	code, body := p.get("/messages/1/replay")
	require.Equal(t, http.StatusOK, code, body)
	for _, want := range []string{"P-1", "S-1", "阴性", "阳性", `action="/messages/1/replay"`} {
		require.Contains(t, body, want)
	}
	code, body = p.post("/messages/1/replay")
	require.Equal(t, http.StatusOK, code, body)
	code, _ = d.as("tech").get("/messages/1/replay")
	require.Equal(t, http.StatusForbidden, code)
	code, _ = d.as("east").get("/messages/1/replay")
	require.Equal(t, http.StatusNotFound, code)

	_, err := d.st.DB().Exec(`INSERT INTO disputes (run_id, lab_id, pos, code, old_call, new_call, released, raised_at) VALUES (1, $1, 'A1', 'S-1', 'negative', 'positive', true, $2)`,
		d.lab, d.clock.now())
	require.NoError(t, err)
	_, body = p.get("/disputes")
	require.Contains(t, body, `/disputes/1/settle`)
	code, _ = p.post("/disputes/1/settle", "reason", "")
	require.Equal(t, http.StatusUnprocessableEntity, code)
	code, body = p.post("/disputes/1/settle", "reason", "原判成立")
	require.Equal(t, http.StatusOK, code, body)
	require.NotContains(t, body, "/disputes/1/settle")

	_, body = p.get("/dark")
	require.Contains(t, body, "QS5-01")
	require.Contains(t, body, "无人认领 0", plate)
	_, body = p.get("/dark?day=2020-01-01&instrument=1")
	require.Contains(t, body, "没有记录任何读数")
	d.clock.step(24 * time.Hour)
	code, _ = p.get("/dark?day=nonsense")
	require.Equal(t, http.StatusOK, code)
}
