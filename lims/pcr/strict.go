package pcr

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// fields are the keys that each level knows. An unknown key is a fault: it is a word of a rule, or a promise that nobody keeps.
var fields = map[string]string{
	"": "schema id version status name source insert insert_sha256 approved_by valid_from valid_to signal cycles pre_cycles " +
		"layout replicates pcr_minutes lod volume_ul max_pool max_samples_per_plate specimens instruments shared_channel note " +
		"targets states calls controls",
	"lod":      "value unit",
	"targets":  "id role gene channel aliases origin wells specificity required loinc note",
	"states":   "targets instruments when state note",
	"calls":    "when default call action note",
	"controls": "id role scope per_plate_min per_batch_min per_samples expect on_fail note",
}

func unknownFields(root *yaml.Node) []Fault {
	if len(root.Content) == 0 {
		return nil
	}
	doc := root.Content[0]
	out := unknownKeys(doc, "")
	for i := 0; i+1 < len(doc.Content); i += 2 {
		level, list := doc.Content[i].Value, doc.Content[i+1]
		if fields[level] == "" {
			continue
		}
		if list.Kind == yaml.MappingNode {
			out = append(out, unknownKeys(list, level)...)
			continue
		}
		for _, item := range list.Content {
			if item.Kind == yaml.AliasNode {
				item = item.Alias
			}
			out = append(out, unknownKeys(item, level)...)
		}
	}
	return out
}

func unknownKeys(n *yaml.Node, level string) []Fault {
	var out []Fault
	known := words(strings.Fields(fields[level]))
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if known.holds(key.Value) || key.Value == "<<" {
			continue
		}
		out = append(out, Fault{Line: key.Line, Text: fmt.Sprintf("unknown field %q: expected one of %s", key.Value, fields[level])})
	}
	return out
}

// whole are the keys of whole numbers; the reader of YAML would cut 1.9 to 1.
var whole = words{"cycles", "pre_cycles", "replicates", "pcr_minutes", "max_pool", "max_samples_per_plate", "per_plate_min", "per_batch_min",
	"per_samples", "attempt_lt", "attempt_ge"}

// once refuses a key that stands twice in one map: of two cut-offs nobody knows which is meant. A part of a number is refused too.
func once(n *yaml.Node) error {
	if n.Kind == yaml.MappingNode {
		at := map[string]int{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if first, twice := at[key.Value]; twice && key.Value != "<<" {
				return fmt.Errorf("line %d: key %q stands twice, first on line %d", key.Line, key.Value, first)
			}
			at[key.Value] = key.Line
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i].Value, n.Content[i+1].Value
			number := whole.holds(key) || (key == "min" || key == "max") && at["is"] > 0 // those of a lot_range are cycles
			if f, err := strconv.ParseFloat(value, 64); number && err == nil && f != math.Trunc(f) {
				return fmt.Errorf("line %d: %s %s: expected a whole number", n.Content[i].Line, key, value)
			}
		}
	}
	for _, c := range n.Content {
		if err := once(c); err != nil {
			return err
		}
	}
	return nil
}
