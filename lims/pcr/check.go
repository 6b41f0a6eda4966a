package pcr

// Check lists what is wrong with the kit.
func (k *Kit) Check() []Fault { return k.faults }
