package web

import (
	"net/http"
	"net/url"
	"strings"

	"natlims/lims"
	"natlims/lims/store"
)

type receiptPage struct {
	Boxes      []store.BoxRow
	Closed     []store.BoxRow // the last ones
	Exceptions []store.ExceptionRow
}

const closedRows = 15

func (s *site) receipt(v *visit) error {
	if code := v.field("box"); code != "" {
		http.Redirect(v.w, v.r, "/receipt/"+url.PathEscape(code), http.StatusSeeOther)
		return nil
	}
	boxes, err := s.st.OpenBoxes(v.r.Context(), v.scope())
	if err != nil {
		return err
	}
	closed, err := s.st.ClosedBoxes(v.r.Context(), v.scope(), closedRows)
	if err != nil {
		return err
	}
	exceptions, err := s.st.OpenExceptions(v.r.Context(), v.scope())
	if err != nil {
		return err
	}
	return v.show("receipt", receiptPage{boxes, closed, exceptions})
}

// scanned is what a scan turned out to be, carried over the redirect.
type scanned struct {
	Barcode string `json:"b"`
	Outcome string `json:"o"`
	Persons int    `json:"n,omitempty"`
}

type boxPage struct {
	Box      store.BoxRow
	Awaited  []store.BoxTube // on the list of the box and not seen yet
	Received []store.BoxTube
	Extra    []store.ExceptionRow
	Unknown  []store.ExceptionRow
	Missing  []store.ExceptionRow
	Rejected []store.BoxTube
	Reasons  []string
}

func (s *site) box(v *visit) error {
	b, err := s.st.BoxByCode(v.r.Context(), v.scope(), v.r.PathValue("box"))
	if err != nil {
		return err
	}
	p := boxPage{Box: b, Reasons: store.RejectReasons}
	tubes, err := s.st.BoxTubes(v.r.Context(), b.ID)
	if err != nil {
		return err
	}
	for _, t := range tubes {
		switch {
		case t.State == string(lims.Rejected):
			p.Rejected = append(p.Rejected, t)
		case t.ReceivedAt == nil:
			p.Awaited = append(p.Awaited, t)
		default:
			p.Received = append(p.Received, t)
		}
	}
	odd, err := s.st.BoxExceptions(v.r.Context(), b.ID)
	if err != nil {
		return err
	}
	for _, e := range odd {
		switch e.Kind {
		case "extra":
			p.Extra = append(p.Extra, e)
		case "unknown":
			p.Unknown = append(p.Unknown, e)
		case "missing":
			p.Missing = append(p.Missing, e)
		}
	}
	return v.show("box", p)
}

// scansShown is the number of scans of one request whose outcomes are shown large; the lists have them all.
const scansShown = 12

// scan receives what the scanner sent: one barcode, or a batch one below the other.
func (s *site) scan(v *visit) error {
	box := v.r.PathValue("box")
	codes := strings.Fields(v.Form.Get("barcode"))
	out, err := s.st.Scan(v.r.Context(), v.Actor, box, codes)
	if err != nil {
		return err
	}
	var m message
	for i, o := range out {
		if i == scansShown {
			break
		}
		m.Scan = append(m.Scan, scanned{o.Barcode, o.Outcome, o.Persons})
	}
	return v.leave("/receipt/"+url.PathEscape(box), m)
}

func (s *site) closeBox(v *visit) error {
	box := v.r.PathValue("box")
	missing, err := s.st.CloseBox(v.r.Context(), v.Actor, box)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return v.done("/receipt/"+url.PathEscape(box), "box.closed_missing", lims.Args{"n": len(missing)})
	}
	return v.done("/receipt/"+url.PathEscape(box), "box.closed", nil)
}

// reject refuses one tube, from the page of its box or its own.
func (s *site) reject(v *visit) error {
	barcode := v.r.PathValue("barcode")
	if err := s.st.RejectSample(v.r.Context(), v.Actor, barcode, v.field("reason")); err != nil {
		return err
	}
	return v.done("/tubes/"+url.PathEscape(barcode), "tube.rejected", lims.Args{"barcode": barcode})
}

// closeException settles what did not fit, with what became of it.
func (s *site) closeException(v *visit) error {
	if err := s.st.CloseException(v.r.Context(), v.Actor, v.id("exception"), v.field("note")); err != nil {
		return err
	}
	return v.done("/receipt", "exception.closed", nil)
}
