package pcr

import "natlims/lims/plate"

// Wells is how many wells one sample takes: one for each target of a singleplex kit, as often as the kit asks for replicates.
func (k *Kit) Wells() int {
	n := max(1, k.Replicates)
	if k.Layout == "singleplex" {
		n *= len(k.Targets)
	}
	return n
}

// Lanes are these wells by the target that each measures, replicates side by side; "" where a well measures all of them.
func (k *Kit) Lanes() plate.Lanes {
	targets := []string{""}
	if k.Layout == "singleplex" {
		targets = targets[:0]
		for _, t := range k.Targets {
			targets = append(targets, t.ID)
		}
	}
	var out plate.Lanes
	for _, t := range targets {
		for range max(1, k.Replicates) {
			out = append(out, t)
		}
	}
	return out
}

// Meets says whether a reading that names no target may be one of target i, which alone is measured in its well: its dye is the
// target's, or it tells none.
func (k *Kit) Meets(i int, name, dye string) bool {
	if name != "" && !colour(name) {
		return false
	}
	if dyeNames[squeeze(name)] != "" {
		dye = name
	}
	return dye == "" || dyeName(dye) == dyeName(k.Targets[i].Channel)
}

// ChannelOf is the channel in which a target is read; "" where the kit has no such target or does not say.
func (k *Kit) ChannelOf(target string) string {
	for i := range k.Targets {
		if k.Targets[i].ID == target {
			return k.Targets[i].Channel
		}
	}
	return ""
}
