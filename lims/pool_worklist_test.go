package lims_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims"
)

func TestWorklists(t *testing.T) {
	t.Parallel()
	tubes := []string{"T1", "T2", "T3", "=1;2"}
	ts := lims.Transfers(tubes, []lims.PoolMix{{Code: "PL-1", Tubes: tubes[:2], UL: 200, Done: map[string]bool{"T1": true}}, {Code: "PL-2", Tubes: tubes[2:], UL: 150}})
	require.Len(t, ts, 4)
	require.Equal(t, lims.Transfer{Tube: "T1", Rack: 1, Place: 1, Pool: "PL-1", PoolRack: 1, PoolAt: 1, UL: 200, Done: true}, ts[0])
	var b bytes.Buffer
	require.NoError(t, lims.WriteHamilton(&b, ts))
	require.Equal(t, strings.Join([]string{"SourceLabware,SourcePosition,SourceBarcode,TargetLabware,TargetPosition,TargetBarcode,Volume",
		"Tubes_1,1,T1,Pools_1,1,PL-1,200", "Tubes_1,2,T2,Pools_1,1,PL-1,200", "Tubes_1,3,T3,Pools_1,2,PL-2,150", "Tubes_1,4,=1;2,Pools_1,2,PL-2,150", ""}, "\r\n"), b.String())
	b.Reset()
	require.NoError(t, lims.WriteTecan(&b, ts[2:]))
	require.Equal(t, "A;Tubes_1;;;3;T3;150;;;;\r\nD;Pools_1;;;2;PL-2;150;;;;\r\nW;\r\nA;Tubes_1;;;4;=1_2;150;;;;\r\nD;Pools_1;;;2;PL-2;150;;;;\r\nW;\r\n", b.String())
}

func TestTransfersFillRacks(t *testing.T) {
	t.Parallel()
	var tubes []string
	for i := range 40 {
		tubes = append(tubes, strings.Repeat("x", i+1))
	}
	ts := lims.Transfers(tubes, []lims.PoolMix{{Code: "P", Tubes: tubes, UL: 1}})
	require.Equal(t, 1, ts[31].Rack)
	require.Equal(t, 32, ts[31].Place)
	require.Equal(t, 2, ts[32].Rack)
	require.Equal(t, 1, ts[32].Place)
}
