package web

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/store"
)

type kitsPage struct {
	Labs []store.Lab
	Lab  int64
	Kits []store.KitRow
	Lots []store.LotOnRecord
}

// qualityLab is the laboratory that a page of quality is about: the actor's own, else the one asked for, else the first.
func (s *site) qualityLab(v *visit) (lab int64, labs []store.Lab, err error) {
	if lab = v.Actor.Lab; lab != 0 {
		return lab, nil, nil
	}
	if labs, _, err = s.directory(v); err != nil {
		return 0, nil, err
	}
	if lab = v.id("lab"); lab == 0 && len(labs) > 0 {
		lab = labs[0].ID
	}
	return lab, labs, nil
}

func (s *site) kitList(v *visit) (err error) {
	var p kitsPage
	if p.Lab, p.Labs, err = s.qualityLab(v); err != nil {
		return err
	}
	if p.Kits, err = s.st.Kits(v.r.Context()); err != nil {
		return err
	}
	if p.Lots, err = s.st.Lots(v.r.Context(), p.Lab); err != nil {
		return err
	}
	return v.show("kits", p)
}

// upload reads a file of a form, or the text of the field of the same name with "_text"; empty where neither was given.
func (v *visit) upload(name string, most int64) (file string, content []byte, err error) {
	if err := v.r.ParseMultipartForm(most); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return "", nil, lims.E(lims.Invalid, "request.unreadable", nil)
	}
	v.Form = v.r.Form
	f, head, err := v.r.FormFile(name)
	if err != nil {
		return "", []byte(v.Form.Get(name + "_text")), nil //nolint:nilerr // no file: the text counts
	}
	defer f.Close()
	if content, err = io.ReadAll(io.LimitReader(f, most+1)); err != nil {
		return "", nil, lims.E(lims.Invalid, "request.unreadable", nil)
	}
	if int64(len(content)) > most {
		return "", nil, lims.E(lims.Invalid, "request.large", lims.Args{"max": most >> 20})
	}
	return head.Filename, content, nil
}

func (s *site) kitUpload(v *visit) error {
	_, body, err := v.upload("file", maxBody)
	if err != nil {
		return err
	}
	k, err := s.st.AddKit(v.r.Context(), v.Actor, body)
	if err != nil {
		return err
	}
	return v.done("/kits/"+url.PathEscape(k.Key()), "kit.added", lims.Args{"kit": k.Key()})
}

type kitPage struct {
	Row     store.KitRow
	Kit     *pcr.Kit
	Table   pcr.Page // the decision table, as `lims kit print` writes it
	Against string   // key of the version in use
	Diff    []pcr.Line
}

func (s *site) kitView(v *visit) error {
	ctx := v.r.Context()
	var p kitPage
	var err error
	if p.Row, p.Kit, err = s.st.Kit(ctx, v.r.PathValue("kit")); err != nil {
		return err
	}
	p.Table = p.Kit.Page(v.Lang)
	old, err := s.st.KitInUse(ctx, p.Row.Key)
	if err != nil {
		return err
	}
	if old != nil {
		p.Against, p.Diff = old.Key(), pcr.Diff(old, p.Kit, v.Lang)
	}
	return v.show("kit", p)
}

// kitApprove takes the insert itself, whose hash is worked out here and which is not kept, or its hash.
func (s *site) kitApprove(v *visit) error {
	name, doc, err := v.upload("insert", maxBody)
	if err != nil {
		return err
	}
	in := store.Insert{Name: v.field("name"), SHA256: v.field("sha256")}
	if name != "" {
		sum := sha256.Sum256(doc)
		in = store.Insert{Name: name, SHA256: hex.EncodeToString(sum[:])}
	}
	key := v.r.PathValue("kit")
	if err := s.st.ApproveKitBy(v.r.Context(), v.Actor, key, in); err != nil {
		return err
	}
	return v.done("/kits/"+url.PathEscape(key), "kit.approved", lims.Args{"kit": key})
}

func (s *site) lotAdd(v *visit) error {
	lab, _, err := s.qualityLab(v)
	if err != nil {
		return err
	}
	ranges, err := rangesOf(v.field("ranges"))
	if err != nil {
		return err
	}
	expires, _ := time.Parse(time.DateOnly, v.field("expires")) // zero is refused by the store
	l := store.LotOnRecord{Lab: lab, Kit: v.field("kit"), Number: v.field("number"), Expires: expires}
	if _, err := s.st.AddLotRanges(v.r.Context(), v.Actor, l, ranges); err != nil {
		return err
	}
	return v.done("/kits", "lot.added", lims.Args{"lot": l.Number})
}

// rangesOf reads "ORF1ab 24-28, N 23.5-27".
func rangesOf(text string) (map[string]pcr.Range, error) {
	out := map[string]pcr.Range{}
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' || r == '，' || r == '\n' }) {
		var target, span string
		if n, _ := fmt.Sscan(part, &target, &span); n == 0 {
			continue
		}
		low, high, _ := strings.Cut(span, "-")
		a, errA := strconv.ParseFloat(low, 64)
		b, errB := strconv.ParseFloat(high, 64)
		if errA != nil || errB != nil || !(a > 0 && a <= b && b < 100) {
			return nil, lims.E(lims.Invalid, "lot.range", lims.Args{"got": strings.TrimSpace(part)})
		}
		out[target] = pcr.Range{Low: a, High: b}
	}
	return out, nil
}

func (s *site) lotBlock(v *visit) error {
	if err := s.st.BlockLot(v.r.Context(), v.Actor, v.id("lot"), v.field("reason")); err != nil {
		return err
	}
	return v.done("/kits", "lot.blocked", nil)
}
