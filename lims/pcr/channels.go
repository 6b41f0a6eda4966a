package pcr

// channels are the detection channels of models in wide use, by comparable name (see model), from the makers' data
// sheets. A model that is not here is not judged.
var channels = map[string][]string{
	"cfx96":          {"fam", "vic", "rox", "cy5", "cy55"},
	"cfx96dx":        {"fam", "vic", "rox", "cy5", "cy55"},
	"cfxopus96":      {"fam", "vic", "rox", "cy5", "cy55"},
	"cfx384":         {"fam", "vic", "rox", "cy5"},
	"7500":           {"fam", "vic", "aby", "rox", "cy5"},
	"7500fast":       {"fam", "vic", "aby", "rox", "cy5"},
	"7500fastdx":     {"fam", "vic", "aby", "rox", "cy5"},
	"stepone":        {"fam", "vic", "rox"},
	"steponeplus":    {"fam", "vic", "aby", "rox"},
	"quantstudio3":   {"fam", "vic", "aby", "rox"},
	"quantstudio5":   {"fam", "vic", "aby", "rox", "jun", "cy5"},
	"quantstudiodx":  {"fam", "vic", "aby", "rox", "jun", "cy5"},
	"lightcycler480": {"fam", "vic", "rox", "cy5", "cy55"},
	"lightcycler96":  {"fam", "vic", "rox", "cy5"},
	"slan96p":        {"fam", "vic", "rox", "cy5"},
	"slan96s":        {"fam", "vic", "rox", "cy5"},
	"rotorgeneq":     {"fam", "vic", "rox", "cy5", "cy55"},
}

// Missing are the channels of the kit that an instrument lacks; none where the model is not known.
func (k *Kit) Missing(instrument string) []string {
	have, known := channels[model(instrument)]
	if !known {
		return nil
	}
	var out []string
	for _, a := range k.Targets {
		if a.Channel != "" && !words(have).holds(dyeName(a.Channel)) {
			out = append(out, a.Channel)
		}
	}
	return out
}
