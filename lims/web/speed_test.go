package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// BenchmarkReview renders the fullest page: a plate with its wells, results, curves and the day's figures.
func BenchmarkReview(b *testing.B) {
	benchmarkPage(b, func(plate string) string { return "/review/" + plate })
}

// BenchmarkResults renders a department's list.
func BenchmarkResults(b *testing.B) {
	benchmarkPage(b, func(string) string { return "/results?department=1" })
}

func benchmarkPage(b *testing.B, path func(plate string) string) {
	d := newDay(b)
	plate, _ := d.reviewable()
	token, _, err := d.st.SignIn(b.Context(), "chief", password, "127.0.0.1")
	if err != nil {
		b.Fatal(err)
	}
	h := New(d.st, Options{})
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodGet, path(plate), nil)
		r.AddCookie(&http.Cookie{Name: sessionCookie, Value: token})
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Code, w.Body.String())
		}
	}
}
