package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// Scanned is what a scan turned out to be.
type Scanned struct {
	Barcode string `json:"barcode"`
	Outcome string `json:"outcome" enum:"received,extra,twice,unknown,rejected,elsewhere,future"`
	Persons int    `json:"persons,omitempty"`
}

type scanIn struct {
	Code string `path:"code" doc:"Code on the box"`
	Body struct {
		Barcodes []string `json:"barcodes" minItems:"1" maxItems:"2000"`
	}
}

type scanOut struct {
	Body struct {
		Tubes []Scanned `json:"tubes"`
	}
}

type closeOut struct {
	Body struct {
		Missing []string `json:"missing" doc:"Tubes of the manifest that did not come"`
	}
}

func (s *server) receipt(a huma.API) {
	huma.Register(a, op(http.MethodPost, "/boxes/{code}/scans", "scan-tubes", ReceiptWrite, "Receive tubes out of a box; each has its own outcome"),
		func(ctx context.Context, in *scanIn) (*scanOut, error) {
			rows, err := s.st.Scan(ctx, actor(ctx), in.Code, in.Body.Barcodes)
			if err != nil {
				return nil, s.problem(err)
			}
			out := &scanOut{}
			for _, r := range rows {
				out.Body.Tubes = append(out.Body.Tubes, Scanned(r))
			}
			return out, nil
		})
	huma.Register(a, op(http.MethodPost, "/boxes/{code}/close", "close-box", ReceiptWrite, "End the receipt of a box"),
		func(ctx context.Context, in *struct {
			Code string `path:"code"`
		}) (*closeOut, error) {
			gone, err := s.st.CloseBox(ctx, actor(ctx), in.Code)
			if err != nil {
				return nil, s.problem(err)
			}
			out := &closeOut{}
			out.Body.Missing = append([]string{}, gone...)
			return out, nil
		})
}
