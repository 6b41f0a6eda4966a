package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"natlims/lims"
	"natlims/lims/store"
)

type messageIn struct {
	Body struct {
		Bytes    []byte `json:"bytes" contentEncoding:"base64" doc:"The message or file exactly as the instrument sent it"`
		Name     string `json:"name,omitempty" maxLength:"200" doc:"File name, for people"`
		Line     string `json:"line,omitempty" enum:"serial,tcp-listen,tcp-dial,folder,push"`
		Peer     string `json:"peer,omitempty" maxLength:"200"`
		Complete *bool  `json:"complete,omitempty" doc:"false: the transmission broke off. Default true"`
	}
}

type messageOut struct {
	Body struct {
		ID     int64  `json:"id"`
		Repeat bool   `json:"repeat" doc:"These bytes were here before: nothing is judged twice"`
		State  string `json:"state"`
	}
}

type instrumentsOut struct {
	Body struct {
		Instruments []Instrument `json:"instruments"`
	}
}

// Instrument is an instrument and how its line is.
type Instrument struct {
	ID          int64      `json:"id"`
	Code        string     `json:"code"`
	Model       string     `json:"model"`
	Line        string     `json:"line"`
	Protocol    string     `json:"protocol"`
	State       string     `json:"state,omitempty" enum:"opening,up,wrong,ended" doc:"Empty where another process has the line"`
	LastMessage *time.Time `json:"last_message,omitempty"`
	LastError   string     `json:"last_error,omitempty"`
	ErrorCode   string     `json:"error_code,omitempty" doc:"Stable code of the last error, such as L105"`
	Messages    int64      `json:"messages,omitempty" doc:"Since the process began"`
	Repeated    int64      `json:"repeated,omitempty"`
	Incomplete  int64      `json:"incomplete,omitempty"`
}

// runs takes what adapters push. The answer means that the bytes are stored for good: only then may the instrument forget them.
func (s *server) runs(a huma.API) {
	o := op(http.MethodPost, "/messages", "push-message", MessagesWrite, "Keep an instrument's message; the token says which instrument")
	o.MaxBodyBytes = store.MaxMessage/3*4 + 4096
	o.BodyReadTimeout = time.Minute
	huma.Register(a, o, func(ctx context.Context, in *messageIn) (*messageOut, error) {
		by := actor(ctx)
		if by.Instrument == 0 {
			return nil, s.problem(lims.E(lims.Denied, "token.no_instrument", nil))
		}
		m := store.Arrival{Instrument: by.Instrument, Line: "push", Peer: in.Body.Peer, Name: in.Body.Name, Bytes: in.Body.Bytes, Complete: true}
		if in.Body.Line != "" {
			m.Line = in.Body.Line
		}
		if in.Body.Complete != nil {
			m.Complete = *in.Body.Complete
		}
		k, err := s.st.KeepMessage(ctx, m)
		if err != nil {
			return nil, s.problem(err)
		}
		out := &messageOut{}
		out.Body.ID, out.Body.Repeat, out.Body.State = k.ID, k.Repeat, string(k.State)
		return out, nil
	})
}

func (s *server) instruments(a huma.API) {
	huma.Register(a, op(http.MethodGet, "/instruments", "list-instruments", InstrumentsRead, "How the instruments and their lines are"),
		func(ctx context.Context, _ *struct{}) (*instrumentsOut, error) {
			rows, err := s.st.Instruments(ctx, actor(ctx).Lab)
			if err != nil {
				return nil, s.problem(err)
			}
			out := &instrumentsOut{}
			at := map[int64]int{}
			for i, r := range rows {
				at[r.ID] = i
				out.Body.Instruments = append(out.Body.Instruments, Instrument{ID: r.ID, Code: r.Code, Model: r.Model, Line: r.Line, Protocol: r.Protocol,
					LastMessage: r.LastMessageAt})
			}
			if s.health == nil {
				return out, nil
			}
			for _, h := range s.health() {
				if i, ok := at[h.ID]; ok {
					one := &out.Body.Instruments[i]
					one.State, one.LastError, one.ErrorCode = h.State, h.LastError, h.ErrorCode
					one.Messages, one.Repeated, one.Incomplete = h.Messages, h.Repeated, h.Incomplete
				}
			}
			return out, nil
		})
}
