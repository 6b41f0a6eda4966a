package link

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// With gives the line the settings of its row: a JSON object that may also hold words of others, such as how the instrument is used.
func (l Line) With(settings []byte) (Line, error) {
	if len(bytes.TrimSpace(settings)) == 0 {
		return l, nil
	}
	if err := json.Unmarshal(settings, &l.Settings); err != nil {
		return l, because("L131", err, "why", err.Error())
	}
	return l, nil
}

// Words are the words of Settings, as JSON names them, in their order there.
func Words() []string {
	t := reflect.TypeFor[Settings]()
	words := make([]string, t.NumField())
	for i := range words {
		words[i], _, _ = strings.Cut(t.Field(i).Tag.Get("json"), ",")
	}
	return words
}

// Strangers are the words of a row's settings that no line knows and that are not among the others': most often a word mistyped.
func Strangers(settings []byte, others []string) []string {
	var object map[string]json.RawMessage
	if json.Unmarshal(settings, &object) != nil {
		return nil
	}
	known := append(Words(), others...)
	return slices.DeleteFunc(slices.Sorted(maps.Keys(object)), func(w string) bool { return slices.Contains(known, w) })
}
