package lims

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
)

// Transfer is one aliquot of a tube into a pool.
type Transfer struct {
	Tube     string
	Rack     int // from 1
	Place    int // in the rack, from 1
	Pool     string
	PoolRack int
	PoolAt   int // in the rack of pool tubes, from 1
	UL       int
	Done     bool
}

// RackPlaces is the number of tubes in one source rack, as liquid handlers carry 16 mm tubes; PoolPlaces that of pool tubes.
const RackPlaces, PoolPlaces = 32, 96

// PoolMix is a pool with its tubes in the order of mixing.
type PoolMix struct {
	Code  string
	Tubes []string
	UL    int
	Done  map[string]bool
}

// Transfers lays the tubes of a plan into racks in the order given and lists every aliquot, pool by pool.
func Transfers(tubes []string, pools []PoolMix) []Transfer {
	at := make(map[string]int, len(tubes))
	for i, t := range tubes {
		at[t] = i
	}
	var out []Transfer
	for p, m := range pools {
		for _, t := range m.Tubes {
			i := at[t]
			out = append(out, Transfer{Tube: t, Rack: i/RackPlaces + 1, Place: i%RackPlaces + 1, Pool: m.Code,
				PoolRack: p/PoolPlaces + 1, PoolAt: p%PoolPlaces + 1, UL: m.UL, Done: m.Done[t]})
		}
	}
	return out
}

// WriteHamilton writes transfers as the csv that a Hamilton method reads: one row an aliquot, with the barcode that the robot
// has to find in the place.
func WriteHamilton(w io.Writer, ts []Transfer) error {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	c.Write([]string{"SourceLabware", "SourcePosition", "SourceBarcode", "TargetLabware", "TargetPosition", "TargetBarcode", "Volume"}) //nolint:errcheck // Error tells
	for _, t := range ts {
		c.Write([]string{fmt.Sprintf("Tubes_%d", t.Rack), strconv.Itoa(t.Place), t.Tube, fmt.Sprintf("Pools_%d", t.PoolRack), //nolint:errcheck // Error tells
			strconv.Itoa(t.PoolAt), t.Pool, strconv.Itoa(t.UL)})
	}
	c.Flush()
	return c.Error()
}

// WriteTecan writes transfers as a Tecan worklist (gwl): aspirate, dispense, fresh tip. The fields of A and D are
// RackLabel;RackID;RackType;Position;TubeID;Volume;LiquidClass;TipType;TipMask;ForcedRackType.
func WriteTecan(w io.Writer, ts []Transfer) error {
	for _, t := range ts {
		if _, err := fmt.Fprintf(w, "A;Tubes_%d;;;%d;%s;%d;;;;\r\nD;Pools_%d;;;%d;%s;%d;;;;\r\nW;\r\n",
			t.Rack, t.Place, gwl(t.Tube), t.UL, t.PoolRack, t.PoolAt, gwl(t.Pool), t.UL); err != nil {
			return err
		}
	}
	return nil
}

// gwl takes out of a barcode what would end a field or a line.
func gwl(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c == ';' || c < ' ' {
			b[i] = '_'
		}
	}
	return string(b)
}
